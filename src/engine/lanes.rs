//! Waiting jobs, and what they wait for: one lane per user, in input order; ready jobs in order of
//! entry; jobs that wait for a time; and jobs kept for the end.

use std::{
    collections::{
        BTreeMap, HashMap, VecDeque,
        hash_map::Entry::{Occupied, Vacant},
    },
    time::Duration,
};

use tokio::time::Instant;

use super::Job;
use crate::{model::UserId, pacer::breaker::RequestKind};

/// Most jobs that are kept for the end of a run.
const MAX_FOR_THE_END: usize = 65_536;

/// The kinds of job.
pub(super) const KINDS: [RequestKind; 2] = [RequestKind::Change, RequestKind::Read];

/// A job with its place in the order of entry.
#[derive(Debug)]
pub struct Ticket<E> {
    pub(super) number: u64,
    /// The job.
    pub job: Box<E>,
}

/// All jobs that have been taken in and not settled, except those in the hands of a worker.
#[derive(Debug)]
pub(super) struct Lanes<E> {
    /// Users with a job under way, and the jobs that wait behind it.
    users: HashMap<UserId, VecDeque<Ticket<E>>>,
    /// Ready jobs by kind (changes, look-ups), always in order of entry.
    ready: [BTreeMap<u64, Box<E>>; 2],
    /// Jobs that wait, by the time at which they are due.
    parked: BTreeMap<(Instant, u64), Box<E>>,
    /// Number of jobs that have entered.
    entered: u64,
    /// Number of parked jobs that are in doubt.
    in_doubt: usize,
    /// Number of jobs taken in and not settled.
    held: usize,
    /// Settled jobs with a step left for the end of the run.
    for_the_end: Vec<Box<E>>,
    /// Earliest time at which a job that an earlier process left in doubt may go.
    clear_from: Instant,
}

impl<E: Job> Lanes<E> {
    /// Makes the empty lanes of a run that begins now. A request that an earlier process left in
    /// doubt may still be under way, so a whole settle time counts from our own start
    /// (reliability.md 1.3, R8).
    pub(super) fn new(settle: Duration) -> Self {
        Self {
            users: HashMap::new(),
            ready: [BTreeMap::new(), BTreeMap::new()],
            parked: BTreeMap::new(),
            entered: 0,
            in_doubt: 0,
            held: 0,
            for_the_end: Vec::new(),
            clear_from: Instant::now() + settle,
        }
    }

    /// Puts jobs into their users' lanes, or keeps them for the end.
    pub(super) fn take_in(&mut self, jobs: Vec<E>) {
        for job in jobs {
            if job.is_for_the_end() {
                self.keep_for_the_end(Box::new(job));
            } else {
                self.enter(Box::new(job));
            }
        }
    }

    fn enter(&mut self, job: Box<E>) {
        self.held += 1;
        self.entered += 1;
        let ticket = Ticket { number: self.entered, job };
        match self.users.entry(ticket.job.user().clone()) {
            Occupied(mut lane) => lane.get_mut().push_back(ticket),
            Vacant(lane) => {
                lane.insert(VecDeque::new());
                self.begin(ticket);
            }
        }
    }

    /// Makes a job ready that has come to the head of its lane.
    fn begin(&mut self, ticket: Ticket<E>) {
        if ticket.job.is_in_doubt() {
            self.park(ticket, self.clear_from);
        } else {
            self.make_ready(ticket);
        }
    }

    /// Makes a job ready to go.
    pub(super) fn make_ready(&mut self, ticket: Ticket<E>) {
        self.ready[place(ticket.job.kind())].insert(ticket.number, ticket.job);
    }

    /// Keeps a job back until `due`.
    pub(super) fn park(&mut self, ticket: Ticket<E>, due: Instant) {
        self.in_doubt += usize::from(ticket.job.is_in_doubt());
        self.parked.insert((due, ticket.number), ticket.job);
    }

    /// Makes ready the jobs that have waited long enough.
    pub(super) fn wake(&mut self, now: Instant) {
        while let Some(parked) = self.parked.first_entry().filter(|first| first.key().0 <= now) {
            let ((_, number), job) = parked.remove_entry();
            self.in_doubt -= usize::from(job.is_in_doubt());
            self.make_ready(Ticket { number, job });
        }
    }

    /// Returns when [`Self::wake`] has something to do.
    pub(super) fn wakes_at(&self) -> Option<Instant> {
        self.parked.first_key_value().map(|((due, _), _)| *due)
    }

    /// Returns the kind, among those allowed, whose first ready job entered first.
    pub(super) fn first_of(&self, allowed: impl Fn(RequestKind) -> bool) -> Option<RequestKind> {
        let first =
            |kind: &RequestKind| self.ready[place(*kind)].first_key_value().map(|(at, _)| *at);
        let ready = |kind: &RequestKind| allowed(*kind) && first(kind).is_some();
        KINDS.into_iter().filter(ready).min_by_key(first)
    }

    /// Takes the ready job of that kind that entered first.
    pub(super) fn pop(&mut self, kind: RequestKind) -> Option<Ticket<E>> {
        self.ready[place(kind)].pop_first().map(|(number, job)| Ticket { number, job })
    }

    /// Lets the next job of a user go, after one has come to its end.
    pub(super) fn leave(&mut self, job: &E) {
        self.held -= 1;
        let Occupied(mut lane) = self.users.entry(job.user().clone()) else {
            return;
        };
        let Some(mut next) = lane.get_mut().pop_front() else {
            lane.remove();
            return;
        };
        next.job.follow(job);
        self.begin(next);
    }

    /// Keeps a job for the end of the run. If there is no room, it is left to the next run: the
    /// ledger knows about it.
    pub(super) fn keep_for_the_end(&mut self, job: Box<E>) {
        if self.for_the_end.len() < MAX_FOR_THE_END {
            self.for_the_end.push(job);
        }
    }

    /// Releases the jobs kept for the end; returns whether there were any.
    pub(super) fn end(&mut self) -> bool {
        let kept = std::mem::take(&mut self.for_the_end);
        let any = !kept.is_empty();
        for job in kept {
            self.enter(job);
        }
        any
    }

    /// Returns the number of ready jobs.
    pub(super) fn ready(&self) -> usize {
        self.ready.iter().map(BTreeMap::len).sum()
    }

    /// Returns the number of jobs taken in and not settled.
    pub(super) fn held(&self) -> usize {
        self.held
    }

    /// Returns the number of jobs that wait to be looked up.
    pub(super) fn in_doubt(&self) -> usize {
        self.in_doubt
    }
}

/// Returns the index of a kind.
fn place(kind: RequestKind) -> usize {
    usize::from(kind != RequestKind::Change)
}
