//! The pace of runs over time as a drawing: requests and rows a second, and under them what held
//! them back.

use super::{
    super::LedgerAccount,
    lanes, scale, words,
    writer::{Html, Path},
};
use crate::{
    ledger::RunRecord,
    model::PaceSample,
    text::{counted, grouped, human},
};

/// Runs that are drawn: the last ones that sent anything.
const MAX_RUNS: usize = 6;

/// Dimensions of a drawing, in its own units: about pixels at its full width.
#[derive(Debug, Clone, Copy)]
pub(super) struct ChartFrame {
    class: &'static str,
    width: f64,
    height: f64,
    /// Width of the names on the left.
    pub(super) left: f64,
    /// Seconds from the left end to the right end.
    seconds: f64,
    marks: f64,
}

impl ChartFrame {
    /// Returns the right end of the drawing.
    pub(super) fn right(self) -> f64 {
        self.width - 8.0
    }

    /// Returns the position of a moment.
    pub(super) fn x(self, at_ms: u64) -> f64 {
        let share = seconds(at_ms) / self.seconds;
        share.clamp(0.0, 1.0).mul_add(self.right() - self.left, self.left)
    }
}

pub(super) fn write(account: &LedgerAccount, html: &mut Html) {
    html.leaf("h2", &[], "Pace");
    let drawn: Vec<_> = account.runs.iter().rev().filter_map(of_run).take(MAX_RUNS).collect();
    if drawn.is_empty() {
        let none = "No run has noted its pace: each was too short, or of an earlier version.";
        html.leaf("p", &[("class", "none")], none);
        return;
    }
    html.tag("p", &[("class", "small soft")], |html| {
        html.tag("span", &[("class", "key")], |_| {});
        html.text("requests a second   ");
        html.tag("span", &[("class", "key line")], |_| {});
        html.text("rows settled by requests a second. Under them, darker for a greater share of the time: what held requests back.");
    });
    for (run, samples) in drawn.into_iter().rev() {
        html.tag("figure", &[], |html| {
            caption(run, samples, html);
            for (class, width, height, left, marks) in
                [("broad", 760.0, 190.0, 96.0, 7.0), ("narrow", 360.0, 150.0, 74.0, 3.0)]
            {
                let end = samples.last().map_or(0, |last| last.at_ms);
                let seconds = seconds(end).max(0.001);
                draw(ChartFrame { class, width, height, left, seconds, marks }, samples, html);
            }
        });
    }
}

/// Returns the samples of a run that can be drawn.
fn of_run(run: &RunRecord) -> Option<(&RunRecord, &[PaceSample])> {
    let samples = run.pace.as_ref()?.samples();
    let sent = samples.last()?.requests;
    (samples.len() > 1 && sent > 0).then_some((run, samples))
}

fn caption(run: &RunRecord, samples: &[PaceSample], html: &mut Html) {
    let Some(last) = samples.last() else { return };
    html.tag("figcaption", &[], |html| {
        html.leaf("b", &[], format!("Run {}", run.id));
        let mut text = format!(
            ", began {}: {} in {}, {} answered with 429",
            words::time(run.started_at),
            counted(last.requests, "request"),
            human(std::time::Duration::from_millis(last.at_ms)),
            grouped(last.throttled)
        );
        if run.ended_at.is_none() {
            text += "; no end was noted, and what came after the last note is not shown";
        }
        html.text(text);
    });
}

/// Returns the growth between two samples, per second.
fn rate(pair: &[PaceSample], of: fn(&PaceSample) -> u64) -> f64 {
    let [before, after] = pair else { return 0.0 };
    let time = seconds(after.at_ms.saturating_sub(before.at_ms));
    number(of(after).saturating_sub(of(before))) / time.max(0.001)
}

fn draw(frame: ChartFrame, samples: &[PaceSample], html: &mut Html) {
    let lanes = lanes::of(samples);
    let whole = frame.height + 26.0 + lanes::height(lanes.len());
    let view = format!("0 0 {} {whole}", frame.width);
    let rates = |of: fn(&PaceSample) -> u64| samples.windows(2).map(move |pair| rate(pair, of));
    let most = rates(|sample| sample.requests).chain(rates(|sample| sample.settled));
    let most = most.fold(0.0, f64::max).max(0.001);
    let step = scale::step(most, 4.0);
    let top = (most / step).ceil() * step;
    let y = |rate: f64| (frame.height - 22.0).mul_add(-(rate / top).min(1.0), frame.height);
    let label = "Requests and rows a second over the time of the run";
    let attributes =
        [("class", frame.class), ("viewBox", &view), ("role", "img"), ("aria-label", label)];
    html.tag("svg", &attributes, |html| {
        let mut mark = 0.0;
        while mark <= top * 1.001 {
            line(("grid", frame.left, y(mark), frame.right(), y(mark)), html);
            text(frame.left - 8.0, y(mark) + 4.0, "end", "", &scale::rate_mark(mark), html);
            mark += step;
        }
        text(frame.left - 8.0, 4.0, "end", "", "per second", html);
        area(frame, samples, y, html);
        curve(frame, samples, y, html);
        axis(frame, html);
        lanes::draw(frame, frame.height + 30.0, &lanes, html);
    });
}

/// Draws the requests a second as filled steps.
fn area(frame: ChartFrame, samples: &[PaceSample], y: impl Fn(f64) -> f64, html: &mut Html) {
    let mut path = Path::default();
    path.to(frame.left, y(0.0));
    for pair in samples.windows(2) {
        let height = y(rate(pair, |sample| sample.requests));
        path.to(frame.x(pair[0].at_ms), height);
        path.to(frame.x(pair[1].at_ms), height);
    }
    path.to(samples.last().map_or(frame.left, |last| frame.x(last.at_ms)), y(0.0));
    html.shape("path", &[("class", "area"), ("d", &path.closed())]);
}

/// Draws the rows settled a second as a line through the middle of each interval.
fn curve(frame: ChartFrame, samples: &[PaceSample], y: impl Fn(f64) -> f64, html: &mut Html) {
    let mut path = Path::default();
    for pair in samples.windows(2) {
        let middle = f64::midpoint(frame.x(pair[0].at_ms), frame.x(pair[1].at_ms));
        path.to(middle, y(rate(pair, |sample| sample.settled)));
    }
    html.shape("path", &[("class", "curve"), ("d", &path.open())]);
}

/// Draws the axis of time.
fn axis(frame: ChartFrame, html: &mut Html) {
    line(("axis", frame.left, frame.height, frame.right(), frame.height), html);
    let step = scale::time_step(frame.seconds, frame.marks);
    let mut mark = 0.0;
    while mark <= frame.seconds * 1.001 {
        let x = (mark / frame.seconds).mul_add(frame.right() - frame.left, frame.left);
        line(("axis", x, frame.height, x, frame.height + 4.0), html);
        let anchor = if x > frame.right() - 14.0 { "end" } else { "middle" };
        text(x, frame.height + 17.0, anchor, "", &scale::time_mark(mark), html);
        mark += step;
    }
}

fn line((class, x1, y1, x2, y2): (&str, f64, f64, f64, f64), html: &mut Html) {
    let [x1, y1, x2, y2] = [x1, y1, x2, y2].map(|place| format!("{place:.1}"));
    let attributes = [("class", class), ("x1", &x1), ("y1", &y1), ("x2", &x2), ("y2", &y2)];
    html.shape("line", &attributes);
}

/// Writes a text of a drawing.
pub(super) fn text(x: f64, y: f64, anchor: &str, class: &str, text: &str, html: &mut Html) {
    let [x, y] = [x, y].map(|place| format!("{place:.1}"));
    let attributes = [("x", &*x), ("y", &*y), ("text-anchor", anchor), ("class", class)];
    html.leaf("text", &attributes, text);
}

#[expect(clippy::cast_precision_loss, reason = "a number to look at")]
fn number(count: u64) -> f64 {
    count as f64
}

fn seconds(millis: u64) -> f64 {
    number(millis) / 1000.0
}
