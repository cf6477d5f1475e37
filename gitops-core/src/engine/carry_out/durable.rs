//! Makes durable what a pass is about to do and what came of it.

use futures::StreamExt;

use super::super::tamper;
use super::{Done, Pass};
use crate::audit::AuditEvent;
use crate::engine::effects::Sending;
use crate::event::Event;
use crate::journal::{Intent, Record};
use crate::plan::Step;
use crate::value::{Action, Key};
use crate::{Cx, Error, ErrorKind, Result};

impl Pass<'_> {
    /// Tells the ledger of everything that the pass may make or take over.
    pub(super) async fn announce(&mut self, cx: &Cx) -> Result<()> {
        if !self.engine.ledger.store().is_shared() {
            return Ok(());
        }
        let entries = self.engine.inventory().entries();
        let makes = |step: &&Step| {
            matches!(step.action, Action::Create | Action::Replace)
                || step.action == Action::Update && !entries.contains(&step.key)
        };
        let keys: Vec<&Key> = self.planned.plan.steps.iter().filter(makes).map(|step| &step.key).collect();
        let intents: Vec<Intent> = keys.into_iter().map(|key| self.intent_of(cx, key)).collect();
        self.engine.ledger.announce(cx, &intents).await
    }

    /// Makes a round's records durable. If that fails, nothing of it is sent; what came of earlier changes is recorded
    /// all the same, for which there is room.
    pub(super) async fn record(
        &mut self,
        cx: &Cx,
        records: Vec<Record>,
        entries: Vec<AuditEvent>,
    ) -> Result<()> {
        let is_outcome = |record: &Record| matches!(record, Record::Outcome { .. });
        let count = records.iter().filter(|record| is_outcome(record)).count();
        let outcomes: Vec<(Record, AuditEvent)> = match count < records.len() {
            true => {
                let pairs = records.iter().cloned().zip(entries.iter().cloned());
                pairs.filter(|(record, _)| is_outcome(record)).collect()
            }
            false => Vec::new(),
        };
        let recorded = self.record_all(cx, records, entries).await;
        if recorded.is_err() {
            self.record_outcomes(cx, outcomes).await;
        }
        recorded
    }

    async fn record_all(&mut self, cx: &Cx, records: Vec<Record>, entries: Vec<AuditEvent>) -> Result<()> {
        self.check_epoch(cx, &records).await?;
        self.engine.audit(cx, self.actor, entries).await?;
        let records = tamper::records(cx, self.answers.values().any(Result::is_err), records);
        self.engine.ledger.commit(&records)?;
        self.engine.events.emit(&Event::Journaled { records: records.len() });
        Ok(())
    }

    /// Changes whose intents are durable, and that are not sent after all: that is what came of them.
    pub(super) async fn leave(&mut self, cx: &Cx, sendings: impl Iterator<Item = Sending>) {
        let mut outcomes = Vec::new();
        for sending in sendings {
            let key = sending.change.key().clone();
            let error = Error::new(ErrorKind::Storage, "not sent: the state could not be written");
            self.answered(key.clone(), Err(error));
            outcomes.push(self.outcome(&key));
        }
        self.record_outcomes(cx, outcomes).await;
    }

    /// What can't be recorded any more stays open, and the next engine looks it up.
    async fn record_outcomes(&mut self, cx: &Cx, outcomes: Vec<(Record, AuditEvent)>) {
        let (records, entries): (Vec<Record>, Vec<AuditEvent>) = outcomes.into_iter().unzip();
        if !records.is_empty() && self.engine.audit(cx, self.actor, entries).await.is_ok() {
            let _ = self.engine.ledger.commit(&records);
        }
    }

    /// What is about to be sent must not be sent by an engine that was deposed.
    async fn check_epoch(&mut self, cx: &Cx, records: &[Record]) -> Result<()> {
        let intents = || {
            records.iter().filter_map(|record| match record {
                Record::Intent(intent) => Some(intent.action),
                _ => None,
            })
        };
        match intents().count() {
            0 => Ok(()),
            count => {
                self.engine
                    .ledger
                    .check_epoch(cx, count, intents().any(|action| action == Action::Delete))
                    .await
            }
        }
    }

    /// Nothing more is sent. What is under way ends, and what came of it is recorded if it can be.
    pub(super) async fn give_up(&mut self, cx: &Cx, error: Error) -> Error {
        let mut outcomes = Vec::new();
        while let Some(done) = self.running.next().await {
            if let Done::Answered(answers) = done {
                for (key, answer) in answers {
                    self.answered(key.clone(), answer);
                    outcomes.push(self.outcome(&key));
                }
            }
        }
        self.record_outcomes(cx, outcomes).await;
        error
    }
}
