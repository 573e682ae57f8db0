//! Scales of a chart, with round numbers at their marks. Pure.

/// Returns the distance between two marks of an axis from 0 to `most`, with at most `count` of
/// them.
pub(super) fn step(most: f64, count: f64) -> f64 {
    let least = (most / count).max(1e-9);
    let power = 10_f64.powf(least.log10().floor());
    let wanted = [1.0, 2.0, 5.0, 10.0].map(|factor| factor * power);
    wanted.into_iter().find(|step| *step >= least * 0.999).unwrap_or(10.0 * power)
}

/// Seconds between two marks of an axis of time.
const TIMES: [u32; 22] = [
    1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400,
    172_800, 604_800, 1_209_600, 2_592_000,
];

/// Returns the distance between two marks of a time axis, in seconds.
pub(super) fn time_step(most: f64, count: f64) -> f64 {
    let fits = |step: &f64| most / step <= count;
    TIMES.map(f64::from).into_iter().find(fits).unwrap_or_else(|| step(most, count))
}

/// Formats `0`, `30 s`, `5 min`, `1 h 30 min`, `2 d`.
pub(super) fn time_mark(seconds: f64) -> String {
    // Marks are whole seconds.
    let text = format!("{seconds:.0}");
    let seconds: u64 = text.parse().unwrap_or(0);
    let parts = [(86_400, "d"), (3600, "h"), (60, "min"), (1, "s")];
    let mut rest = seconds;
    let mut named = Vec::new();
    for (unit, name) in parts {
        if rest >= unit {
            named.push(format!("{} {name}", rest / unit));
            rest %= unit;
        }
    }
    if named.is_empty() { "0".into() } else { named.join(" ") }
}

/// Formats `0`, `2.5`, `400`, `12k`.
pub(super) fn rate_mark(rate: f64) -> String {
    if rate >= 10_000.0 { format!("{}k", trimmed(rate / 1000.0)) } else { trimmed(rate) }
}

fn trimmed(number: f64) -> String {
    let text = format!("{number:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_round_and_few() {
        for (most, expected) in
            [(0.0, 1e-9), (0.7, 0.2), (4.0, 1.0), (15.9, 5.0), (400.0, 100.0), (999.0, 500.0)]
        {
            let got = step(most, 4.0);
            assert!((got - expected).abs() < expected * 1e-6, "{most}: {got}");
        }
        for (most, expected) in [(1.0, 1.0), (59.0, 10.0), (3_600.0, 600.0), (200_000.0, 43_200.0)]
        {
            let got = time_step(most, 6.0);
            assert!((got - expected).abs() < 1e-9, "{most}: {got}");
        }
    }

    #[test]
    fn marks_are_read_without_counting_zeros() {
        for (seconds, expected) in [
            (0.0, "0"),
            (30.0, "30 s"),
            (300.0, "5 min"),
            (5_400.0, "1 h 30 min"),
            (172_800.0, "2 d"),
        ] {
            assert_eq!(time_mark(seconds), expected);
        }
        for (rate, expected) in [
            (0.0, "0"),
            (0.25, "0.25"),
            (2.5, "2.5"),
            (400.0, "400"),
            (9_000.0, "9000"),
            (12_000.0, "12k"),
        ] {
            assert_eq!(rate_mark(rate), expected);
        }
    }
}
