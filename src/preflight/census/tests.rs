use std::collections::{BTreeMap, BTreeSet, HashSet};

use proptest::prelude::*;

use super::*;
use crate::model::{
    Channel, Code, Contact, Credential, Factor, FactorType::*, Fault, Planned, PublicKeyCredential,
    Refusal, Rejection, UserId,
};

/// A row: number of its user, type, number of its value, and a number that chooses the rest.
type TestRow = (u8, FactorType, u8, u8);

fn user(number: u8) -> UserId {
    UserId::parse(&format!("auth0|{number}")).unwrap()
}

fn planned((of_user, of, value, more): TestRow) -> Planned {
    let key = |relying_party_identifier| PublicKeyCredential {
        key_id: format!("key{value}"),
        public_key: String::new(),
        relying_party_identifier,
    };
    let party = format!("p{}.example", more % 3);
    let credential = match of {
        Phone => Credential::Phone {
            number: Contact::new(format!("+1415555{value:04}")),
            preferred: [None, Some(Channel::Sms), Some(Channel::Voice)][usize::from(value % 3)],
        },
        Email => Credential::Email { address: Contact::new(format!("a{value}@b.example")) },
        Totp => Credential::Totp { secret: format!("SECRET{value}").into() },
        WebauthnRoaming => Credential::WebauthnRoaming(key(Some(party))),
        Passkey => {
            let party = (more % 4 != 3).then_some(party);
            Credential::Passkey(key(party), Box::default())
        }
    };
    let factor = Factor { line: 1, at: None, user: user(of_user), name: None, credential };
    Planned::Factor(Box::new(factor))
}

fn refused(line: u64, of_user: Option<u8>, refusal: Refusal, code: Code) -> Planned {
    Planned::Rejected(Box::new(Rejection {
        user: of_user.map(user),
        refusal,
        ..Rejection::of_line(line, vec![Fault::new("", code, "")])
    }))
}

fn census(rows: &[Planned]) -> Census {
    let (mut gatherer, mut marker) = Gatherer::of_users(SampleSize::Users(0), 1);
    for row in rows {
        gatherer.add(marker.mark(row)).unwrap();
    }
    gatherer.finish().unwrap().0
}

fn of_rows(rows: &[TestRow]) -> Census {
    census(&rows.iter().copied().map(planned).collect::<Vec<_>>())
}

fn tally(rows: u64, users: u64) -> Tally {
    Tally { rows, users: Some(users) }
}

proptest! {
    #[test]
    fn scattered_rows_and_duplicates_come_to_what_a_look_at_all_at_once_gives(
        rows in prop::collection::vec(
            (0_u8..6, prop::sample::select(FactorType::ALL.to_vec()), 0_u8..30, 0_u8..12), 0..200),
    ) {
        let census = of_rows(&rows);
        let mut seen = HashSet::new();
        let unique: Vec<_> = rows.iter().filter(|row| seen.insert((row.0, row.1, row.2))).collect();
        prop_assert_eq!(census.duplicates, (rows.len() - unique.len()) as u64);
        prop_assert_eq!(census.factors(), unique.len() as u64);
        let mut people = BTreeMap::<u8, Vec<&TestRow>>::new();
        for row in &unique {
            people.entry(row.0).or_default().push(row);
        }
        prop_assert_eq!(census.users, Some(people.len() as u64));
        let tally_of = |is: &dyn Fn(&TestRow) -> bool| tally(
            unique.iter().filter(|row| is(row)).count() as u64,
            people.values().filter(|rows| rows.iter().any(|row| is(row))).count() as u64,
        );
        for of in FactorType::ALL {
            prop_assert_eq!(census.of(of), tally_of(&|row| row.1 == of));
            let only = people.values().filter(|rows| {
                let types: BTreeSet<_> = rows.iter().map(|row| row.1).collect();
                types.contains(&of) && types.iter().all(|one| [of, Email].contains(one))
            });
            prop_assert_eq!(census.users_with_only(of, &[Email]), Some(only.count() as u64));
        }
        prop_assert_eq!(census.sms, tally_of(&|row| row.1 == Phone && row.2 % 3 != 2));
        prop_assert_eq!(census.voice, tally_of(&|row| row.1 == Phone && row.2 % 3 == 2));
        let email: Vec<_> =
            people.values().filter(|rows| rows.iter().all(|row| row.1 == Email)).collect();
        let n_rows: usize = email.iter().map(|rows| rows.len()).sum();
        prop_assert_eq!(census.email_only, tally(n_rows as u64, email.len() as u64));
        let many: Vec<_> = people.values().filter(|rows| {
            let passkeys = rows.iter().filter(|row| row.1 == Passkey).count();
            passkeys > 20 || rows.len() - passkeys > 10
        }).collect();
        let n_rows: usize = many.iter().map(|rows| rows.len()).sum();
        prop_assert_eq!(census.too_many, tally(n_rows as u64, many.len() as u64));
    }
}

#[test]
fn relying_parties_have_a_tally_each_and_a_user_of_two_counts_once() {
    let census = of_rows(&[
        (1, WebauthnRoaming, 1, 0),
        (1, Passkey, 2, 1),
        (1, Passkey, 2, 1),
        (2, Passkey, 3, 1),
        (3, Passkey, 4, 3),
        (4, WebauthnRoaming, 5, 2),
    ]);
    let parties = &census.parties;
    let (found, all) = parties.select(|id| id != Some("p2.example"));
    assert_eq!(
        found,
        [(Some("p1.example"), tally(2, 2)), (Some("p0.example"), tally(1, 1))],
        "a passkey without a relying party is nobody's"
    );
    assert_eq!(all, tally(3, 2));
    assert_eq!(parties.select(|_| false), (Vec::new(), tally(0, 0)));
}

#[test]
fn more_relying_parties_than_are_told_apart_count_together() {
    let key = |number: usize| {
        let Planned::Factor(mut factor) = planned((1, WebauthnRoaming, 0, 0)) else { panic!() };
        factor.user = UserId::parse(&format!("auth0|{number}")).unwrap();
        let party = Some(format!("p{number}.example"));
        let key_id = number.to_string();
        factor.credential = Credential::WebauthnRoaming(PublicKeyCredential {
            key_id,
            public_key: String::new(),
            relying_party_identifier: party,
        });
        Planned::Factor(factor)
    };
    let census = census(&(0..10_000).map(key).collect::<Vec<_>>());
    let (found, all) = census.parties.select(|_| true);
    assert_eq!(found.len(), usize::from(kind::MAX_PARTIES) + 1);
    assert_eq!(found[0], (None, tally(10_000 - 120, 10_000 - 120)));
    assert_eq!(all, tally(10_000, 10_000));
}

#[test]
fn refused_rows_are_counted_and_recovery_codes_by_person() {
    let census = census(&[
        planned((1, Totp, 1, 0)),
        refused(2, Some(1), Refusal::NotCarried, Code::RecoveryCodesNotImportable),
        refused(3, Some(2), Refusal::NotCarried, Code::RecoveryCodesNotImportable),
        refused(4, None, Refusal::NotCarried, Code::RecoveryCodesNotImportable),
        refused(5, None, Refusal::NotCarried, Code::RecoveryCodesNotImportable),
        refused(6, Some(2), Refusal::NotCarried, Code::HotpUnsupported),
        refused(7, Some(2), Refusal::Rejected, Code::TooShort),
    ]);
    assert_eq!((census.rows, census.not_carried, census.rejected), (7, 5, 1));
    assert_eq!((census.users, census.factors()), (Some(1), 1));
    assert_eq!(census.recovery_codes, tally(4, 4));
}

#[test]
fn where_only_rows_are_counted_nothing_is_said_of_users() {
    let (mut gatherer, mut marker) = Gatherer::of_rows();
    for row in [(1, Phone, 2, 0), (1, Phone, 1, 0), (2, Email, 1, 0), (2, WebauthnRoaming, 1, 0)] {
        gatherer.add(marker.mark(&planned(row))).unwrap();
    }
    let (census, sample) = gatherer.finish().unwrap();
    assert_eq!((census.users, census.rows, census.factors()), (None, 4, 4));
    assert_eq!(census.of(Phone), Tally { rows: 2, users: None });
    assert_eq!((census.sms.rows, census.voice), (1, Tally { rows: 1, users: None }));
    assert_eq!(census.users_with_only(Email, &[]), None);
    assert_eq!(census.parties.select(|_| true).1, Tally { rows: 1, users: None });
    assert!(sample.is_empty());
}
