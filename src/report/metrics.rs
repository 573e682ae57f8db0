//! The numbers of a run as Prometheus text, for the textfile collector of the node exporter
//! (contract, section 6). No user data: names of states and reasons, the command, the tenant.

use std::time::Duration;

use super::{Snapshot, Waits};
use crate::{
    error::Exit,
    ledger::ByState,
    model::{LocalTime, Shard},
};

/// Numbers of a command, from its start to its end.
#[derive(Debug)]
pub struct Metrics<'a> {
    /// Its name.
    pub command: &'a str,
    /// Name of its tenant.
    pub tenant: &'a str,
    /// Part of the input that it takes; `None` for all of it.
    pub shard: Option<Shard>,
    /// Time of the start.
    pub started: LocalTime,
    /// Time and exit code of the end; `None` while it runs.
    pub ended: Option<(LocalTime, Exit)>,
    /// End of the last run with exit code 0, where one is known.
    pub last_success: Option<LocalTime>,
    /// Time at which a row was last settled; at first that of the start.
    pub last_progress: LocalTime,
    /// Numbers of the run, once it has begun.
    pub snapshot: Option<&'a Snapshot>,
    /// Rows of all runs; `None` without a ledger, and before it is opened.
    pub ledger: Option<ByState>,
}

/// Kind of a metric.
#[derive(Debug, Clone, Copy)]
enum MetricKind {
    Gauge,
    Counter,
}

impl Metrics<'_> {
    /// Name of the metric that holds the time of the last success.
    pub const LAST_SUCCESS: &'static str = "mfaferry_last_success_timestamp_seconds";

    /// Returns the text.
    pub fn text(&self) -> String {
        let labels = labels(self.command, self.tenant, self.shard);
        let mut text = Text { labels, text: String::new() };
        text.each(
            MetricKind::Gauge,
            "mfaferry_info",
            "Version of mfaferry.",
            "version",
            [(env!("CARGO_PKG_VERSION"), "1".to_owned())],
        );
        let ended = self.ended.map(|(at, _)| at);
        for (name, help, at) in [
            ("mfaferry_run_start_timestamp_seconds", "Start of the run.", Some(self.started)),
            ("mfaferry_run_end_timestamp_seconds", "End of the run; absent while it runs.", ended),
            (
                Self::LAST_SUCCESS,
                "End of the last run that ended with exit code 0.",
                self.last_success,
            ),
            (
                "mfaferry_progress_timestamp_seconds",
                "Time at which a row last came to its end; at first the start of the run.",
                Some(self.last_progress),
            ),
        ] {
            text.one(MetricKind::Gauge, name, help, at.map(seconds));
        }
        text.one(
            MetricKind::Gauge,
            "mfaferry_run_exit_code",
            "Exit code of the run; absent while it runs.",
            self.ended.map(|(_, exit)| (exit as u8).to_string()),
        );
        if let Some(snapshot) = self.snapshot {
            text.snapshot(snapshot);
        }
        text.each(
            MetricKind::Gauge,
            "mfaferry_ledger_rows",
            "Rows in the ledger, of all runs, by state.",
            "state",
            self.ledger
                .iter()
                .flat_map(|rows| rows.shown(&[]))
                .map(|(state, rows)| (state.name(), rows.to_string())),
        );
        text.text
    }

    /// Finds, in the text of an earlier run of the same command, tenant and shard, the time of the
    /// last success.
    pub fn last_success_in(
        text: &str,
        command: &str,
        tenant: &str,
        shard: Option<Shard>,
    ) -> Option<LocalTime> {
        let before = format!("{}{{{}}} ", Self::LAST_SUCCESS, labels(command, tenant, shard));
        let written = text.lines().find_map(|line| line.strip_prefix(&before))?;
        let (seconds, millis) = written.split_once('.')?;
        let is_written = millis.len() == 3
            && [seconds, millis]
                .iter()
                .all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()));
        let at =
            seconds.parse::<i64>().ok()?.checked_mul(1000)?.checked_add(millis.parse().ok()?)?;
        is_written.then(|| LocalTime::from_millis(at))
    }

    /// Returns whether a file holds such a text, or nothing: no other file is overwritten.
    pub fn is_in(file: &[u8]) -> bool {
        file.is_empty() || file.starts_with(b"# HELP mfaferry_")
    }
}

/// A text, and the labels that all of its samples have.
struct Text {
    labels: String,
    text: String,
}

impl Text {
    fn snapshot(&mut self, snapshot: &Snapshot) {
        let number = |number: u64| Some(number.to_string());
        let rate = |rate: Option<f64>| rate.map(|rate| format!("{rate:.3}"));
        self.each(
            MetricKind::Gauge,
            "mfaferry_rows",
            "Rows of this run by state, as its summary names them.",
            "state",
            snapshot.rows.iter().map(|(state, rows)| (*state, rows.to_string())),
        );
        for (name, help, value) in [
            (
                "mfaferry_rows_left",
                "Rows that are still to be settled; absent while their number is unknown.",
                snapshot.rows_left.map(|rows| rows.to_string()),
            ),
            (
                "mfaferry_in_doubt",
                "Factors whose request got no clear answer, waiting to be looked up.",
                number(snapshot.in_doubt),
            ),
            (
                "mfaferry_tenant_limit_per_second",
                "Requests a second that the tenant lets through beyond what others take, as learnt; \
                 absent while unknown.",
                rate(snapshot.tenant_limit),
            ),
            (
                "mfaferry_rate_per_second",
                "Requests a second over the last minutes; absent while unknown.",
                rate(snapshot.rate),
            ),
        ] {
            self.one(MetricKind::Gauge, name, help, value);
        }
        self.each(
            MetricKind::Counter,
            "mfaferry_requests_total",
            "HTTP requests by the class of the answer's status; none where no answer came.",
            "status_class",
            snapshot.requests.iter().map(|(class, requests)| (class.name(), requests.to_string())),
        );
        self.one(
            MetricKind::Counter,
            "mfaferry_throttled_total",
            "Requests that were answered with 429.",
            number(snapshot.throttled),
        );
        self.each(
            MetricKind::Counter,
            "mfaferry_held_seconds_total",
            "Time that requests were held back, by reason.",
            "reason",
            held(&snapshot.waits).map(|(why, held)| (why, format!("{:.3}", held.as_secs_f64()))),
        );
    }

    /// Writes a metric with one sample, or none.
    fn one(&mut self, kind: MetricKind, name: &str, help: &str, value: Option<String>) {
        let Some(value) = value else { return };
        self.head(kind, name, help);
        self.sample(name, "", &value);
    }

    /// Writes a metric with a sample for each value of a label.
    fn each<'a>(
        &mut self,
        kind: MetricKind,
        name: &str,
        help: &str,
        label: &str,
        samples: impl IntoIterator<Item = (&'a str, String)>,
    ) {
        let mut samples = samples.into_iter().peekable();
        if samples.peek().is_some() {
            self.head(kind, name, help);
        }
        for (of, value) in samples {
            self.sample(name, &format!(",{label}=\"{}\"", escaped(of)), &value);
        }
    }

    fn head(&mut self, kind: MetricKind, name: &str, help: &str) {
        let kind = match kind {
            MetricKind::Gauge => "gauge",
            MetricKind::Counter => "counter",
        };
        self.text.extend(["# HELP ", name, " ", help, "\n# TYPE ", name, " ", kind, "\n"]);
    }

    fn sample(&mut self, name: &str, more: &str, value: &str) {
        self.text.extend([name, "{", &self.labels, more, "} ", value, "\n"]);
    }
}

/// Returns the times that requests were held back, by reason.
fn held(waits: &Waits) -> [(&'static str, Duration); 7] {
    [
        ("throttling", waits.held_by_throttling_seconds),
        ("reserve", waits.held_by_reserve_seconds),
        ("limit", waits.held_by_limit_seconds),
        ("rate", waits.held_by_rate_seconds),
        ("plan", waits.held_by_plan_seconds),
        ("concurrency", waits.held_by_concurrency_seconds),
        ("outage", waits.held_by_outage_seconds),
    ]
}

/// Formats the labels of every sample. Samples of a shard have one more label, since a collector
/// refuses two files with the same sample.
fn labels(command: &str, tenant: &str, shard: Option<Shard>) -> String {
    let shard = shard.map(|shard| format!(",shard=\"{shard}\"")).unwrap_or_default();
    format!("command=\"{}\",tenant=\"{}\"{shard}", escaped(command), escaped(tenant))
}

/// Escapes a label's value.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

/// Formats seconds since the epoch, to the millisecond.
fn seconds(at: LocalTime) -> String {
    let millis = at.as_millis().max(0);
    format!("{}.{:03}", millis / 1000, millis % 1000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{model::State, pacer::Waiting, stats::StatusClass};

    fn at(seconds: i64) -> LocalTime {
        LocalTime::from_millis(seconds * 1000 + 7)
    }

    fn metrics(tenant: &str) -> Metrics<'_> {
        Metrics {
            command: "import",
            tenant,
            shard: None,
            started: at(100),
            ended: None,
            last_success: None,
            last_progress: at(101),
            snapshot: None,
            ledger: None,
        }
    }

    fn snapshot() -> Snapshot {
        Snapshot {
            at: at(200),
            elapsed: Duration::from_secs(100),
            rows: vec![("created", 3), ("needs_review", 0)],
            settled: 3,
            settled_by_requests: 3,
            rows_left: None,
            in_doubt: 2,
            checking: 0,
            requests: StatusClass::ALL.map(|class| (class, class as u64)),
            throttled: 1,
            rate: Some(15.9),
            tenant_limit: None,
            waits: Waits { held_by_rate_seconds: Duration::from_millis(1500), ..Waits::default() },
            waiting: Waiting::Rate,
            is_outage: false,
            taken_up: None,
        }
    }

    #[test]
    fn what_is_not_known_is_absent_and_all_else_is_there_with_command_and_tenant() {
        let started = metrics("acme.eu.auth0.com").text();
        for name in ["run_end", "exit_code", "last_success", "rows", "requests", "ledger"] {
            assert!(!started.contains(name), "{name}");
        }
        let (snapshot, mut ledger) = (snapshot(), ByState::default());
        ledger[State::Created] = 4;
        let text = Metrics {
            ended: Some((at(300), Exit::NeedsAttention)),
            last_success: Some(at(50)),
            snapshot: Some(&snapshot),
            ledger: Some(ledger),
            ..metrics("acme.eu.auth0.com")
        }
        .text();
        let of = "command=\"import\",tenant=\"acme.eu.auth0.com\"";
        for sample in [
            format!("mfaferry_run_start_timestamp_seconds{{{of}}} 100.007"),
            format!("mfaferry_run_end_timestamp_seconds{{{of}}} 300.007"),
            format!("mfaferry_run_exit_code{{{of}}} 4"),
            format!("mfaferry_last_success_timestamp_seconds{{{of}}} 50.007"),
            format!("mfaferry_progress_timestamp_seconds{{{of}}} 101.007"),
            format!("mfaferry_rows{{{of},state=\"needs_review\"}} 0"),
            format!("mfaferry_in_doubt{{{of}}} 2"),
            format!("mfaferry_rate_per_second{{{of}}} 15.900"),
            format!("mfaferry_requests_total{{{of},status_class=\"none\"}} 4"),
            format!("mfaferry_held_seconds_total{{{of},reason=\"rate\"}} 1.500"),
            format!("mfaferry_ledger_rows{{{of},state=\"created\"}} 4"),
        ] {
            assert!(text.lines().any(|line| line == sample), "{sample}\n{text}");
        }
        assert!(!text.contains("rows_left") && !text.contains("tenant_limit"), "{text}");
        let samples = text.lines().filter(|line| !line.starts_with('#'));
        assert!(samples.clone().all(|line| line.contains(&format!("{{{of}"))), "{text}");
        assert_eq!(samples.count(), 30, "{text}");
        assert!(Metrics::is_in(text.as_bytes()) && Metrics::is_in(b""));
        assert!(!Metrics::is_in(b"user_id,type\n") && !Metrics::is_in(b"# HELP node_"));
    }

    #[test]
    fn the_last_success_is_only_taken_from_a_line_of_ours() {
        let tenant = "http://\"odd\\\nname\"";
        let text = Metrics { last_success: Some(at(50)), ..metrics(tenant) }.text();
        assert!(text.contains(r#"tenant="http://\"odd\\\nname\"""#), "{text}");
        let read = |text: &str| Metrics::last_success_in(text, "import", tenant, None);
        assert_eq!(read(&text), Some(at(50)));
        for other in [
            text.replace("import", "verify"),
            text.replace("odd", "even"),
            text.replace("50.007", "50"),
            text.replace("50.007", "+50.007"),
            text.replace("50.007", "50.0070"),
            text.replace("50.007", "NaN"),
            text.replace("50.007", "99999999999999999999.000"),
            text.replace("50.007", ".000"),
            text.replace(Metrics::LAST_SUCCESS, "mfaferry_other"),
            String::new(),
        ] {
            assert_eq!(read(&other), None, "{other}");
        }
    }
}
