//! `import`: create every factor of the input that is not settled yet.

use std::sync::{Arc, Mutex};

use tokio_util::sync::CancellationToken;

use super::{
    session::{Opening, Session, Verb, open_input},
    signals::Signals,
};
use crate::{
    auth0,
    cli::Import,
    config::Config,
    engine::{self, intake},
    error::{Error, Exit},
    input::Shape,
    jobs::create::{Delivery, Factors, Items, Step},
    model::State,
    progress::Show,
};

/// Runs the command.
pub(super) async fn run(import: Import, mut config: Config, show: Show) -> Result<Exit, Error> {
    let bulk = &import.bulk;
    config.skip_existing |= import.skip_existing;
    config.name_marker |= import.name_marker;
    let (first, name_marker) =
        (if config.skip_existing { Step::Survey } else { Step::Send }, config.name_marker);
    let scopes: &[&str] =
        if name_marker { &[auth0::CREATE, auth0::READ, auth0::UPDATE] } else { &[auth0::CREATE] };
    let verb = Verb { name: "import", own: &[State::Created], scopes, dry_run: false };
    let shape = if import.from_export { Shape::Exported } else { Shape::Factors };
    let stop = CancellationToken::new();
    let signals = tokio::spawn(Signals::take()?.watch(stop.clone()));
    let (source, _) = tokio::select! {
        () = stop.cancelled() => return Ok(Exit::Stopped),
        opened = open_input(bulk, shape) => opened?,
    };
    let opening = Opening { verb, input: &bulk.reading.input, retry: &bulk.retry, ledger: None };
    let mut session = Session::open(config, opening, stop).await?;
    session.watch(source.bytes_read(), source.len(), show);
    let intake = intake::start(
        source,
        Factors::new(session.key.clone(), shape, import.secret_encoding.map(Into::into)),
        Items { first },
        session.ledger.clone(),
        Arc::clone(&session.remarks),
    )?;
    let delivery =
        Arc::new(Delivery { line: session.line(), name_marker, given: Mutex::default() });
    let end = engine::run(delivery, session.limits(), intake).await;
    let done = session.close(end, Some(bulk.run.output)).await;
    signals.abort();
    done
}
