//! The protocol with one of its rules taken away must fail, and the simulator must see it: an
//! oracle that cannot tell a missing fsync proves nothing. The rules are taken away around the
//! product's code, here in the tests: no flag and no build of it can do that.

use std::time::Duration;

use crate::{
    run::{Scenario, simulate},
    tenant::Manners,
};

/// Simulates seeds until one shows a violation of the kind that `what` says.
fn caught(what: &str, mutate: impl Fn(&mut Scenario)) -> u64 {
    for seed in 1..2_000 {
        let mut scenario = Scenario::swarm(seed);
        scenario.manners.conflicts = false;
        mutate(&mut scenario);
        let judged = simulate(&scenario);
        if judged.violations.iter().any(|violation| violation.contains(what)) {
            return seed;
        }
    }
    panic!("2,000 seeds did not show it");
}

#[test]
fn without_the_fsync_of_intents_factors_are_doubled() {
    let seed = caught("doubled", |scenario| {
        scenario.forgetful = true;
        scenario.crashes = 8;
    });
    println!("caught at seed {seed}");
}

#[test]
fn without_the_settle_wait_factors_are_doubled() {
    let seed = caught("doubled", |scenario| {
        scenario.settle = Duration::from_millis(1);
        scenario.manners.late_write = 0.1;
    });
    println!("caught at seed {seed}");
}

#[test]
fn with_lists_that_are_not_whole_factors_are_doubled() {
    let seed = caught("doubled", |scenario| {
        scenario.manners =
            Manners { partial_lists: true, lost_after: 0.1, ..scenario.manners.clone() };
    });
    println!("caught at seed {seed}");
}

#[test]
fn without_one_lane_per_user_requests_overlap() {
    let seed = caught("two requests in flight", |scenario| scenario.manners.split_users = true);
    println!("caught at seed {seed}");
}

#[test]
fn re_sending_what_is_in_doubt_doubles_factors() {
    let seed = caught("doubled", |scenario| {
        scenario.manners.doubt_is_no = true;
        scenario.manners.lost_after = 0.1;
    });
    println!("caught at seed {seed}");
}

#[test]
fn taking_an_old_look_alike_for_ours_claims_what_is_not_there() {
    let seed = caught("said created", |scenario| {
        scenario.manners = Manners {
            ageless: true,
            alikes: 0.3,
            masks: true,
            lost_before: 0.1,
            ..scenario.manners.clone()
        };
    });
    println!("caught at seed {seed}");
}

#[test]
fn without_the_error_of_clocks_factors_are_doubled() {
    let seed = caught("doubled", |scenario| {
        scenario.manners = Manners {
            own_clock: true,
            clocks: (-3_600_000, -3_600_000),
            masks: true,
            lost_after: 0.1,
            ..scenario.manners.clone()
        };
    });
    println!("caught at seed {seed}");
}
