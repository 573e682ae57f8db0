//! Connections: accepted, served, and ended as planned.

use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::{
    Server,
    link::{ConnectionEnd, Link},
};

/// Pause when no connection can be accepted, for instance for lack of descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(10);

/// Accepts connections until told to end, and then waits for every one of them.
pub(in crate::sandbox) async fn accept(
    listener: TcpListener,
    server: Arc<Server>,
    ending: CancellationToken,
) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = ending.cancelled() => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(connection(stream, Arc::clone(&server)));
                }
                Err(error) => {
                    tracing::warn!(%error, "the sandbox cannot accept a connection");
                    sleep(ACCEPT_PAUSE).await;
                }
            },
            Some(ended) = connections.join_next(), if !connections.is_empty() => {
                if let Err(error) = ended {
                    tracing::error!(%error, "a connection of the sandbox ended badly");
                }
            }
        }
    }
    drop(listener);
    connections.shutdown().await;
}

async fn connection(stream: TcpStream, server: Arc<Server>) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::trace!(%error, "the peer has gone already");
    }
    let connection_end = Arc::new(ConnectionEnd::default());
    let service = service_fn(|request| server.serve(request, &connection_end));
    let io = TokioIo::new(Link::new(stream, Arc::clone(&connection_end)));
    let ended = http1::Builder::new().auto_date_header(false).serve_connection(io, service).await;
    if let Err(error) = ended {
        tracing::trace!(%error, "a connection ended early");
    }
    if let Some(call) = connection_end.left() {
        server.execute_late(&call).await;
    }
}
