//! `import`: create every factor of the input that has no outcome yet.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use super::{
    advice::suggest::Suggestion,
    blocking,
    outputs::names::{lasting_ledger, require_ledger},
    reading::{
        Opener, UserIdMapping, extent,
        look::{Look, Opened},
    },
    run::{
        after_import::ReadInput,
        readiness::Gate,
        second_ledger,
        session::{CommandSpec, Session, SessionOpening},
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
    input::SelectionCodes,
    jobs::create::{CreateExecutor, CreateJobs, Factors, Step},
    ledger::LedgerKind,
    model::{Lines, SecretEncoding, Shard, State},
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

    fn spec(&self) -> CommandSpec {
        let scopes: &[_] = if self.name_marker {
            &[auth0::CREATE, auth0::READ, auth0::UPDATE]
        } else {
            &[auth0::CREATE]
        };
        CommandSpec {
            name: "import",
            kind: LedgerKind::Factors,
            own: &[State::Created],
            scopes,
            dry_run: false,
        }
    }
}

/// Facts about the input that are complete once it has been read.
struct AfterReading {
    shard: Shard,
    /// `--max-users`.
    max_users: Option<usize>,
    /// True once `--max-users` has left out a user.
    is_cut: Arc<AtomicBool>,
    selection: Option<SelectionCodes>,
    /// Number of rows of other shards.
    n_passed: Arc<AtomicU64>,
}

impl AfterReading {
    fn of(import: &Import, input: &Opener) -> Self {
        Self {
            shard: import.sharding.of(),
            max_users: import.max_users.as_ref().map(|given| given.value.0),
            is_cut: input.is_cut(),
            selection: input.selection(),
            n_passed: input.n_passed(),
        }
    }

    /// Returns what the summary mentions of the input.
    fn read_input(&self, names: &[String], lines: Lines) -> ReadInput {
        let read = ReadInput::of(names, lines).importing(self.selection.clone());
        read.of_shard(self.shard, Arc::clone(&self.n_passed))
    }

    /// Returns how the run ended: one that left out users is not complete.
    fn end(&self, end: End) -> End {
        match (end, self.max_users) {
            (End::Complete, Some(most)) if self.is_cut.load(Ordering::Relaxed) => {
                End::Stopped(Stop::MaxUsers(most))
            }
            (end, _) => end,
        }
    }
}

/// Runs the command.
pub(super) async fn run(import: Import, config: Config, show: Show) -> Result<Exit, Error> {
    let config = config.of_shard(import.sharding.of());
    warn_of_rate(&config);
    let (inputs, output) = (&import.bulk.reading.inputs, Some(import.bulk.run.output));
    // Checked before the input is read whole, which may take minutes.
    if !import.new_ledger {
        second_ledger::refuse(&config, inputs)?;
    }
    let stoppable = Stoppable::start()?;
    let input = open(&import, &config)?;
    let after = AfterReading::of(&import, &input);
    let creation = Creation::of(&import, &config);
    let opening =
        SessionOpening { spec: creation.spec(), inputs, retry: &import.bulk.retry, ledger: None };
    let Some(input) = look(&import, &config, input, &stoppable).await? else {
        return unbegun::stopped(&config, &opening, &stoppable, output);
    };
    let mut session = Session::open(config, opening, stoppable.stop.clone()).await?;
    session.run.notes.begin(&session.ledger, input.digests.clone()).await?;
    session.input = Some(after.read_input(inputs, input.source.lines()));
    let end = create(&mut session, input, creation, show).await?;
    session.input.iter().for_each(|input| warn_of_selection(&session.run.config, input));
    session.close(after.end(end), output).await
}

/// Opens the input, once it is known that its ledger has a name.
fn open(import: &Import, config: &Config) -> Result<Opener, Error> {
    require_ledger(&import.bulk, config)?;
    let (system, secrets) = (&import.system, import.secret_encoding);
    let input = Opener::of(&import.bulk.reading, system, secrets, UserIdMapping::Required)?;
    Ok(input.sharded(import.sharding.of()).limited(import.max_users.as_ref()))
}

/// Looks at the whole input before anything is sent; `None` if a signal comes first.
async fn look(
    import: &Import,
    config: &Config,
    input: Opener,
    stoppable: &Stoppable,
) -> Result<Option<Opened>, Error> {
    let ledger = lasting_ledger(config, &import.bulk.reading.inputs);
    let suggestion = Suggestion::of(import, ledger.clone());
    let look = Look::new(input, import.secret_encoding, suggestion);
    stoppable.unless_stopped(blocking(move || look.open(ledger.as_deref()))).await
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
