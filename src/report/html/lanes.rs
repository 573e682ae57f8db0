//! Lanes of a chart: one for each reason that held requests back, darker for a greater share of the
//! time.

use super::{chart, chart::ChartFrame, writer::Html};
use crate::model::PaceSample;

/// Height of a lane, and of the gap between two.
const LANE: f64 = 13.0;
const LANE_GAP: f64 = 5.0;
/// Degrees of darkness.
const DEGREES: u64 = 5;
/// Milliseconds in all that a reason must have held requests back to be shown.
const MIN_MS: u64 = 500;

/// A reason, whether it is the tenant's refusal, and how long it had held requests back by a
/// sample.
type Reason = (&'static str, bool, fn(&PaceSample) -> u64);

/// Every reason; those that call for action come first.
const REASONS: [Reason; 7] = [
    ("outage", true, |sample| sample.outage_ms),
    ("429", true, |sample| sample.throttling_ms),
    ("reserve", false, |sample| sample.reserve_ms),
    ("tenant’s limit", false, |sample| sample.limit_ms),
    ("schedule", false, |sample| sample.plan_ms),
    ("--rate", false, |sample| sample.rate_ms),
    ("latency", false, |sample| sample.concurrency_ms),
];

/// A reason over the time of a run.
#[derive(Debug)]
pub(super) struct Lane {
    name: &'static str,
    is_refusal: bool,
    /// Start, end, and degree from 1 to [`DEGREES`].
    bands: Vec<(u64, u64, u64)>,
}

/// Returns the reasons that held requests back at all.
pub(super) fn of(samples: &[PaceSample]) -> Vec<Lane> {
    let held = |of: fn(&PaceSample) -> u64| samples.last().map_or(0, of);
    let shown = REASONS.into_iter().filter(|(.., of)| held(*of) >= MIN_MS);
    let lane = |(name, is_refusal, of)| Lane { name, is_refusal, bands: bands(samples, of) };
    shown.map(lane).collect()
}

fn bands(samples: &[PaceSample], of: fn(&PaceSample) -> u64) -> Vec<(u64, u64, u64)> {
    let mut bands: Vec<(u64, u64, u64)> = Vec::new();
    for pair in samples.windows(2) {
        let (from, to) = (pair[0].at_ms, pair[1].at_ms);
        let held = of(&pair[1]).saturating_sub(of(&pair[0]));
        let time = to.saturating_sub(from).max(1);
        let degree = held.saturating_mul(DEGREES).div_ceil(time).min(DEGREES);
        match bands.last_mut() {
            // Otherwise half of the page would be rectangles.
            Some(last) if last.1 == from && last.2 == degree => last.1 = to,
            _ if held * 100 >= time => bands.push((from, to, degree)),
            _ => {}
        }
    }
    bands
}

/// Returns the height of `count` lanes.
pub(super) fn height(count: usize) -> f64 {
    (0..count).fold(if count == 0 { 0.0 } else { LANE_GAP }, |height, _| height + LANE + LANE_GAP)
}

/// Draws lanes under each other.
pub(super) fn draw(frame: ChartFrame, top: f64, lanes: &[Lane], html: &mut Html) {
    let mut y = top;
    for lane in lanes {
        chart::text(frame.left - 8.0, y + LANE - 3.0, "end", "name", lane.name, html);
        rectangle("lane", (frame.left, y, frame.right() - frame.left), 1.0, html);
        for (from, to, degree) in &lane.bands {
            let (left, right) = (frame.x(*from), frame.x(*to));
            #[expect(clippy::cast_precision_loss, reason = "one of five")]
            let share = *degree as f64 / DEGREES as f64;
            let class = if lane.is_refusal { "band hot" } else { "band" };
            rectangle(class, (left, y, (right - left).max(1.0)), share, html);
        }
        y += LANE + LANE_GAP;
    }
}

fn rectangle(class: &str, (x, y, width): (f64, f64, f64), opacity: f64, html: &mut Html) {
    let [x, y, width, height] = [x, y, width, LANE].map(|place| format!("{place:.1}"));
    let opacity = format!("{opacity:.1}");
    let mut attributes =
        vec![("class", class), ("x", &x), ("y", &y), ("width", &width), ("height", &height)];
    if opacity != "1.0" {
        attributes.push(("opacity", &opacity));
    }
    html.shape("rect", &attributes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_drawn_where_it_held_requests_back_and_nowhere_else() {
        let at = |at_ms, outage_ms| PaceSample { at_ms, outage_ms, ..PaceSample::default() };
        let samples =
            [at(0, 0), at(1000, 0), at(2000, 1000), at(3000, 2000), at(4000, 2300), at(5000, 2300)];
        let lanes = of(&samples);
        assert_eq!(lanes.len(), 1);
        assert_eq!(lanes[0].name, "outage");
        assert_eq!(lanes[0].bands, [(1000, 3000, 5), (3000, 4000, 2)]);
        assert!(of(&samples[..2]).is_empty());
        assert!(of(&[]).is_empty());
    }
}
