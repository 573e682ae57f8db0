//! Advice at the end of a command: which commands make sense next, with the flags that were typed.

pub(super) mod follow_up;
pub(super) mod mend;
pub(super) mod next;
pub(super) mod suggest;
