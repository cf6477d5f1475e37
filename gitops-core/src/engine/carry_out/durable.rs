//! Makes durable what a reconciliation is about to do and what came of it.

use std::collections::BTreeMap;
use std::pin::pin;

use futures::StreamExt;

use super::super::effects::Done;
use super::super::proof::Answer;
use super::super::{Engine, tamper};
use super::gathered::Group;
use super::{Running, SyncRun};
use crate::cx::Cx;
use crate::engine::event::Event;
use crate::engine::reconcile::Told;
use crate::plan::Step;
use crate::state::audit::AuditEntry;
use crate::state::record::{Intent, Record};
use crate::value::{Action, Error, Key, Result};

impl SyncRun<'_> {
    /// Tells the ledger of everything that the reconciliation may make or take over.
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

    /// Makes what is gathered durable, and says what is true now. If that fails, nothing of it is sent; what came of
    /// earlier changes is recorded all the same, for which there is room.
    pub(super) async fn record_gathered(&mut self, cx: &Cx) -> Result<Vec<Told>> {
        self.look();
        let mut group = self.gathered.take();
        let Self { engine, answers, running, back, .. } = self;
        match meanwhile(running, back, record(engine, answers, cx, &mut group)).await {
            Ok(()) => Ok(group.told.into_iter().chain(self.take_back()).collect()),
            Err(error) => {
                self.record_outcomes(cx, group.outcomes()).await;
                Err(error)
            }
        }
    }

    /// Makes durable what was seen of readiness, which may not be there to be seen again.
    pub(super) async fn record_readiness(&mut self) -> Result<()> {
        let seen = std::mem::take(&mut self.readiness);
        let Self { engine, running, back, .. } = self;
        meanwhile(running, back, engine.ledger.commit(&seen)).await
    }

    /// Remembers which of what is new was seen to be ready.
    pub(super) async fn record_ready(&mut self) -> Result<()> {
        let ready = std::mem::take(&mut self.ready);
        self.engine.ledger.commit(&ready).await
    }

    /// What can't be recorded any more stays open, and the next engine looks it up.
    async fn record_outcomes(&mut self, cx: &Cx, (records, entries): (Vec<Record>, Vec<AuditEntry>)) {
        if !records.is_empty() && self.engine.record(cx, &entries).await.is_ok() {
            let _ = self.engine.ledger.commit(&records).await;
        }
    }

    /// Nothing more is sent. What is under way ends, and what came of it is recorded if it can be.
    pub(super) async fn give_up(&mut self, cx: &Cx, error: Error) -> Error {
        while let Some(done) = self.running.next().await {
            self.back.push(done);
        }
        let mut outcomes = self.gathered.take().outcomes();
        for told in self.take_back() {
            if let Told::Answered { key, .. } = told {
                let (record, entry) = self.outcome(cx, &key);
                outcomes.0.push(record);
                outcomes.1.push(entry);
            }
        }
        self.record_outcomes(cx, outcomes).await;
        error
    }
}

/// Does some work, and has what is under way go on meanwhile: neither a disk nor a store that takes its time holds up a change that
/// was sent.
async fn meanwhile<T>(running: &mut Running, back: &mut Vec<Done>, work: impl Future<Output = T>) -> T {
    let mut work = pin!(work);
    loop {
        tokio::select! {
            biased;
            done = &mut work => return done,
            Some(done) = running.next() => back.push(done),
        }
    }
}

async fn record(
    engine: &mut Engine,
    answers: &BTreeMap<Key, Result<Answer>>,
    cx: &Cx,
    group: &mut Group,
) -> Result<()> {
    check_epoch(engine, cx, &group.records).await?;
    engine.record(cx, &group.entries).await?;
    if group.records.iter().any(|record| matches!(record, Record::Intent(_))) {
        group.records.extend(engine.audited().await);
    }
    let records = std::mem::take(&mut group.records);
    group.records = tamper::records(cx, || answers.values().any(Result::is_err), records);
    engine.ledger.commit(&group.records).await?;
    engine.events.emit(&Event::Journaled { records: group.records.len() });
    Ok(())
}

/// What is about to be sent must not be sent by an engine that was deposed.
async fn check_epoch(engine: &mut Engine, cx: &Cx, records: &[Record]) -> Result<()> {
    let intents = || {
        records.iter().filter_map(|record| match record {
            Record::Intent(intent) => Some(intent.action),
            _ => None,
        })
    };
    match intents().count() {
        0 => Ok(()),
        count => {
            let deletes = intents().any(|action| action == Action::Delete);
            engine.ledger.check_epoch(cx, count, deletes).await
        }
    }
}
