//! The clocks of a simulation, ours and the tenant's two: tokio's paused clock, plus whatever each
//! is wrong by.

use std::cell::Cell;

use mfaferry::model::{LocalTime, Millis, TenantTime};
use tokio::time::Instant;

thread_local! {
    static START: Cell<Option<Instant>> = const { Cell::new(None) };
    static AHEAD: Cell<Millis> = const { Cell::new(0) };
    static SERVER: Cell<Millis> = const { Cell::new(0) };
    static STORE: Cell<Millis> = const { Cell::new(0) };
}

/// Start of every simulation, in milliseconds since 1970.
const EPOCH: Millis = 1_800_000_000_000;

/// Begins a simulation in which the tenant's clocks are so far ahead: that of its `Date`, and that
/// of its `created_at`.
pub(crate) fn begin(server: Millis, store: Millis) {
    START.set(Some(Instant::now()));
    AHEAD.set(0);
    SERVER.set(server);
    STORE.set(store);
}

/// Somebody sets our clock.
pub(crate) fn set_ahead(ahead: Millis) {
    AHEAD.set(ahead);
}

/// True time since the beginning.
pub(crate) fn elapsed() -> Millis {
    let start = START.get().unwrap();
    Millis::try_from(start.elapsed().as_millis()).unwrap()
}

/// Returns the time by the tenant's front ends.
pub(crate) fn server() -> TenantTime {
    TenantTime::from_millis(EPOCH + elapsed() + SERVER.get())
}

/// Returns the time by the tenant's store.
pub(crate) fn store() -> TenantTime {
    TenantTime::from_millis(EPOCH + elapsed() + STORE.get())
}

/// Returns the time by our clock.
pub(crate) fn wall() -> LocalTime {
    LocalTime::from_millis(EPOCH + elapsed() + AHEAD.get())
}
