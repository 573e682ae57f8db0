//! `import`: create every factor of the input that is not settled yet.

use std::sync::{Arc, Mutex, atomic::Ordering};

use tokio_util::sync::CancellationToken;

use super::{
    after_import::ReadInput,
    blocking,
    prove::Suggestion,
    readiness::Gate,
    reading::{Opener, extent},
    second_ledger,
    session::{CommandSpec, Opening, Session, lasting_ledger, require_ledger},
    signals::Signals,
};
use crate::{
    auth0,
    cli::Import,
    config::Config,
    engine::{self, End, Stop, intake, scan::scan_readable},
    error::{Error, Exit},
    input::{Digests, RowReader},
    jobs::create::{Advice, CreateExecutor, CreateJobs, Factors, Step, tell},
    model::{Planned, SecretEncoding, State},
    plan::{Sight, Whole},
    preflight::{Census, Gatherer},
    progress::Show,
};

/// Runs the command.
pub(super) async fn run(import: Import, config: Config, show: Show) -> Result<Exit, Error> {
    let bulk = &import.bulk;
    let (first, name_marker) =
        (if config.skip_existing { Step::CheckExisting } else { Step::Send }, config.name_marker);
    let scopes: &[&str] =
        if name_marker { &[auth0::CREATE, auth0::READ, auth0::UPDATE] } else { &[auth0::CREATE] };
    let spec = CommandSpec { name: "import", own: &[State::Created], scopes, dry_run: false };
    let secrets = import.secret_encoding.map(Into::into);
    // Before the input is read whole, which may take minutes.
    if !import.new_ledger {
        second_ledger::refuse(&config, &bulk.reading.inputs)?;
    }
    let stop = CancellationToken::new();
    let signals = tokio::spawn(Signals::take()?.watch(stop.clone()));
    require_ledger(bulk, &config)?;
    let input = Opener::of(&bulk.reading, &import.system, import.secret_encoding, false)?
        .limited(import.max_users.as_ref());
    let (is_cut, selection) = (input.is_cut(), input.selection());
    let suggestion = Suggestion::of(&import, lasting_ledger(&config, &bulk.reading.inputs));
    let input = tokio::select! {
        () = stop.cancelled() => return Ok(Exit::Stopped),
        opened = open_looked_at(input, secrets, suggestion) => opened?,
    };
    let opening = Opening { spec, inputs: &bulk.reading.inputs, retry: &bulk.retry, ledger: None };
    let mut session = Session::open(config, opening, stop).await?;
    session.run.notes.begin(&session.ledger, input.digests.clone()).await?;
    if let Some(suggestion) = &input.suggestion {
        suggestion.give();
    }
    let gate = Gate::new(input.census.clone(), import.accept.clone());
    let read = ReadInput::of(&bulk.reading.inputs, input.source.lines());
    session.input = Some(read.importing(selection));
    let end = create(&mut session, input, gate, (first, name_marker, secrets), show).await?;
    let end = match (end, &import.max_users) {
        (End::Complete, Some(most)) if is_cut.load(Ordering::Relaxed) => {
            End::Stopped(Stop::MaxUsers(most.value.0))
        }
        (end, _) => end,
    };
    let done = session.close(end, Some(bulk.run.output)).await;
    signals.abort();
    done
}

/// Creates what is not settled, once the tenant is ready for it.
async fn create(
    session: &mut Session,
    LookedAt { source, whole, census, advice, .. }: LookedAt,
    mut gate: Gate,
    (first, name_marker, secrets): (Step, bool, Option<SecretEncoding>),
    show: Show,
) -> Result<End, Error> {
    if let Err(end) = gate.before_settling(session).await {
        return Ok(end);
    }
    session.watch(extent(&*source, census.map(|census| census.rows)), show);
    let count = session.input.as_ref().map(ReadInput::secret_count).unwrap_or_default();
    let factors = Factors::new(session.key.clone(), secrets).counting(count);
    let intake = intake::start(
        source,
        factors.looking(whole).advising(advice),
        CreateJobs { first },
        session.ledger.clone(),
        session.remarks(),
    )?;
    let intake = match gate.before_sending(session, intake).await {
        Ok(intake) => intake,
        Err(end) => return Ok(end),
    };
    let delivery = Arc::new(CreateExecutor {
        gateway: session.gateway(),
        ledger: session.ledger.clone(),
        name_marker,
        given: Mutex::default(),
    });
    Ok(engine::run(delivery, session.limits(), intake).await)
}

/// An input that is about to be read for the last time.
struct LookedAt {
    source: Box<dyn RowReader>,
    /// Look at it as a whole, where that has still to be taken.
    whole: Option<Whole>,
    /// Needs of it, where they are known.
    census: Option<Census>,
    /// Advice to prove a secret of it, where it is known to have one.
    suggestion: Option<Suggestion>,
    /// The same, where that is seen on the way.
    advice: Option<Advice>,
    /// Digests of what is read of it.
    digests: Digests,
}

/// Opens an input. One that can be read again is read to its end before anything is sent: what makes
/// it unreadable stops the run, what is odd about it as a whole is told, and its rows are counted. For one
/// that cannot, gives what looks at it on the way.
async fn open_looked_at(
    mut input: Opener,
    secrets: Option<SecretEncoding>,
    suggestion: Suggestion,
) -> Result<LookedAt, Error> {
    blocking(move || {
        let digests = Digests::default();
        let source = input.open()?;
        let mut whole = Whole::default();
        if source.len().is_none() {
            let advice = suggestion.proved().is_none().then(|| suggestion.late());
            let (whole, census, suggestion) = (Some(whole), None, None);
            return Ok(LookedAt { source, whole, census, suggestion, advice, digests });
        }
        let lines = source.lines();
        let eye = whole.eye();
        // Users would have to be told apart by all their rows: only `preflight` takes the time.
        let (mut gatherer, mut marker) = Gatherer::of_rows();
        let mut proved = suggestion.proved();
        let look = move |planned| {
            let mark = marker.mark(&planned);
            let is_proved = match &planned {
                // One is enough.
                Planned::Factor(factor) => proved.take_if(|proved| proved.holds(factor)).is_some(),
                Planned::Rejected(_) => false,
            };
            let is_about = Suggestion::is_about(&planned);
            let sight = match planned {
                Planned::Factor(factor) => eye.look(&factor),
                Planned::Rejected(rejection) => Sight::Rejected(rejection),
            };
            (sight, mark, (is_about, is_proved))
        };
        let (mut counted, mut has_totp, mut has_proof) = (Ok(()), false, false);
        let ending =
            scan_readable(source, secrets, look, |(sight, mark, (is_about, is_proved))| {
                has_totp |= is_about;
                has_proof |= is_proved;
                whole.add(&sight);
                counted = std::mem::replace(&mut counted, Ok(())).and(gatherer.add(mark));
            })?;
        tell(&whole.findings(ending, &lines));
        let is_needed = has_totp && !has_proof && !is_proved_beyond(&input, secrets, &suggestion)?;
        let suggestion = Some(suggestion).filter(|_| is_needed);
        let failed = |source| Error::Io { what: "counting the rows of the input".into(), source };
        let (census, _) = counted.and_then(|()| gatherer.finish()).map_err(failed)?;
        // Of what is sent, not of what was only looked at.
        input.noting(digests.clone());
        let (source, census) = (input.open()?, Some(census));
        Ok(LookedAt { source, whole: None, census, suggestion, advice: None, digests })
    })
    .await
}

/// Returns true if the ledger's proofs are of users whom `--max-users` leaves out: they are asked about
/// the input, whoever comes first.
fn is_proved_beyond(
    input: &Opener,
    secrets: Option<SecretEncoding>,
    suggestion: &Suggestion,
) -> Result<bool, Error> {
    let proved = suggestion.proved().filter(|_| input.is_cut().load(Ordering::Relaxed));
    let Some(proved) = proved else { return Ok(false) };
    let mut is_proved = false;
    let note = move |planned| matches!(planned, Planned::Factor(factor) if proved.holds(&factor));
    scan_readable(input.open_whole()?, secrets, note, |holds| is_proved |= holds)?;
    Ok(is_proved)
}
