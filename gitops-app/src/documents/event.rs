//! The document of an event: one of a stream, as a running command writes them.

use gitops_core::{Event, Time};
use serde::Serialize;

use super::Document;

/// One event of an engine.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct EventDocument<'a> {
    /// Its number in the stream, from 1 on.
    pub seq: u64,
    /// When it was written.
    pub time: Time,
    /// The application.
    pub application: &'a str,
    /// What happened.
    #[serde(flatten)]
    pub event: &'a Event,
}

impl Document for EventDocument<'_> {
    const KIND: &'static str = "Event";
}

impl<'a> EventDocument<'a> {
    /// An event of an application, with its place in a stream. Who writes a stream numbers its events without a gap.
    pub fn new(seq: u64, time: Time, application: &'a str, event: &'a Event) -> Self {
        Self { seq, time, application, event }
    }
}
