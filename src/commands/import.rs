//! `import`: create every factor of the input that is not settled yet.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU64, Ordering},
};

use super::{
    advice::suggest::Suggestion,
    blocking,
    outputs::names::{lasting_ledger, require_ledger},
    reading::{
        Opener, extent,
        look::{Look, Opened},
    },
    run::{
        after_import::ReadInput,
        readiness::Gate,
        second_ledger,
        session::{CommandSpec, Opening, Session},
        shards::{warn_of_rate, warn_of_selection},
        signals::Stoppable,
        unbegun,
    },
};
use crate::{
    auth0,
    cli::Import,
    config::Config,
    engine::{self, End, Stop, intake},
    error::{Error, Exit},
    jobs::create::{CreateExecutor, CreateJobs, Factors, Step},
    model::{SecretEncoding, State},
    preflight::FindingCode,
    progress::Show,
    text::counted,
};

/// Options of creating factors.
struct Creation {
    first: Step,
    name_marker: bool,
    secrets: Option<SecretEncoding>,
    /// `--accept`.
    accepted: Vec<FindingCode>,
}

impl Creation {
    fn of(import: &Import, config: &Config) -> Self {
        Self {
            first: if config.skip_existing { Step::CheckExisting } else { Step::Send },
            name_marker: config.name_marker,
            secrets: import.secret_encoding,
            accepted: import.accept.clone(),
        }
    }

    fn scopes(&self) -> &'static [&'static str] {
        if self.name_marker {
            &[auth0::CREATE, auth0::READ, auth0::UPDATE]
        } else {
            &[auth0::CREATE]
        }
    }
}

/// Runs the command.
pub(super) async fn run(import: Import, config: Config, show: Show) -> Result<Exit, Error> {
    let (bulk, shard) = (&import.bulk, import.sharding.of());
    let config = config.of_shard(shard);
    warn_of_rate(&config);
    let creation = Creation::of(&import, &config);
    let scopes = creation.scopes();
    let spec = CommandSpec { name: "import", own: &[State::Created], scopes, dry_run: false };
    // Checked before the input is read whole, which may take minutes.
    if !import.new_ledger {
        second_ledger::refuse(&config, &bulk.reading.inputs)?;
    }
    let stoppable = Stoppable::start()?;
    require_ledger(bulk, &config)?;
    let input = Opener::of(&bulk.reading, &import.system, import.secret_encoding, false)?
        .sharded(shard)
        .limited(import.max_users.as_ref());
    let (is_cut, selection, n_passed) = (input.is_cut(), input.selection(), input.n_passed());
    let ledger = lasting_ledger(&config, &bulk.reading.inputs);
    let suggestion = Suggestion::of(&import, ledger.clone());
    let look = Look::new(input, creation.secrets, suggestion);
    let looked = blocking(move || look.open(ledger.as_deref()));
    let opening = Opening { spec, inputs: &bulk.reading.inputs, retry: &bulk.retry, ledger: None };
    let Some(input) = stoppable.unless_stopped(looked).await? else {
        return unbegun::stopped(&config, &opening, &stoppable, Some(bulk.run.output));
    };
    let mut session = Session::open(config, opening, stoppable.stop.clone()).await?;
    session.run.notes.begin(&session.ledger, input.digests.clone()).await?;
    let read = ReadInput::of(&bulk.reading.inputs, input.source.lines());
    session.input = Some(read.importing(selection).of_shard(shard, n_passed));
    let end = match (create(&mut session, input, creation, show).await?, &import.max_users) {
        (End::Complete, Some(most)) if is_cut.load(Ordering::Relaxed) => {
            End::Stopped(Stop::MaxUsers(most.value.0))
        }
        (end, _) => end,
    };
    session.input.iter().for_each(|input| warn_of_selection(&session.run.config, input));
    session.close(end, Some(bulk.run.output)).await
}

/// Creates all factors that are not settled, once the tenant is ready for it.
async fn create(
    session: &mut Session,
    Opened { source, needs, on_the_way, .. }: Opened,
    Creation { first, name_marker, secrets, accepted }: Creation,
    show: Show,
) -> Result<End, Error> {
    needs.advise();
    let rows = needs.rows();
    let mut gate = Gate::new(needs, accepted);
    if let Err(end) = gate.before_settling(session).await {
        return Ok(end);
    }
    session.watch(extent(&*source, rows), show);
    let count = session.input.as_ref().map(ReadInput::secret_count).unwrap_or_default();
    let factors = Factors::new(session.key.clone(), secrets).counting(count);
    let intake = intake::start(
        source,
        factors.looking(on_the_way),
        CreateJobs { first },
        session.ledger.clone(),
        session.remarks(),
    )?;
    let intake = match gate.before_sending(session, intake).await {
        Ok(intake) => intake,
        Err(end) => return Ok(end),
    };
    let executor = Arc::new(CreateExecutor {
        gateway: session.gateway(),
        ledger: session.ledger.clone(),
        name_marker,
        recent_ids: Mutex::default(),
        still_marked: AtomicU64::default(),
    });
    let end = engine::run(Arc::clone(&executor), session.limits(), intake).await;
    warn_of_marks(executor.still_marked.load(Ordering::Relaxed));
    Ok(end)
}

/// Warns of names that keep their mark: their factors count as created.
fn warn_of_marks(count: u64) {
    if count > 0 {
        let (keep, them) = if count == 1 { ("keeps", "it") } else { ("keep", "them") };
        tracing::warn!(
            "{} {keep} the mark of --name-marker, because the tenant refused to change {them} or did \
             not answer; run the same command again to restore {them}",
            counted(count, "name")
        );
    }
}
