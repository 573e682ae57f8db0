//! Shows the numbers of a run to its recorders, once a second and once at its end.

use std::sync::Arc;

use tokio::{
    task::JoinHandle,
    time::{Instant, MissedTickBehavior, interval},
};
use tokio_util::sync::CancellationToken;

use super::{LOOK_EVERY, ProgressCounts, Watch, pace::Pace};
use crate::{
    model::LocalTime,
    report::{Recorder, Snapshot, Waits},
};

/// A task that samples a run until the run is over.
#[derive(Debug)]
pub struct Sampler {
    over: CancellationToken,
    task: JoinHandle<()>,
}

impl Sampler {
    /// Starts to sample a run, at once for the first time.
    pub fn start<T: ProgressCounts>(
        watch: Arc<Watch<T>>,
        recorders: Vec<Arc<dyn Recorder>>,
        now: fn() -> LocalTime,
    ) -> Self {
        let over = CancellationToken::new();
        let task = tokio::spawn(sample(watch, recorders, now, over.clone()));
        Self { over, task }
    }

    /// Samples the run for the last time.
    pub async fn finish(self) {
        self.over.cancel();
        if let Err(error) = self.task.await {
            tracing::warn!("the numbers of the run are no longer kept: {error}");
        }
    }
}

async fn sample<T: ProgressCounts>(
    watch: Arc<Watch<T>>,
    recorders: Vec<Arc<dyn Recorder>>,
    now: fn() -> LocalTime,
    over: CancellationToken,
) {
    let began = Instant::now();
    let mut pace = Pace::new(began);
    let mut ticks = interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut is_over = false;
    while !is_over {
        tokio::select! {
            biased;
            () = over.cancelled() => is_over = true,
            _ = ticks.tick() => {}
        }
        let at = Instant::now();
        pace.observe(at, watch.stats.requests());
        // When nothing is sent any more there is no rate.
        let rate = pace.rate().filter(|_| !is_over);
        let snapshot = Snapshot { at: now(), elapsed: at - began, rate, ..snapshot(&watch) };
        for recorder in &recorders {
            recorder.record(&snapshot);
        }
    }
}

/// Takes all numbers that do not depend on the time.
fn snapshot<T: ProgressCounts>(watch: &Watch<T>) -> Snapshot {
    let (stats, tally) = (&watch.stats, &watch.tally);
    let (rows, settled) = (tally.by_state(), tally.settled());
    // If rows have no states, something else is counted. An estimate from bytes would grow with
    // what is read ahead, which is misleading.
    let rows_left = watch.extent.rows.filter(|_| !rows.is_empty());
    Snapshot {
        at: LocalTime::default(),
        elapsed: std::time::Duration::ZERO,
        rate: None,
        rows,
        settled,
        settled_by_requests: tally.settled_by_requests(),
        rows_left: rows_left.map(|rows| rows.saturating_sub(settled)),
        in_doubt: stats.in_doubt(),
        checking: stats.checking(),
        requests: stats.requests_by_class(),
        throttled: stats.throttled(),
        tenant_limit: watch.pacer.tenant_rate(),
        waits: Waits::of(&watch.pacer, stats),
        waiting: watch.pacer.waiting(),
        is_outage: stats.outage(),
        taken_up: tally.taken_up(),
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{
            Mutex,
            atomic::{AtomicU64, Ordering},
        },
        time::Duration,
    };

    use super::*;
    use crate::{
        api::LimitDecision,
        pacer::{Pacer, Rate},
        progress::Extent,
        stats::{RunStats, StatusClass},
    };

    #[derive(Debug, Default)]
    struct Rows(AtomicU64);

    impl ProgressCounts for Rows {
        fn settled(&self) -> u64 {
            self.0.load(Ordering::Relaxed)
        }

        fn by_state(&self) -> Vec<(&'static str, u64)> {
            vec![("created", self.settled())]
        }
    }

    #[derive(Debug, Default)]
    struct Kept(Mutex<Vec<Snapshot>>);

    impl Recorder for Kept {
        fn record(&self, snapshot: &Snapshot) {
            self.0.lock().unwrap().push(snapshot.clone());
        }
    }

    #[tokio::test]
    async fn rows_that_are_left_are_counted_and_never_estimated() {
        for (rows, expected) in [(Some(100), Some(97)), (None, None)] {
            let watch = Watch {
                tally: Arc::new(Rows(AtomicU64::new(3))),
                stats: Arc::new(RunStats::default()),
                pacer: Arc::new(Pacer::new(Rate::Auto, 0.2)),
                extent: Extent { read: Arc::new(AtomicU64::new(50)), length: Some(100), rows },
                rows: Arc::new(AtomicU64::new(50)),
            };
            assert_eq!(snapshot(&watch).rows_left, expected);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn every_keeper_sees_a_run_each_second_and_at_its_very_end() {
        let watch = Arc::new(Watch {
            tally: Arc::new(Rows::default()),
            stats: Arc::new(RunStats::default()),
            pacer: Arc::new(Pacer::new(Rate::Auto, 0.2)),
            extent: Extent { rows: Some(100), ..Extent::default() },
            rows: Arc::default(),
        });
        let kept = [Arc::new(Kept::default()), Arc::new(Kept::default())];
        let recorders = kept.iter().map(|kept| Arc::clone(kept) as Arc<dyn Recorder>).collect();
        let sampler = Sampler::start(Arc::clone(&watch), recorders, LocalTime::default);
        for _ in 0..20 {
            tokio::time::sleep(Duration::from_millis(500)).await;
            watch.tally.0.fetch_add(1, Ordering::Relaxed);
            watch.stats.sent(2, StatusClass::Refusal, LimitDecision::Throttled);
        }
        sampler.finish().await;
        for kept in kept {
            let kept = kept.0.lock().unwrap();
            let seconds: Vec<_> = kept.iter().map(|one| one.elapsed.as_secs()).collect();
            assert_eq!(seconds[..10], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
            let (first, before, last) = (&kept[0], &kept[9], &kept[kept.len() - 1]);
            assert_eq!((first.settled, first.rows_left, first.rate), (0, Some(100), None));
            assert!(before.rate.is_some_and(|rate| (3.5..=4.5).contains(&rate)), "{before:?}");
            assert_eq!((last.rows.clone(), last.rows_left), (vec![("created", 20)], Some(80)));
            assert_eq!((last.rate, last.throttled, last.requests_in_all()), (None, 20, 40));
            assert_eq!(last.requests[0], (StatusClass::Success, 20));
            assert_eq!(last.requests[2], (StatusClass::Refusal, 20));
        }
    }
}
