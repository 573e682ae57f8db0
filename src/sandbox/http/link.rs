//! The connection under HTTP, which can end in ways that HTTP would not.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::{sandbox::call::Call, sync::lock};

/// Ways in which a connection ends; 0 is the regular one of HTTP.
const CUT: u8 = 1;
const ENDED: u8 = 2;
const RESET: u8 = 3;

/// Intended end of a connection; shared by the connection and the request on it.
#[derive(Debug, Default)]
pub(in crate::sandbox) struct ConnectionEnd {
    mode: AtomicU8,
    cut: AtomicUsize,
    afterwards: Mutex<Option<Call>>,
}

impl ConnectionEnd {
    /// Makes the peer see a reset (RST) when the connection is dropped.
    pub(in crate::sandbox) fn reset(&self) {
        self.mode.store(RESET, Ordering::Release);
    }

    /// Makes the next answer lose its last bytes, and the connection end there.
    pub(in crate::sandbox) fn cut(&self, bytes: usize) {
        self.cut.store(bytes, Ordering::Release);
        self.mode.store(CUT, Ordering::Release);
    }

    /// Leaves a request to be executed long after the connection has ended.
    pub(in crate::sandbox) fn leave(&self, call: Call) {
        *lock(&self.afterwards) = Some(call);
    }

    /// Returns the request that was left.
    pub(in crate::sandbox) fn left(&self) -> Option<Call> {
        lock(&self.afterwards).take()
    }

    fn mode(&self) -> u8 {
        self.mode.load(Ordering::Acquire)
    }
}

/// A TCP connection with a planned end.
#[derive(Debug)]
pub(in crate::sandbox) struct Link {
    stream: TcpStream,
    connection_end: Arc<ConnectionEnd>,
}

impl Link {
    pub(in crate::sandbox) fn new(stream: TcpStream, connection_end: Arc<ConnectionEnd>) -> Self {
        Self { stream, connection_end }
    }
}

impl AsyncRead for Link {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.connection_end.mode() == ENDED {
            // Reading nothing is the end: hyper closes the connection.
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Link {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.connection_end.mode() != CUT {
            return Pin::new(&mut self.stream).poll_write(cx, buf);
        }
        // An answer that is cut is short, and hyper writes it in one piece, head and body together.
        let kept = buf.len().saturating_sub(self.connection_end.cut.load(Ordering::Acquire));
        let written = match Pin::new(&mut self.stream).poll_write(cx, &buf[..kept]) {
            Poll::Ready(Ok(written)) => written,
            other => return other,
        };
        if written < kept {
            return Poll::Ready(Ok(written));
        }
        self.connection_end.mode.store(ENDED, Ordering::Release);
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.connection_end.mode() == RESET {
            // A FIN first would let the peer believe in an orderly end.
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        if self.connection_end.mode() == RESET
            && let Err(error) = self.stream.set_zero_linger()
        {
            tracing::warn!(%error, "a connection could not be reset and is closed instead");
        }
    }
}
