//! What a server did or learned.

use std::sync::Arc;

use gitops_app::documents::Document;
use gitops_core::Time;
use serde::Serialize;

/// Something that a server did or learned beside its engines, whose own events are [`gitops_core::Event`].
///
/// An event never carries a value of an object or a secret. Texts of others are as they came: whoever shows them escapes them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum ServerEvent {
    /// It listens.
    Listening {
        /// Where.
        address: String,
    },
    /// The open requests of a repository could not be asked for; they are again after a while.
    PollFailed {
        /// The repository.
        repository: String,
        /// What went wrong, in one line.
        error: String,
    },
    /// A request was reviewed, and the forge says so.
    Reviewed {
        /// The repository.
        repository: String,
        /// The request.
        request: u64,
        /// The head commit that was reviewed.
        head: String,
        /// What it comes to.
        outcome: String,
        /// Whether the comment was written.
        comment: bool,
        /// How many statuses were written.
        statuses: usize,
        /// The applications of which an approval was stored.
        approved: Vec<String>,
    },
    /// A request could not be reviewed; it is tried again.
    ReviewFailed {
        /// The repository.
        repository: String,
        /// The request.
        request: u64,
        /// What went wrong, in one line.
        error: String,
    },
    /// What was pending on a head that a request left was ended, or on the head of one that is over.
    Superseded {
        /// The repository.
        repository: String,
        /// The request.
        request: u64,
        /// The head that it left.
        commit: String,
        /// How many statuses were ended.
        statuses: usize,
        /// What they say now.
        description: String,
    },
    /// A commit of a merge queue was reviewed, and the forge says so.
    Queued {
        /// The repository.
        repository: String,
        /// The commit.
        commit: String,
        /// What it comes to.
        outcome: String,
        /// How many statuses were written.
        statuses: usize,
        /// Why it must not be merged; nothing if nothing is against it.
        refused: Option<String>,
    },
    /// A commit of a merge queue could not be reviewed.
    QueueFailed {
        /// The repository.
        repository: String,
        /// The commit.
        commit: String,
        /// What went wrong, in one line.
        error: String,
    },
    /// A command in a comment was carried out or refused.
    Commanded {
        /// The repository.
        repository: String,
        /// The request.
        request: u64,
        /// The comment.
        comment: String,
        /// Who wrote it.
        by: String,
        /// The command.
        command: String,
        /// Whether it was carried out.
        done: bool,
        /// What was answered.
        answer: String,
    },
    /// The forge was told how a commit is live.
    Told {
        /// The repository.
        repository: String,
        /// The application.
        application: String,
        /// The commit.
        commit: String,
        /// `pending`, `success` or `failure`.
        state: String,
        /// In a few words.
        description: String,
    },
    /// The issue about an application's drift was opened, edited or closed.
    Drift {
        /// The repository.
        repository: String,
        /// The application.
        application: String,
        /// How many objects differ; none if it was closed.
        objects: usize,
    },
    /// A promotion by rule: its request was opened, moved or closed, or something is in its way.
    Promotion {
        /// The repository.
        repository: String,
        /// The application that gets the versions.
        application: String,
        /// The request, if there is one.
        #[serde(skip_serializing_if = "Option::is_none")]
        request: Option<u64>,
        /// In a few words.
        description: String,
    },
    /// The forge could not be told; it is tried again.
    TellFailed {
        /// The repository.
        repository: String,
        /// The application.
        application: String,
        /// What went wrong, in one line.
        error: String,
    },
}

/// The document of an event: one of a stream, numbered as one with those of the engines ([`EventDocument`]).
///
/// [`EventDocument`]: gitops_app::documents::event::EventDocument
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct ServerEventDocument<'a> {
    /// Its number in the stream, from 1 on.
    pub seq: u64,
    /// When it was written.
    pub time: Time,
    /// What happened.
    #[serde(flatten)]
    pub event: &'a ServerEvent,
}

impl Document for ServerEventDocument<'_> {
    const KIND: &'static str = "ServerEvent";
}

impl<'a> ServerEventDocument<'a> {
    /// An event, with its place in a stream.
    pub fn new(seq: u64, time: Time, event: &'a ServerEvent) -> Self {
        Self { seq, time, event }
    }
}

/// Takes the events of a server; must return quickly and not fail.
pub type ServerEvents = Arc<dyn Fn(&ServerEvent) + Send + Sync>;
