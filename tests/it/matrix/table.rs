//! The rows. `close-after` makes doubt where a row is about what is read to settle it.

use std::ops::RangeInclusive;

use mfaferry::sandbox::{Conflict, Kind, Limit, Method, RetryAfter, Users};

use super::{
    Case, EMPTY_ROW, FACTORS,
    Path::{Away, Resets, Shell, Through},
    Row,
    Then::{Mended, Nothing},
    USUAL, answers, checks, stop_and_continue, stop_once_refused,
};
use crate::door::Door;

/// Rows of a state, fewest and most.
type Count = (&'static str, RangeInclusive<usize>);

/// Every factor was sent once, and only once.
const ONCE: RangeInclusive<u64> = FACTORS as u64..=FACTORS as u64;
const SHORT_OUTAGE: &[&str] = &["--max-outage", "1s"];
const ONE_AT_A_TIME: &[&str] = &["--concurrency", "1"];
/// Exit codes of a run that has no file descriptors left: without one for the input, 2 is right,
/// too.
const STOPPED_SOMEHOW: &[i32] = &[0, 1, 2, 3, 5, 6];
const NONE_SENT: &[Count] = &[("in_flight", 0..=0), ("failed", 0..=0)];
const NONE_CREATED: &[Count] = &[("created", 0..=0)];
const NONE_IN_DOUBT: &[Count] = &[("created", 0..=0), ("in_flight", 0..=0)];
const NONE_BURNT: &[Count] = &[("created", 0..=0), ("rejected", 0..=0), ("failed", 0..=0)];
const NONE_HARMED: &[Count] = &[("created", 0..=0), ("in_flight", 0..=0), ("failed", 0..=0)];

#[rustfmt::skip] // A table is read in columns.
pub(super) const ROWS: &[Row] = &[
    // Network
    Row { number: 1, fault: "connect refused", cases: &[
        Case { what: "nothing listens, a token is asked for", path: Away(Door::closed), flags: SHORT_OUTAGE, exits: &[3], posts: ONCE, ..USUAL },
        Case { what: "nothing listens, the POST itself is refused", path: Away(Door::closed), ready_token: true, flags: SHORT_OUTAGE, exits: &[3], after_first: NONE_SENT, posts: ONCE, ..USUAL },
    ], ..EMPTY_ROW },
    Row { number: 2, fault: "connect hangs", cases: &[
        Case { what: "full backlog, a token is asked for", path: Away(Door::full), flags: SHORT_OUTAGE, exits: &[3], posts: ONCE, ..USUAL },
        Case { what: "full backlog, the POST itself hangs", path: Away(Door::full), ready_token: true, flags: SHORT_OUTAGE, exits: &[3], after_first: NONE_SENT, posts: ONCE, ..USUAL },
    ], ..EMPTY_ROW },
    Row { number: 3, fault: "DNS failure", checks: &[("a name nobody knows, in a network namespace without a network", checks::no_such_name)], ..EMPTY_ROW },
    Row { number: 4, fault: "TLS certificate wrong", checks: &[("self-signed, expired, wrong host; and a good one", checks::certificates)], ..EMPTY_ROW },
    Row { number: 5, fault: "TLS handshake stalls or breaks", checks: &[("a server that is silent, closes, or talks nonsense", checks::broken_handshakes)], ..EMPTY_ROW },
    Row { number: 6, fault: "reset before the request is read", cases: &[
        Case { what: "four connections are reset unread", path: Resets(|number| [2, 5, 8, 11].contains(&number)), ..USUAL },
    ], ..EMPTY_ROW },
    Row { number: 7, fault: "read, not executed, closed", cases: &[
        Case { faults: "close-before=25%x5", ..USUAL },
        Case { faults: "reset-before=25%x5", ..USUAL },
    ], ..EMPTY_ROW },
    Row { number: 8, fault: "executed, then FIN", cases: &[
        Case { faults: "close-after=30%", posts: ONCE, ..USUAL },
        Case { what: "one connection used again", faults: "close-after=30%", flags: ONE_AT_A_TIME, posts: ONCE, ..USUAL },
    ], ..EMPTY_ROW },
    Row { number: 9, fault: "executed, then RST", cases: &[Case { faults: "reset-after=30%", posts: ONCE, ..USUAL }], ..EMPTY_ROW },
    Row { number: 10, fault: "executed, never answered", cases: &[Case { faults: "late=15%", flags: &["--timeout", "300ms"], posts: ONCE, ..USUAL }], ..EMPTY_ROW },
    Row { number: 11, fault: "executed, half an answer", cases: &[
        Case { faults: "cut=30%", posts: ONCE, ..USUAL },
        Case { what: "half a header", path: Through(answers::half_a_header), posts: ONCE, ..USUAL },
    ], ..EMPTY_ROW },
    Row { number: 12, fault: "a byte a second", cases: &[Case { faults: "drip=15%", posts: ONCE, ..USUAL }], ..EMPTY_ROW },
    Row { number: 13, fault: "an endless answer", cases: &[
        Case { faults: "endless=15%", posts: ONCE, ..USUAL },
        Case { what: "endless headers", path: Through(answers::endless_headers), posts: ONCE, ..USUAL },
    ], ..EMPTY_ROW },
    Row { number: 14, fault: "an idle connection is closed", cases: &[
        Case { what: "each connection is closed after its first answer, and nothing says so", path: Through(answers::closed_without_a_word), ..USUAL },
    ], ..EMPTY_ROW },
    Row { number: 15, fault: "a late commit within the settle time", cases: &[
        Case { faults: "late-write=20%", tenant: |tenant| tenant.late_by_ms = 100, posts: ONCE, ..USUAL },
    ], ..EMPTY_ROW },
    Row { number: 16, fault: "a late commit after the settle time", tests: &["a_write_that_lands_after_the_settle_time_is_found_at_the_end_with_both_ids"], ..EMPTY_ROW },
    Row { number: 17, fault: "HTTP/2 GOAWAY, REFUSED_STREAM, RST_STREAM", checks: &[("cannot happen: HTTP/2 is not compiled in", checks::http_2_is_not_there)], ..EMPTY_ROW },
    Row { number: 18, fault: "1xx noise, broken chunks", cases: &[
        Case { what: "100 and 103 before each answer", path: Through(answers::informational_noise), posts: ONCE, ..USUAL },
        Case { what: "chunks that are none", path: Through(answers::broken_chunks), posts: ONCE, ..USUAL },
        Case { what: "no HTTP at all", path: Through(answers::no_http), posts: ONCE, ..USUAL },
    ], ..EMPTY_ROW },
    Row { number: 19, fault: "the network is gone for a while", tests: &[
        "an_outage_of_seconds_leaves_a_handful_in_doubt_and_is_probed_with_get",
        "a_long_outage_stops_the_run_with_5_and_the_next_run_finishes",
        "two_days_of_outages_expiries_and_crashes_lose_and_double_nothing",
    ], ..EMPTY_ROW },

    // API
    Row { number: 20, fault: "429 with any Retry-After", cases: &[
        Case { what: "no Retry-After", faults: "429=100%x2", ..USUAL },
        Case { what: "no header at all", faults: "429-bare=100%x2", ..USUAL },
        Case { what: "seconds", faults: "429=100%x2", tenant: |tenant| tenant.retry_after = RetryAfter::Seconds, ..USUAL },
        Case { what: "a date", faults: "429=100%x2", tenant: |tenant| tenant.retry_after = RetryAfter::Date, ..USUAL },
        Case { what: "0", faults: "429=100%x2", tenant: |tenant| tenant.retry_after = RetryAfter::Literal("0".into()), ..USUAL },
        Case { what: "-1", faults: "429=100%x2", tenant: |tenant| tenant.retry_after = RetryAfter::Literal("-1".into()), ..USUAL },
        Case { what: "garbage", faults: "429=100%x2", tenant: |tenant| tenant.retry_after = RetryAfter::Literal("soon, très".into()), ..USUAL },
        // Cut down to 15 minutes; the next process asks anew.
        Case { what: "1000000000", faults: "429=100%x1", tenant: |tenant| tenant.retry_after = RetryAfter::Literal("1000000000".into()),
               flags: ONE_AT_A_TIME, during: stop_once_refused, exits: &[5], after_first: NONE_CREATED, ..USUAL },
    ], ..EMPTY_ROW },
    Row { number: 21, fault: "429 with an odd x-ratelimit-reset", cases: &[
        Case { what: "long past", faults: "429=100%x2", path: Through(answers::reset_long_past), ..USUAL },
        Case { what: "far in the future", faults: "429=100%x1", path: Through(answers::reset_far_ahead),
               flags: ONE_AT_A_TIME, during: stop_once_refused, exits: &[5], after_first: NONE_CREATED, ..USUAL },
        Case { what: "no number", faults: "429=100%x2", path: Through(answers::reset_in_words), ..USUAL },
    ], ..EMPTY_ROW },
    Row { number: 22, fault: "a storm of 429", cases: &[
        // Four at most are under way when the window is empty.
        Case { what: "ten requests a second", tenant: |tenant| tenant.limit = Limit::FixedWindow { rate: 10, window_s: 1, burst: 10 }, posts: 24..=24 + 4 * 4, ..USUAL },
    ], ..EMPTY_ROW },
    Row { number: 23, fault: "5xx, not executed", cases: &[
        Case { faults: "500-before=25%x5", ..USUAL },
        Case { faults: "502-html-before=25%x5", ..USUAL },
        Case { faults: "503-before=25%x5", ..USUAL },
        Case { what: "504", path: Through(answers::status_504_unexecuted), ..USUAL },
    ], ..EMPTY_ROW },
    Row { number: 24, fault: "5xx, though executed", cases: &[
        Case { faults: "500-after=25%", posts: ONCE, ..USUAL },
        Case { faults: "502-html-after=25%", posts: ONCE, ..USUAL },
        Case { faults: "503-after=25%", posts: ONCE, ..USUAL },
        Case { what: "504", path: Through(answers::status_504_executed), posts: ONCE, ..USUAL },
    ], ..EMPTY_ROW },
    Row { number: 25, fault: "408", cases: &[
        Case { faults: "408-before=25%x5", ..USUAL },
        Case { faults: "408-after=25%", posts: ONCE, ..USUAL },
    ], ..EMPTY_ROW },
    Row { number: 26, fault: "401", cases: &[
        Case { what: "once, sixteen at a time", faults: "401=100%x1", flags: &["--concurrency", "16"], tokens: 2..=2, posts: 25..=25, ..USUAL },
        Case { what: "always", faults: "401=100%", exits: &[3], after_first: NONE_HARMED, then: Mended, ..USUAL },
        Case { what: "always, for a ready token", faults: "401=100%", ready_token: true, exits: &[3], after_first: NONE_IN_DOUBT, then: Mended, ..USUAL },
    ], tests: &["tokens_are_renewed_once_for_everybody_when_they_die"], ..EMPTY_ROW },
    Row { number: 27, fault: "the token endpoint fails", cases: &[
        Case { faults: "503-before@token=100%x2", posts: ONCE, ..USUAL },
        Case { faults: "429@token=100%x2", posts: ONCE, ..USUAL },
        Case { faults: "not-json@token=100%x2", posts: ONCE, ..USUAL },
        Case { faults: "empty-201@token=100%x2", posts: ONCE, ..USUAL },
        Case { faults: "cut@token=100%x2", posts: ONCE, ..USUAL },
        Case { faults: "close-after@token=100%x2", posts: ONCE, ..USUAL },
        Case { faults: "hang@token=100%x1", flags: &["--timeout", "300ms"], posts: ONCE, ..USUAL },
        Case { faults: "drip@token=100%x1", posts: ONCE, ..USUAL },
        Case { what: "503, always", faults: "503-before@token=100%", flags: SHORT_OUTAGE, exits: &[5], then: Mended, posts: ONCE, ..USUAL },
        Case { what: "no JSON, always", faults: "not-json@token=100%", flags: SHORT_OUTAGE, exits: &[3], then: Mended, posts: ONCE, ..USUAL },
        Case { what: "no answer, always", faults: "hang@token=100%", flags: SHORT_OUTAGE, exits: &[3], then: Mended, posts: ONCE, ..USUAL },
        Case { what: "a redirect", faults: "307-before@token=100%", exits: &[3], then: Mended, posts: ONCE, ..USUAL },
    ], ..EMPTY_ROW },
    Row { number: 28, fault: "403", cases: &[
        Case { what: "limit of entities", tenant: |tenant| tenant.cap_per_user = Some(1), exits: &[4], end: &[("created", 16), ("rejected", 8)], posts: ONCE, ..USUAL },
        Case { what: "not in the plan", faults: "403-plan=100%", exits: &[3], after_first: &[("rejected", 0..=0), ("in_flight", 0..=0)], then: Mended, ..USUAL },
    ], tests: &["missing_permission_and_bad_credentials_exit_3_and_burn_no_row"], ..EMPTY_ROW },
    Row { number: 29, fault: "404", cases: &[
        Case { what: "one user is not there", tenant: |tenant| tenant.users = Users::AnyBut(vec!["user3".into()]), exits: &[4], end: &[("created", 21), ("rejected", 3)], posts: ONCE, ..USUAL },
        // The contract's breaker is --max-errors: off unless asked for.
        Case { what: "no user is there", tenant: |tenant| tenant.users = Users::AnyBut(vec!["user".into()]), exits: &[4], end: &[("rejected", 24)], posts: ONCE, ..USUAL },
        Case { what: "no user is there, --max-errors", tenant: |tenant| tenant.users = Users::AnyBut(vec!["user".into()]),
               flags: &["--max-errors", "5"], exits: &[5], after_first: &[("rejected", 5..=12)], end: &[("rejected", 24)], posts: ONCE, ..USUAL },
        Case { what: "404 for everything, and not Auth0's", path: Through(answers::status_404_of_another), exits: &[3], after_first: NONE_BURNT, then: Nothing, ..USUAL },
    ], ..EMPTY_ROW },
    Row { number: 30, fault: "409", cases: &[
        Case { what: "the same factor was there before", tenant: |tenant| tenant.conflict = Conflict::same_value(),
               before: |bench| bench.tenant().seed("auth0|user0", vec![Method::new(Kind::Phone, "+14155000000")]), end: &[("created", 23), ("already_present", 1)], posts: ONCE, ..USUAL },
        Case { what: "409 for one of ours", tenant: |tenant| tenant.conflict = Conflict::same_value(), path: Through(answers::repeated), end: &[("already_present", 4), ("created", 20)], ..USUAL },
    ], ..EMPTY_ROW },
    Row { number: 31, fault: "a redirect to another host", checks: &[("301, 302, 303, 307, 308", checks::redirects)], ..EMPTY_ROW },
    Row { number: 32, fault: "200 with HTML, truncated JSON", cases: &[
        Case { faults: "not-json=25%", posts: ONCE, ..USUAL },
        Case { faults: "close-after=25%,not-json@get=30%", posts: ONCE, ..USUAL },
        Case { faults: "close-after=25%,cut@get=30%", posts: ONCE, ..USUAL },
        Case { what: "a captive portal answers for the tenant", path: Through(answers::captive_portal), ..USUAL },
        Case { what: "202, and it was executed", path: Through(answers::status_202_executed), posts: ONCE, ..USUAL },
    ], ..EMPTY_ROW },
    Row { number: 33, fault: "a list that cannot be believed", cases: &[
        Case { what: "stale once", faults: "close-after=25%", path: Through(answers::stale_once), posts: ONCE, ..USUAL },
        Case { what: "an item twice", faults: "close-after=25%", path: Through(answers::an_item_twice), posts: ONCE, ..USUAL },
        Case { what: "a page is missing", faults: "close-after=25%", path: Through(answers::a_page_is_missing), posts: ONCE, ..USUAL },
        Case { what: "endless pages", faults: "close-after=100%x1", path: Through(answers::endless_pages), gets: 3..=6, posts: ONCE, ..USUAL },
        Case { what: "a page fails", faults: "close-after=25%,503-before@get=30%", posts: ONCE, ..USUAL },
        Case { what: "items without a name, and of a type nobody knows", faults: "close-after=25%", path: Through(answers::an_unknown_type), posts: ONCE, ..USUAL },
        Case { what: "no list in it", faults: "close-after=25%", path: Through(answers::no_list_in_it), posts: ONCE, ..USUAL },
    ], ..EMPTY_ROW },
    Row { number: 34, fault: "a list as array or object", cases: &[
        Case { what: "an array", faults: "close-after=25%", path: Through(answers::an_array), posts: ONCE, ..USUAL },
        Case { what: "no total", faults: "close-after=25%", path: Through(answers::no_total), posts: 24..=u64::MAX, ..USUAL },
    ], ..EMPTY_ROW },
    Row { number: 35, fault: "the user changes factors meanwhile", cases: &[
        Case { what: "deletes the one in doubt", faults: "close-after=100%x1", path: Through(answers::deletes_it), posts: 25..=25, ..USUAL },
        Case { what: "enrols one that looks the same", faults: "close-after=100%x1", path: Through(answers::enrols_a_twin), flags: ONE_AT_A_TIME, exits: &[4], end: &[("created", 23), ("needs_review", 1)], is_audited: false, ..USUAL },
        Case { what: "renames the one in doubt", faults: "close-after=100%x1", path: Through(answers::renames_it), exits: &[4], end: &[("created", 23), ("needs_review", 1)], ..USUAL },
    ], ..EMPTY_ROW },

    // Process
    Row { number: 36, fault: "SIGKILL at a random time", tests: &[
        "killed_again_and_again_it_still_creates_everything_once",
        "killed_again_and_again_under_faults_it_loses_and_doubles_nothing",
        "killed_a_thousand_times_under_faults_it_loses_and_doubles_nothing",
    ], ..EMPTY_ROW },
    Row { number: 37, fault: "SIGKILL at every system call", tests: &[
        "killed_at_calls_spread_over_a_run_it_resumes_and_creates_everything_once",
        "every_call_killed_or_failed_loses_and_doubles_nothing",
    ], ..EMPTY_ROW },
    Row { number: 38, fault: "SIGKILL during recovery", tests: &[
        "killed_at_calls_spread_over_a_run_it_resumes_and_creates_everything_once",
        "killed_again_and_again_it_still_creates_everything_once",
    ], ..EMPTY_ROW },
    Row { number: 39, fault: "SIGINT once, twice, SIGTERM, SIGHUP", tests: &[
        "a_signal_finishes_what_is_in_flight_and_exits_5_and_the_next_run_goes_on",
        "a_second_signal_exits_at_once_and_the_ledger_is_sound",
    ], ..EMPTY_ROW },
    Row { number: 40, fault: "SIGSTOP, SIGCONT", cases: &[
        Case { what: "longer than any answer is waited for", tenant: |tenant| tenant.latency_ms = (60, 120), during: stop_and_continue, posts: ONCE, ..USUAL },
        Case { what: "the token dies meanwhile", tenant: |tenant| { tenant.latency_ms = (60, 120); tenant.token_lifetime_s = 1; }, during: stop_and_continue, ..USUAL },
    ], ..EMPTY_ROW },
    Row { number: 41, fault: "stdout closed, stderr full", cases: &[
        Case { what: "stdout is closed", path: Shell("exec \"$0\" \"$@\" >&-"), posts: ONCE, ..USUAL },
        Case { what: "nobody reads stdout", path: Shell("{ \"$0\" \"$@\"; echo $? >code; } | true; exit $(cat code)"), posts: ONCE, ..USUAL },
        Case { what: "stdout is full", path: Shell("exec \"$0\" \"$@\" >/dev/full"), exits: &[1], after_first: &[("created", 24..=24)], posts: ONCE, ..USUAL },
        Case { what: "stderr is full, and there is much to say", path: Shell("exec \"$0\" \"$@\" -vv 2>/dev/full"), posts: ONCE, ..USUAL },
        Case { what: "stderr is closed", path: Shell("exec \"$0\" \"$@\" -vv 2>&-"), posts: ONCE, ..USUAL },
        Case { what: "nobody reads stderr", path: Shell("{ \"$0\" \"$@\" -vv; echo $? >code; } 2>&1 >/dev/null | true; exit $(cat code)"), posts: ONCE, ..USUAL },
        Case { what: "the log file is full", path: Shell("exec \"$0\" \"$@\" -vv --log-file /dev/full"), posts: ONCE, ..USUAL },
    ], ..EMPTY_ROW },
    Row { number: 42, fault: "no memory", cases: &[
        Case { what: "60 MiB of address space", path: Shell("ulimit -v 61440; exec \"$0\" \"$@\""), exits: &[], ..USUAL },
        Case { what: "150 MiB of address space", path: Shell("ulimit -v 153600; exec \"$0\" \"$@\""), exits: &[], ..USUAL },
        Case { what: "400 MiB of address space", path: Shell("ulimit -v 409600; exec \"$0\" \"$@\""), exits: &[], ..USUAL },
    ], ..EMPTY_ROW },
    Row { number: 43, fault: "no file descriptors", cases: &[
        Case { what: "10", path: Shell("ulimit -n 10; exec \"$0\" \"$@\" --max-outage 1s"), exits: STOPPED_SOMEHOW, ..USUAL },
        Case { what: "14", path: Shell("ulimit -n 14; exec \"$0\" \"$@\" --max-outage 1s"), exits: STOPPED_SOMEHOW, ..USUAL },
        Case { what: "16", path: Shell("ulimit -n 16; exec \"$0\" \"$@\" --max-outage 1s"), exits: STOPPED_SOMEHOW, ..USUAL },
        Case { what: "20, and 64 connections wanted", path: Shell("ulimit -n 20; exec \"$0\" \"$@\" --concurrency 64 --max-outage 3s"), tenant: |tenant| tenant.latency_ms = (20, 40), exits: &[0, 5, 6], ..USUAL },
    ], ..EMPTY_ROW },
    Row { number: 44, fault: "a worker panics", not_covered: "the product has no failpoints; a panic ends the engine as an internal error, and the intent stays as after a kill (36, 37)", ..EMPTY_ROW },

    // Disk
    Row { number: 45, fault: "ENOSPC for an intent or an outcome", tests: &[
        "an_error_of_any_call_is_said_and_the_next_run_finishes",
        "every_call_killed_or_failed_loses_and_doubles_nothing",
        "on_a_full_disk_it_stops_with_6_and_the_next_run_finishes",
    ], ..EMPTY_ROW },
    Row { number: 46, fault: "EIO of a write or a sync", tests: &[
        "an_error_of_any_call_is_said_and_the_next_run_finishes",
        "every_call_killed_or_failed_loses_and_doubles_nothing",
    ], ..EMPTY_ROW },
    Row { number: 47, fault: "EINTR, short writes", tests: &[
        "an_error_of_any_call_is_said_and_the_next_run_finishes",
        "a_file_that_may_not_grow_is_an_error_and_no_death_and_the_next_run_finishes",
    ], ..EMPTY_ROW },
    Row { number: 48, fault: "SIGXFSZ, EFBIG", tests: &["a_file_that_may_not_grow_is_an_error_and_no_death_and_the_next_run_finishes"], ..EMPTY_ROW },
    Row { number: 49, fault: "power loss", tests: &[
        "at_any_crash_and_under_any_fault_nothing_is_lost_and_nothing_doubled",
        "a_damaged_ledger_wal_or_seal_is_refused_or_says_what_is_true",
        "a_wal_that_is_damaged_after_a_kill_in_a_checkpoint_is_found_out",
    ], ..EMPTY_ROW },
    Row { number: 50, fault: "a bit flips in the middle", tests: &[
        "a_damaged_ledger_exits_6_and_nothing_is_sent",
        "a_crashed_ledger_whose_file_is_damaged_is_refused_or_harmless",
        "a_crashed_ledger_whose_wal_is_damaged_never_doubles_a_factor",
    ], ..EMPTY_ROW },
    Row { number: 51, fault: "read-only, quota, missing folder", tests: &[
        "a_read_only_ledger_or_folder_exits_6_and_nothing_is_sent",
        "a_ledger_of_another_tenant_or_kind_or_format_exits_6",
        "on_a_full_disk_it_stops_with_6_and_the_next_run_finishes",
    ], ..EMPTY_ROW },
    Row { number: 52, fault: "the report cannot be written", checks: &[("each format to /dev/full, and then again", checks::reports)], ..EMPTY_ROW },

    // Concurrency
    Row { number: 53, fault: "a second process, the same ledger", tests: &["a_second_process_on_one_ledger_exits_6_and_sends_nothing"], ..EMPTY_ROW },
    Row { number: 54, fault: "the lock's holder is killed", tests: &["a_second_process_on_one_ledger_exits_6_and_sends_nothing"], ..EMPTY_ROW },
    Row { number: 55, fault: "the ledger is replaced or unlinked", tests: &["a_ledger_that_is_taken_away_during_a_run_stops_it_with_6"], ..EMPTY_ROW },
    Row { number: 56, fault: "two ledgers, the same tenant and file", checks: &[("two processes at once, of a tenant that says 409", checks::two_ledgers)],
          tests: &["without_its_old_ledger_skip_existing_creates_nothing_twice"], ..EMPTY_ROW },
    Row { number: 57, fault: "200 workers, a user's rows scattered", cases: &[
        Case { faults: "close-after=10%", tenant: |tenant| tenant.latency_ms = (1, 20), flags: &["--concurrency", "200"], posts: ONCE, ..USUAL },
    ], tests: &["a_users_factors_go_one_after_the_other_in_input_order_while_others_go_on"], ..EMPTY_ROW },
    Row { number: 58, fault: "single-flight token, pause gate, group commit", not_covered: "neither loom nor shuttle is a dependency; the simulator drives the three with seeds, not all interleavings", ..EMPTY_ROW },

    // Time
    Row { number: 59, fault: "the wall clock jumps", tests: &["at_any_crash_and_under_any_fault_nothing_is_lost_and_nothing_doubled"],
          not_covered: "of the real binary: setting the machine's clock needs root and would hit everybody; the simulator jumps 10 minutes either way at a crash", ..EMPTY_ROW },
    Row { number: 60, fault: "the monotonic clock jumps", not_covered: "CLOCK_MONOTONIC stands still in suspend and cannot be made to jump without a kernel of one's own; 40 is the nearest", ..EMPTY_ROW },
    Row { number: 61, fault: "the tenant's clock is an hour off", cases: &[
        Case { what: "an hour ahead", faults: "close-after=30%", tenant: |tenant| tenant.clock_skew_s = 3600, posts: ONCE, ..USUAL },
        Case { what: "an hour behind", faults: "close-after=30%", tenant: |tenant| tenant.clock_skew_s = -3600, posts: ONCE, ..USUAL },
        Case { what: "an hour ahead, Retry-After is a date", faults: "429=100%x2", tenant: |tenant| { tenant.clock_skew_s = 3600; tenant.retry_after = RetryAfter::Date; }, ..USUAL },
        Case { what: "an hour behind, Retry-After is a date", faults: "429=100%x2", tenant: |tenant| { tenant.clock_skew_s = -3600; tenant.retry_after = RetryAfter::Date; }, ..USUAL },
    ], ..EMPTY_ROW },
    Row { number: 62, fault: "a token is valid for a second", cases: &[
        Case { what: "1 s", tenant: |tenant| tenant.token_lifetime_s = 1, flags: &["--rate", "12"], tokens: 2..=8, ..USUAL },
        Case { what: "2 s", tenant: |tenant| tenant.token_lifetime_s = 2, flags: &["--rate", "12"], tokens: 1..=8, ..USUAL },
        Case { what: "0 s", tenant: |tenant| tenant.token_lifetime_s = 0, exits: &[3], after_first: NONE_BURNT, then: Nothing, ..USUAL },
    ], ..EMPTY_ROW },
];
