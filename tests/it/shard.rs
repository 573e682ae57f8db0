//! `--shard`: parts of an input's users, each with a ledger of its own, and reports that add them
//! up.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
};

use mfaferry::{
    model::Shard,
    sandbox::{Settings, User, Users},
};
use serde_json::{Value, json};

use crate::{
    max_users::follow,
    resolve::{person, realm},
    support::{Bench, Done, binary, factors, run, signal, spawn, until},
};

/// Keys of a summary that add up over shards.
const SUMS: [&str; 5] = ["rows", "duplicates", "created", "rejected", "skipped"];

/// Runs the import of a shard.
fn import(bench: &Bench, input: &str, shard: &str, flags: &[&str]) -> Done {
    run(bench.import(input).args(["--shard", shard]).args(flags))
}

fn report(bench: &Bench, arguments: &[&str]) -> Done {
    run(binary().current_dir(bench.folder.path()).arg("report").args(arguments))
}

/// Methods that the tenant holds: each user with the digests of their methods.
fn held(bench: &Bench) -> BTreeMap<String, Vec<String>> {
    let digests = |methods: Vec<mfaferry::sandbox::Method>| {
        let mut all: Vec<_> = methods.iter().map(mfaferry::sandbox::Method::digest).collect();
        all.sort();
        all
    };
    let state = bench.tenant().state().into_iter();
    state
        .map(|(user, methods)| (user, digests(methods)))
        .filter(|(_, all)| !all.is_empty())
        .collect()
}

fn add(sums: &mut BTreeMap<&'static str, u64>, summary: &Value) {
    for key in SUMS {
        *sums.entry(key).or_default() += summary[key].as_u64().unwrap();
    }
}

/// Every user of a ledger is one of its shard; those that are not known, and ids that are none, are
/// the first's.
fn users_of_shard(rows: &[Value], shard: Shard) -> BTreeSet<String> {
    for row in rows {
        let user = row["user_id"].as_str().filter(|id| id.contains('|'));
        assert!(shard.has(user), "{shard}: {row}");
    }
    rows.iter().filter_map(|row| row["user_id"].as_str()).map(str::to_owned).collect()
}

/// Rows of an input with twelve people: good ones, bad ones, ones that come again, and some of
/// nobody.
fn some_rows(rng: &mut fastrand::Rng) -> Vec<String> {
    let mut rows: Vec<String> = Vec::new();
    for number in 0..60 {
        let user = format!("auth0|u{}", rng.u32(0..12));
        let row = match rng.u32(0..10) {
            0 => format!("{user},phone,,1,"),
            1 => format!(",phone,,+1415555{number:04},"),
            2 => format!("u{},phone,,1,", rng.u32(0..3)),
            3 if !rows.is_empty() => rows[rng.usize(0..rows.len())].clone(),
            4 | 5 => {
                let secret = data_encoding::BASE32_NOPAD.encode(format!("{number:020}").as_bytes());
                format!("{user},totp,App {number},,{secret}")
            }
            6 => format!("\" {user}\",phone,,+1415555{number:04},"),
            _ => format!("{user},phone,,+1415555{number:04},"),
        };
        rows.push(row);
    }
    rows
}

fn csv(rows: &[String]) -> String {
    format!("user_id,type,name,phone_number,totp_secret\n{}\n", rows.join("\n"))
}

#[test]
fn shards_together_create_what_one_run_creates_and_nobody_is_in_two() {
    let seed = 90;
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut rows = some_rows(&mut rng);
    let whole = Bench::new(Settings::default());
    whole.write("in.csv", csv(&rows));
    let done = run(&mut whole.import("in.csv"));
    assert_eq!(done.code, Some(4), "seed {seed}: {done:?}");
    let expected = held(&whole);
    let mut of_whole = BTreeMap::new();
    add(&mut of_whole, &done.summary());
    for count in [1, 2, 3, 7_u16] {
        let bench = Bench::new(Settings::default());
        let (mut sums, mut users) = (BTreeMap::new(), BTreeSet::new());
        for shard in Shard::all(count) {
            // Wherever the rows are.
            rng.shuffle(&mut rows);
            bench.write("in.csv", csv(&rows));
            let done = import(&bench, "in.csv", &shard.to_string(), &[]);
            assert!(matches!(done.code, Some(0 | 4)), "seed {seed}: {done:?}");
            let summary = done.summary();
            let said = summary["shard"].as_str().map(str::to_owned);
            assert_eq!(said, (count > 1).then(|| shard.to_string()), "{summary}");
            add(&mut sums, &summary);
            let n_others = summary["rows_of_other_shards"].as_u64();
            let n_all = n_others.map(|others| others + summary["rows"].as_u64().unwrap());
            assert_eq!(n_all, (count > 1).then_some(60), "seed {seed}: {summary}");
            let ledger = format!("in.csv{}", shard.ending_of_ledger());
            let of_shard = users_of_shard(&bench.rows(&ledger), shard);
            let mut valid = of_shard.into_iter().filter(|user| user.contains('|'));
            assert!(valid.all(|user| users.insert(user)), "seed {seed}: a user is split");
        }
        assert_eq!(sums, of_whole, "seed {seed}: {count} shards");
        assert_eq!(held(&bench), expected, "seed {seed}: {count} shards");
    }
}

#[test]
fn a_user_of_jsonl_is_in_one_shard_and_each_line_counts_once() {
    let lines = (0..20)
        .map(|number| {
            let phone = |digit: u32| json!({"type": "phone", "phone_number": format!("+1415555{digit}{number:03}")});
            let user = format!("auth0|j{}", number % 9);
            let line = match number % 5 {
                0 => json!({"user_id": user, "authentication_methods": [phone(1), phone(2), {"type": "phone"}]}),
                1 => json!({"user_id": user, "unknown": 1}),
                2 => json!({"user_id": 5}),
                3 => json!([]),
                _ => json!({"user_id": user, "type": "phone", "phone_number": format!("+14155559{number:03}")}),
            };
            format!("{line}\n")
        })
        .collect::<Vec<_>>()
        .concat();
    let whole = Bench::new(Settings::default());
    whole.write("in.jsonl", format!("{lines}no json\n"));
    let mut of_whole = BTreeMap::new();
    add(&mut of_whole, &run(&mut whole.import("in.jsonl")).summary());
    let bench = Bench::new(Settings::default());
    bench.write("in.jsonl", format!("{lines}no json\n"));
    let mut sums = BTreeMap::new();
    for shard in Shard::all(3) {
        add(&mut sums, &import(&bench, "in.jsonl", &shard.to_string(), &[]).summary());
        users_of_shard(&bench.rows(&format!("in.jsonl{}", shard.ending_of_ledger())), shard);
    }
    assert_eq!((sums, held(&bench)), (of_whole, held(&whole)));
}

#[test]
fn people_of_an_export_are_split_by_the_user_that_they_are_in_the_tenant() {
    let people: Vec<_> =
        (0..24).map(|n| person(&format!("p{n}"), Some(&format!("p{n}@corp.test")), true)).collect();
    // Two in three are other users than their ids say, and some are nobody.
    let map = (0..22)
        .map(|n| format!("auth0|t{},p{n}\n", if n % 3 == 0 { n } else { 100 - n }))
        .collect::<Vec<_>>()
        .concat();
    let flags = ["--from", "keycloak", "--users", "map.csv"];
    let start = || {
        let bench = Bench::new(Settings::default());
        bench.write("realm.json", realm(&people));
        bench.write("map.csv", format!("user_id,id\n{map}"));
        bench
    };
    let whole = start();
    let mut of_whole = BTreeMap::new();
    add(&mut of_whole, &run(whole.import("realm.json").args(flags)).summary());
    let bench = start();
    let mut sums = BTreeMap::new();
    for shard in Shard::all(3) {
        add(&mut sums, &import(&bench, "realm.json", &shard.to_string(), &flags).summary());
        let rows = bench.rows(&format!("realm.json{}", shard.ending_of_ledger()));
        assert!(users_of_shard(&rows, shard).len() > 2, "{shard}");
    }
    assert_eq!((sums, held(&bench)), (of_whole, held(&whole)));
    // The same users are verified by the shard that has created them.
    let verify = |shard: &str| {
        let done =
            run(bench.command("verify").arg("realm.json").args(flags).args(["--shard", shard]));
        let summary = done.json();
        assert_eq!(
            (&summary["missing"], &summary["shard"]),
            (&json!(0), &json!(shard)),
            "{done:?}"
        );
        summary["unverifiable"].as_u64().unwrap()
    };
    assert_eq!(["1/3", "2/3", "3/3"].map(verify).iter().sum::<u64>(), 22);
}

#[test]
fn no_address_is_asked_for_by_two_shards_and_the_maps_together_are_the_map_of_all() {
    let names =
        ["ann", "Ann", "ANN", "bob", "cid", "Cid", "dan", "eve", "fay", "gus", "hal", "ida"];
    let mut people: Vec<_> = names
        .iter()
        .enumerate()
        .map(|(n, name)| person(&format!("p{n}"), Some(&format!("{name}@Corp.test")), true))
        .collect();
    people.extend([person("x1", None, true), person("x2", None, true)]);
    let users = ["ann", "bob", "cid", "eve", "ida"];
    let users: Vec<_> =
        users.map(|name| User::new(format!("auth0|{name}"), format!("{name}@corp.test"))).into();
    let start = || {
        let known = Users::Known(users.clone().into());
        let bench = Bench::new(Settings { users: known, ..Settings::default() });
        bench.write("realm.json", realm(&people));
        bench
    };
    let resolve = |bench: &Bench, out: &str, flags: &[&str]| {
        let mut command = bench.command("resolve");
        run(command.args(["realm.json", "--from", "keycloak", "--out", out]).args(flags))
    };
    let lines = |bench: &Bench, name: &str| -> BTreeSet<String> {
        fs::read_to_string(bench.path(name)).unwrap().lines().skip(1).map(str::to_owned).collect()
    };
    let whole = start();
    let done = resolve(&whole, "map.csv", &[]);
    assert_eq!(done.code, Some(4), "{done:?}");
    let bench = start();
    let (mut all, mut rows, mut seen) = (BTreeSet::new(), 0, BTreeSet::new());
    for shard in Shard::all(3) {
        let (out, before) =
            (format!("map-{}.csv", shard.number()), bench.tenant().arrivals().len());
        let done = resolve(&bench, &out, &["--shard", &shard.to_string()]);
        rows += done.summary()["rows"].as_u64().unwrap();
        assert_eq!(done.summary()["shard"], shard.to_string());
        all.append(&mut lines(&bench, &out));
        let asked = bench.tenant().arrivals().into_iter().skip(before);
        let asked: BTreeSet<_> = asked.map(|arrival| arrival.user_id.to_lowercase()).collect();
        assert!(asked.into_iter().all(|address| seen.insert(address)), "{shard} asks again");
    }
    assert_eq!((rows, all), (14, lines(&whole, "map.csv")));
    assert_eq!(lines(&bench, "map-1.csv").iter().filter(|line| line.contains(",x")).count(), 2);
    // A map is one shard's.
    let other = resolve(&bench, "map-1.csv", &["--shard", "2/3"]);
    assert_eq!(other.code, Some(6), "{other:?}");
    let remedy = "`--shard 1/3` to go on with its map, or give this run an --out of its own";
    assert!(other.stderr.contains(remedy) && !other.stderr.contains("created"), "{other:?}");
}

#[test]
fn a_shard_that_is_killed_goes_on_where_it_was_and_its_ledger_takes_no_other() {
    let bench = Bench::new(Settings { latency_ms: (10, 20), ..Settings::default() });
    let (text, wanted, owners) = factors(300);
    bench.write("in.csv", text);
    let mut command = bench.import("in.csv");
    let mut child = spawn(command.args(["--shard", "2/3", "--rate", "200"]));
    until("some are created", || bench.tenant().stats().created > 20);
    signal(&child, "-KILL");
    child.wait().unwrap();
    bench.quiet();
    let ledger = "in.csv.2-of-3.ledger";
    for (shard, right) in [
        (&["--shard", "1/3"][..], "`--shard 2/3`"),
        (&["--shard", "2/4"], "`--shard 2/3`"),
        (&[], "`--shard 2/3`"),
        (&["--shard", "1/1"], "`--shard 2/3`"),
    ] {
        let before = bench.tenant().stats().created;
        let done = run(bench.import("in.csv").args(["--ledger", ledger]).args(shard));
        assert_eq!(done.code, Some(6), "{shard:?}: {done:?}");
        assert!(done.stderr.contains("of shard 2/3") && done.stderr.contains(right), "{done:?}");
        assert_eq!(bench.tenant().stats().created, before, "something is sent");
    }
    let done = import(&bench, "in.csv", "2/3", &[]);
    assert_eq!(done.code, Some(0), "{done:?}");
    let shard = Shard::parse("2/3").unwrap();
    let mine = wanted.into_iter().zip(owners).filter(|(_, user)| shard.has(Some(user)));
    let (wanted, owners): (Vec<_>, Vec<_>) = mine.unzip();
    bench.audit(ledger, &wanted, &owners);
    let again = import(&bench, "in.csv", " 02/3", &[]).summary();
    assert_eq!((&again["rows"], &again["requests"]), (&json!(wanted.len()), &json!(0)), "{again}");
    // What a summary names next is of the same shard.
    let next = again["next"][0].as_array().unwrap();
    assert!(next.contains(&json!("verify")) && next.contains(&json!("2/3")), "{again}");
    assert_eq!(follow(&bench, &again["next"][0]).code, Some(0));
    // A ledger that was begun whole stays whole.
    bench.write("whole.csv", factors(3).0);
    assert_eq!(run(bench.import("whole.csv").args(["--ledger", "w.ledger"])).code, Some(0));
    let part = import(&bench, "whole.csv", "1/3", &["--ledger", "w.ledger"]);
    assert_eq!(part.code, Some(6), "{part:?}");
    assert!(part.stderr.contains("leave --shard out"), "{part:?}");
    // To take back needs no shard.
    let undo = run(bench.command("undo").args(["--ledger", ledger, "--yes"]));
    assert_eq!(undo.code, Some(0), "{undo:?}");
}

#[test]
fn what_is_no_shard_is_refused_and_one_of_one_is_the_whole() {
    let bench = Bench::new(Settings::default());
    bench.write("in.csv", factors(6).0);
    bench.write("realm.json", realm(&[]));
    for (command, flags) in [
        ("import", &["in.csv"][..]),
        ("verify", &["in.csv"]),
        ("resolve", &["realm.json", "--from", "keycloak", "--out", "map.csv"]),
    ] {
        for shard in ["0/3", "4/3", "1/0", "x", "1", "-1/3", "1/1001", ""] {
            let flag = format!("--shard={shard}");
            let done = run(bench.command(command).args(flags).arg(flag));
            assert_eq!(done.code, Some(2), "{command} {shard}: {done:?}");
            assert!(done.stderr.contains("from `1/N` to `N/N`"), "{done:?}");
        }
    }
    assert_eq!(import(&bench, "in.csv", "1/1", &[]).code, Some(0));
    let summary = run(&mut bench.import("in.csv")).summary();
    assert_eq!((&summary["skipped"], &summary["shard"]), (&json!(6), &Value::Null), "{summary}");
}

/// Ledgers that are there, the run, and the shard of the ledger that stands in its way, if one
/// does.
#[test]
fn a_new_ledger_is_refused_where_another_may_have_the_same_people() {
    for (there, shard, in_the_way) in [
        (&["1/3"][..], "2/3", None),
        (&["1/3", "2/3"], "3/3", None),
        (&[], "1/3", None),
        (&["1/1"], "1/3", Some("1/1")),
        (&["1/3"], "1/1", Some("1/3")),
        (&["2/3"], "1/4", Some("2/3")),
        (&["1/3", "1/4"], "2/4", Some("1/3")),
        // Of last night's, it is the same shard that goes on.
        (&["night 1/3", "night 2/3"], "1/3", Some("1/3")),
        (&["night 2/3"], "1/3", None),
    ] {
        let bench = Bench::new(Settings::default());
        let folder = bench.folder.path();
        bench.write("in.csv", factors(9).0);
        bench.write("night", factors(9).0);
        for name in there {
            let (input, of) = name.split_once(' ').unwrap_or(("in.csv", name));
            let flags = ["--format", "csv", "--new-ledger"];
            let done =
                run(bench.import(input).args(["--shard", of]).args(flags).current_dir(folder));
            assert_eq!(done.code, Some(0), "{done:?}");
        }
        let done = run(bench.import("in.csv").args(["--shard", shard]).current_dir(folder));
        let case = format!("{there:?} {shard}: {done:?}");
        match in_the_way {
            None => assert_eq!(done.code, Some(0), "{case}"),
            Some(of) => {
                assert_eq!(done.code, Some(2), "{case}");
                assert!(done.stderr.contains("--new-ledger"), "{case}");
                let said = if of == "1/1" {
                    "no --shard".into()
                } else {
                    format!("--shard {of} --ledger")
                };
                assert_eq!(done.stderr.contains(&said), of != shard, "{case}");
            }
        }
    }
}

#[test]
fn what_all_shards_do_together_is_told() {
    let bench = Bench::new(Settings::default());
    bench.write("in.csv", factors(3).0);
    for (flags, told) in [
        (&["--shard", "1/3"][..], "send 3 × 2000 = 6000 requests a second"),
        (&["--shard", "1/4", "--rate-plan", "00:00-12:00=auto"], "send 4 × 2000 = 8000 requests"),
        // What is measured: four leave 5 % where one leaves 20 %, and 18 % where each leaves half.
        (
            &["--shard", "1/4", "--rate", "auto"],
            "about 6% of the tenant's limit to others; `--reserve 50%`",
        ),
        (
            &["--shard", "1/2", "--rate", "auto"],
            "about 11% of the tenant's limit to others; `--reserve 34%`",
        ),
        (&["--shard", "1/4", "--rate", "auto", "--reserve", "50%"], ""),
        (&["--shard", "1/99", "--rate", "auto"], "others; give each a --rate of its own"),
        (&["--shard", "1/4", "--rate", "auto", "--reserve", "0%"], ""),
        (&["--shard", "1/1", "--rate", "auto"], ""),
        (&["--shard", "1/1"], ""),
        (&[], ""),
    ] {
        let done =
            run(bench.command("verify").arg("in.csv").args(flags).args(["--timezone", "UTC"]));
        assert_eq!(done.stderr.contains("WARN"), !told.is_empty(), "{flags:?}: {done:?}");
        assert!(done.stderr.contains(told), "{flags:?}: {done:?}");
    }
}

#[test]
fn a_shard_knows_only_of_its_own_rows_what_has_left_the_input() {
    let bench = Bench::new(Settings::default());
    let (text, ..) = factors(90);
    bench.write("in.csv", &text);
    for shard in ["1/2", "2/2"] {
        assert_eq!(import(&bench, "in.csv", shard, &[]).code, Some(0));
    }
    // A user with all rows has left, and a bad row has come.
    let left = |line: &&str| !line.starts_with("auth0|user7,");
    let tonight: Vec<_> = text.lines().filter(left).collect();
    bench.write("in.csv", format!("{}\n,phone,,1,\n", tonight.join("\n")));
    let in_first = Shard::parse("1/2").unwrap().has(Some("auth0|user7"));
    let mut gone = Vec::new();
    for shard in ["1/2", "2/2"] {
        let summary = import(&bench, "in.csv", shard, &[]).summary();
        gone.push(summary["no_longer_in_input"].as_u64().unwrap());
        let ledger = format!("in.csv.{}.ledger", shard.replace('/', "-of-"));
        let flags = [&ledger, "--not-in", "in.csv", "--format", "jsonl"];
        assert_eq!(report(&bench, &flags).stdout.lines().count() as u64, *gone.last().unwrap());
    }
    assert_eq!(gone, if in_first { [3, 0] } else { [0, 3] });
    let both =
        ["in.csv.1-of-2.ledger", "in.csv.2-of-2.ledger", "--not-in", "in.csv", "--format", "json"];
    let done = report(&bench, &both);
    assert_eq!(done.json()["selected"]["rows"], 3);
    assert_eq!(done.stderr.matches("1 row of INPUT cannot be read").count(), 1, "{done:?}");
    // Of an input of one user one ledger has all, and the other has to say nothing.
    let first: Vec<_> = text.lines().take(2).collect();
    bench.write("in.csv", format!("{}\n", first.join("\n")));
    let done = report(&bench, &both);
    assert_eq!(done.json()["selected"]["rows"], 89, "{done:?}");
    assert!(!done.stderr.contains("WARN"), "{done:?}");
    // A user whom one ledger does not know leaves the other what it is; one whom none knows is
    // refused.
    let (header, stranger) = (first[0], |of| {
        let mut users = (0..).map(|number| format!("auth0|new{number}"));
        users.find(|user| Shard::parse(of).is_some_and(|of| of.has(Some(user)))).unwrap()
    });
    let row = |of| format!("{},phone,,+14155550177,\n", stranger(of));
    let columns = header.split(',').count();
    assert_eq!(row("1/2").split(',').count(), columns, "{header}");
    let of_known = first[1].split(',').next();
    let other = if Shard::parse("1/2").unwrap().has(of_known) { "2/2" } else { "1/2" };
    bench.write("in.csv", format!("{}\n{}", first.join("\n"), row(other)));
    let done = report(&bench, &both);
    assert_eq!((done.code, &done.json()["selected"]["rows"]), (Some(0), &json!(89)), "{done:?}");
    assert_eq!(done.stderr.matches("has no factor of INPUT").count(), 1, "{done:?}");
    bench.write("in.csv", format!("{header}\n{}{}", row("1/2"), row("2/2")));
    let done = report(&bench, &both);
    assert_eq!(done.code, Some(6), "{done:?}");
}

#[test]
fn rows_of_other_shards_are_no_rows_to_select() {
    let bench = Bench::new(Settings::default());
    let mut text = factors(90).0;
    // A bad row of a user, and one of nobody.
    text += "auth0|user1,phone,,1,\n,phone,,2,\n";
    bench.write("in.csv", text);
    let mut lines = BTreeSet::new();
    for shard in Shard::all(3) {
        let none = run(binary().current_dir(bench.folder.path()).args(["select", "in.csv"]));
        assert_eq!(none.code, Some(6), "{none:?}");
        let is_named = none.stderr.contains("have `in.csv.1-of-3.ledger`");
        assert_eq!(is_named, shard.number() > 1, "{none:?}");
        let of_first = ["--max-users", "2"];
        let done = import(&bench, "in.csv", &shard.to_string(), &of_first);
        assert_eq!(done.code, Some(5), "{done:?}");
        assert_eq!(done.summary()["created"], 6, "{done:?}");
        let ledger = format!("in.csv{}", shard.ending_of_ledger());
        let select = |state: &str| -> Vec<String> {
            let mut command = binary();
            command
                .current_dir(bench.folder.path())
                .args(["select", "in.csv", "--ledger", &ledger]);
            let done = run(command.args(["--state", state]));
            assert_eq!(done.code, Some(0), "{done:?}");
            done.stdout.lines().skip(1).map(str::to_owned).collect()
        };
        for line in ["created", "unsettled", "rejected"].map(select).concat() {
            let user = line.split(',').next().filter(|user| !user.is_empty());
            assert!(shard.has(user), "{shard}: {line}");
            assert!(lines.insert(line), "{shard} has a row of another");
        }
    }
    assert_eq!(lines.len(), 92, "each row is selected in one shard");
}

#[test]
fn a_mended_row_that_is_another_shards_is_told_of() {
    let bench = Bench::new(Settings::default());
    let header = "user_id,type,phone_number";
    bench.write("in.csv", format!("{header}\n,phone,+14155550100\n,phone,+14155550101\n"));
    let done = import(&bench, "in.csv", "1/2", &[]);
    let summary = done.summary();
    assert_eq!((done.code, &summary["rejected"]), (Some(4), &json!(2)), "{summary}");
    let [mut first, mut second] = [None, None];
    for number in 0.. {
        let user = format!("auth0|m{number}");
        let is_first = Shard::parse("1/2").unwrap().has(Some(&user));
        *(if is_first { &mut first } else { &mut second }) = Some(user);
        if first.is_some() && second.is_some() {
            break;
        }
    }
    let (first, second) = (first.unwrap(), second.unwrap());
    bench.write(
        "mend.csv",
        format!(
            "{header},mf_code\n{first},phone,+14155550100,required\n\
             {second},phone,+14155550101,required\n"
        ),
    );
    for (shard, is_told) in [("1/2", true), ("2/2", true), ("1/1", false)] {
        let ledger = if shard == "1/1" {
            "whole.ledger".into()
        } else {
            format!("in.csv.{}.ledger", shard.replace('/', "-of-"))
        };
        let done = import(&bench, "mend.csv", shard, &["--ledger", &ledger]);
        let told = "1 row of this selection not read, since its user is in another shard than";
        assert_eq!(done.stderr.contains(told), is_told, "{shard}: {done:?}");
    }
}

/// A row of nobody is the first shard's, and once it says whose it is it may be another's.
#[test]
fn a_row_that_is_mended_in_the_input_itself_leaves_its_old_shard() {
    let bench = Bench::new(Settings::default());
    let mut users = (0..).map(|number| format!("auth0|m{number}"));
    let user = users.find(|user| Shard::parse("2/2").unwrap().has(Some(user))).unwrap();
    let input = |user: &str| format!("user_id,type,phone_number\n{user},phone,+14155550100\n");
    for (user, codes, sums) in [("", [4, 0], (0, 1)), (&*user, [0, 0], (1, 0))] {
        bench.write("in.csv", input(user));
        for (shard, code) in ["1/2", "2/2"].into_iter().zip(codes) {
            let done = import(&bench, "in.csv", shard, &[]);
            assert_eq!(done.code, Some(code), "{shard}: {done:?}");
        }
        let both = ["in.csv.1-of-2.ledger", "in.csv.2-of-2.ledger", "--format", "json"];
        let sum = report(&bench, &both).json();
        assert_eq!((&sum["created"], &sum["rejected"]), (&json!(sums.0), &json!(sums.1)), "{sum}");
    }
}

/// A shard that runs elsewhere has its ledger there. To import it here as well would send it twice,
/// so no script gets that command.
#[test]
fn a_shard_names_the_others_and_a_script_only_what_sends_nothing() {
    let bench = Bench::new(Settings::default());
    bench.write("in.csv", factors(9).0);
    let text = |shard: &str, flags: &[&str]| {
        let flags = [&["--output", "text", "--max-users", "99"], flags].concat();
        let done = import(&bench, "in.csv", shard, &flags);
        assert_eq!(done.code, Some(0), "{done:?}");
        done.stdout
    };
    let json = || import(&bench, "in.csv", "1/3", &[]).summary()["next"].clone();
    let first = text("1/3", &[]);
    assert!(first.contains("\nother shard: mfaferry import in.csv "), "{first}");
    assert!(first.contains(" --shard 2/3\n"), "{first}");
    let remark = "(unless 2/3 runs elsewhere: its ledger is not here; 1 more shard has no ledger here, either)";
    assert!(first.contains(remark), "{first}");
    assert_eq!(json().as_array().unwrap().len(), 1, "verify alone");
    let second = text("2/3", &[]);
    assert!(second.contains("--shard 3/3\n") && second.contains("is not here)"), "{second}");
    let last = text("3/3", &[]);
    let all = "report --ledger in.csv.1-of-3.ledger --ledger in.csv.2-of-3.ledger --ledger in.csv.3-of-3.ledger";
    assert!(last.contains(&format!("\nall shards: mfaferry {all}\n")), "{last}");
    let next = json();
    assert_eq!(next.as_array().unwrap().len(), 2, "{next}");
    let done = follow(&bench, &next[1]);
    assert!(done.stdout.contains("9 rows: 9 created"), "{done:?}");
    // A ledger that is called otherwise says nothing of what the others are called.
    let other = text("1/2", &["--ledger", "o.ledger"]);
    assert!(!other.contains("shards: mfaferry") && !other.contains("other shard"), "{other}");
    let whole = text("1/1", &["--new-ledger"]);
    assert!(!whole.contains("shards: mfaferry") && !whole.contains("other shard"), "{whole}");
}

/// Three shards of four, and then all.
#[test]
fn ledgers_of_shards_add_up_and_one_that_is_missing_is_named() {
    let bench = Bench::new(Settings::default());
    let mut text = factors(60).0;
    for number in 0..8 {
        writeln!(text, "auth0|user{number},phone,,1,").unwrap();
    }
    bench.write("in.csv", text);
    let ledger = |number: u16| format!("in.csv.{number}-of-4.ledger");
    let ledgers: Vec<_> = (1..=4).map(ledger).collect();
    for shard in Shard::all(4) {
        import(&bench, "in.csv", &shard.to_string(), &[]);
    }
    let flags: Vec<_> = ledgers.iter().flat_map(|name| ["--ledger", name]).collect();
    let of =
        |ledgers: &[&str], format: &str| report(&bench, &[ledgers, &["--format", format]].concat());
    let all = of(&flags, "json");
    assert_eq!(all.code, Some(0), "{all:?}");
    assert!(!all.stderr.contains("WARN"), "{all:?}");
    let sum = all.json();
    assert_eq!(
        (&sum["rows"], &sum["created"], &sum["rejected"]),
        (&json!(68), &json!(60), &json!(8))
    );
    assert_eq!((&sum["missing_shards"], &sum["users_in_several"]), (&json!([]), &Value::Null));
    assert_eq!(sum["ledger"], ledgers.join(", "));
    no_file_is_written_twice(&sum);
    let parts = sum["ledgers"].as_array().unwrap();
    for (part, number) in parts.iter().zip(1..) {
        assert_eq!(
            (&part["ledger"], &part["shard"]),
            (&json!(ledger(number)), &json!(format!("{number}/4")))
        );
        assert_eq!(
            part["created"].as_u64().unwrap(),
            bench.states(&ledger(number))["created"] as u64
        );
    }
    let reason = &sum["reasons"][0];
    assert_eq!(
        (&reason["count"], &reason["lines"]),
        (&json!(8), &json!([62, 63, 64, 65, 66])),
        "{sum}"
    );
    // As positions, they are the same.
    let names: Vec<_> = ledgers.iter().map(String::as_str).collect();
    assert_eq!(of(&names, "json").stdout, all.stdout);
    for (format, head) in [("csv", 1), ("jsonl", 0)] {
        let done = of(&flags, format);
        let lines: Vec<_> = done.stdout.lines().skip(head).collect();
        assert_eq!((done.code, lines.len()), (Some(0), 68), "{done:?}");
        for name in &ledgers {
            let n_rows = bench.rows(name).len();
            assert_eq!(lines.iter().filter(|line| line.contains(name)).count(), n_rows, "{name}");
        }
    }
    assert!(of(&flags, "csv").stdout.lines().next().unwrap().ends_with(",\"at\",\"ledger\""));
    // A single one is as it ever was.
    assert!(!of(&names[..1], "jsonl").stdout.contains("\"ledger\""));
    let one = of(&names[..1], "json").json();
    assert_eq!((&one["ledger"], &one["shard"]), (&json!(ledgers[0]), &json!("1/4")), "{one}");
    assert!(one.get("ledgers").is_none() && one.get("missing_shards").is_none(), "{one}");
    one_is_missing(&bench, &names);
}

/// Files for mending have one name each.
fn no_file_is_written_twice(sum: &Value) {
    let steps = sum["next"].as_array().unwrap().iter();
    let outs = steps.filter_map(|step| {
        let words: Vec<_> = step.as_array()?.iter().filter_map(Value::as_str).collect();
        words.iter().position(|word| *word == "--out").map(|place| words[place + 1].to_owned())
    });
    let outs: Vec<_> = outs.collect();
    let distinct: BTreeSet<_> = outs.iter().collect();
    assert!(outs.len() > 1 && distinct.len() == outs.len(), "{sum}");
}

fn one_is_missing(bench: &Bench, names: &[&str]) {
    let of =
        |ledgers: &[&str], format: &str| report(bench, &[ledgers, &["--format", format]].concat());
    let three = [names[0], names[3], names[1]];
    let some = of(&three, "json");
    assert!(some.stderr.contains("shard 3/4 is missing: its rows"), "{some:?}");
    assert_eq!(some.json()["missing_shards"], json!(["3/4"]));
    let text = of(&three, "text").stdout;
    let rest = 68 - bench.rows(names[2]).len();
    assert!(
        text.contains("missing: shard 3/4") && text.contains(&format!("{rest} rows: ")),
        "{text}"
    );
    assert!(text.contains("ledger: in.csv.1-of-4.ledger (shard 1/4, "), "{text}");
    let one = of(&names[..1], "html").stdout;
    assert!(one.contains("1/4: a part of the input"), "{one}");
    // The page is signed, and the digest on it is of all the input.
    assert!(one.contains("Complete for shard 1/4 of the input only"), "{one}");
    let page = of(names, "html");
    assert_eq!(page.code, Some(2), "{page:?}");
    assert!(page.stderr.contains("a page is of one ledger"), "{page:?}");
    let (_, command) = page.stderr.split_once("such as `mfaferry report ").unwrap();
    let words: Vec<_> = command.split('`').next().unwrap().split(' ').collect();
    assert_eq!(report(bench, &words).code, Some(0), "{page:?}");
    assert!(bench.path(&format!("{}.html", names[0])).exists(), "{words:?}");
}

#[test]
fn ledgers_that_may_count_a_user_twice_are_told_of_and_those_of_two_tenants_refused() {
    let bench = Bench::new(Settings::default());
    bench.write("a.csv", factors(9).0);
    let two: Vec<_> = factors(9).0.lines().take(3).map(str::to_owned).collect();
    bench.write("b.csv", format!("{}\nauth0|other,phone,,+14155550199,\n", two.join("\n")));
    for (input, ledger) in [("a.csv", "a.ledger"), ("b.csv", "b.ledger")] {
        let done = run(bench.import(input).args(["--ledger", ledger, "--skip-existing"]));
        assert_eq!(done.code, Some(0), "{done:?}");
    }
    let both = report(&bench, &["a.ledger", "b.ledger", "--format", "json"]);
    assert!(both.stderr.contains("2 users are in more than one of these ledgers"), "{both:?}");
    let sum = both.json();
    assert_eq!((&sum["rows"], &sum["users_in_several"]), (&json!(12), &json!(2)), "{sum}");
    fs::copy(bench.path("a.ledger"), bench.path("copy.ledger")).unwrap();
    for same in ["a.ledger", "copy.ledger"] {
        let done = report(&bench, &["a.ledger", same]);
        assert_eq!(done.code, Some(2), "{done:?}");
        assert!(done.stderr.contains("are one ledger, or copies of one"), "{done:?}");
    }
    let other = Bench::new(Settings::default());
    other.write("a.csv", factors(3).0);
    assert_eq!(run(&mut other.import("a.csv")).code, Some(0));
    let theirs = other.path("a.csv.ledger");
    let done = report(&bench, &["a.ledger", theirs.to_str().unwrap()]);
    assert_eq!(done.code, Some(6), "{done:?}");
    assert!(done.stderr.contains("belongs to another tenant"), "{done:?}");
}

#[test]
fn the_numbers_of_two_shards_are_different_samples() {
    let bench = Bench::new(Settings::default());
    bench.write("in.csv", factors(9).0);
    let mut samples = BTreeSet::new();
    for shard in ["1/2", "2/2"] {
        let file = format!("{}.prom", shard.replace('/', "-"));
        assert_eq!(import(&bench, "in.csv", shard, &["--metrics-file", &file]).code, Some(0));
        let text = fs::read_to_string(bench.path(&file)).unwrap();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let sample = line.rsplit_once(' ').unwrap().0.to_owned();
            assert!(samples.insert(sample), "{line}");
        }
    }
    for (flags, of) in [(&["--shard", "1/2"][..], "shard"), (&[], "input")] {
        let done = run(bench.verify("in.csv", "text").args(["--sample", "99%"]).args(flags));
        assert!(done.stdout.contains(&format!(" of the {of}'s users have one")), "{done:?}");
    }
    // No metrics file takes the place of the ledger that a shard has by default.
    let done = import(&bench, "in.csv", "1/2", &["--metrics-file", "in.csv.1-of-2.ledger"]);
    assert_eq!(done.code, Some(2), "{done:?}");
}
