//! Our wall clock in a simulation: tokio's paused clock, plus whatever it was set to.

use std::cell::Cell;

use mfaferry::api::Millis;
use tokio::time::Instant;

thread_local! {
    static START: Cell<Option<Instant>> = const { Cell::new(None) };
    static AHEAD: Cell<Millis> = const { Cell::new(0) };
}

/// Where every simulation begins, in milliseconds since 1970.
const EPOCH: Millis = 1_800_000_000_000;

/// Begins a simulation.
pub(crate) fn begin() {
    START.set(Some(Instant::now()));
    AHEAD.set(0);
}

/// Somebody sets the clock.
pub(crate) fn set_ahead(ahead: Millis) {
    AHEAD.set(ahead);
}

/// True time since the beginning.
pub(crate) fn elapsed() -> Millis {
    let start = START.get().unwrap();
    Millis::try_from(start.elapsed().as_millis()).unwrap()
}

/// What the tenant's clock shows.
pub(crate) fn server() -> Millis {
    EPOCH + elapsed()
}

/// What our clock shows.
pub(crate) fn wall() -> Millis {
    server() + AHEAD.get()
}
