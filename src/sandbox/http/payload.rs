//! Response bodies, both ordinary and unreasonable ones.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf, Bytes};
use hyper::body::{Body, Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep};

/// Between two bytes of a slow body (reliability.md 2, row 12).
const PAUSE_BETWEEN_BYTES: Duration = Duration::from_secs(1);

/// Length of a body that is far too long (reliability.md 2, row 13).
const ENDLESS: u64 = 10 << 30;

static SPACES: [u8; 16_384] = [b' '; 16_384];

/// A response body.
#[derive(Debug)]
pub(in crate::sandbox) enum Payload {
    /// All at once.
    Whole(Bytes),
    /// A byte at a time.
    Drip(Bytes, Pin<Box<Sleep>>),
    /// A number of spaces.
    Endless(u64),
}

impl Payload {
    pub(in crate::sandbox) fn drip(bytes: Bytes) -> Self {
        Self::Drip(bytes, Box::pin(sleep(PAUSE_BETWEEN_BYTES)))
    }

    pub(in crate::sandbox) fn endless() -> Self {
        Self::Endless(ENDLESS)
    }
}

impl Body for Payload {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let piece = match self.get_mut() {
            Self::Whole(bytes) => std::mem::take(bytes),
            Self::Drip(bytes, pause) => {
                if pause.as_mut().poll(cx).is_pending() {
                    return Poll::Pending;
                }
                pause.as_mut().reset(Instant::now() + PAUSE_BETWEEN_BYTES);
                bytes.split_to(bytes.remaining().min(1))
            }
            Self::Endless(left) => {
                *left = left.saturating_sub(SPACES.len() as u64);
                Bytes::from_static(if *left == 0 { &[] } else { &SPACES })
            }
        };
        Poll::Ready((!piece.is_empty()).then(|| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(bytes) | Self::Drip(bytes, _) => bytes.is_empty(),
            Self::Endless(left) => *left == 0,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) | Self::Drip(bytes, _) => SizeHint::with_exact(bytes.len() as u64),
            Self::Endless(_) => SizeHint::default(),
        }
    }
}
