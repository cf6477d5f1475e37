//! What a person found out about a change whose outcome its target can't tell.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::Engine;
use crate::cx::Cx;
use crate::state::audit::AuditEvent;
use crate::state::record::{Intent, OpResult, Record};
use crate::value::{Action, Error, ErrorKind, Key, Live, Ownership, Presence, Result, Version, owner};

/// What somebody found out about a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Finding {
    /// It was made.
    Made,
    /// It was not made, and will not be.
    NotMade,
}

impl Engine {
    /// Confirms what became of a change of an object whose outcome nobody knows, by what a person found out, and so ends its quarantine.
    ///
    /// [`Inventory::open`](crate::Inventory::open) has what is unconfirmed: which change, since when, by which operation.
    /// The target is asked once more, and nothing that it shows may say otherwise. Who confirmed it is recorded. An object
    /// that was made is compared with its declaration by the next plan; a change that was not made is planned anew.
    ///
    /// # Errors
    /// `NotFound` if no change of the object is unconfirmed; `Conflict` if the target shows something else than what was
    /// found, and then nothing is confirmed; whatever keeps the target from answering, and the state from being written.
    ///
    /// # Cancel safety
    /// See [`Engine`].
    pub async fn confirm(&mut self, cx: &Cx, key: &Key, finding: Finding, by: &str) -> Result<()> {
        self.ledger.landed().await?;
        let open: Vec<Intent> =
            self.inventory().open().filter(|intent| &intent.key == key).cloned().collect();
        if open.is_empty() {
            let message = format!("no change of {key} is unconfirmed");
            return Err(Error::new(ErrorKind::NotFound, message).help("there is nothing to do about it"));
        }
        if !self.targets.contains_key(key.target()) {
            let message = format!("the target `{}` is not set up", key.target());
            return Err(Error::new(ErrorKind::Invalid, message).at(key));
        }
        let observed = self.observe(&cx.within(self.timeouts.call), &BTreeSet::from([key.clone()])).await?;
        let live = observed.get(key).filter(|live| !live.is_obstructed());
        self.check_is_nobody_elses(live, &open[0])?;
        let results: Vec<OpResult> =
            open.iter().map(|intent| result(intent, finding, live)).collect::<Result<_>>()?;
        let (events, records): (Vec<_>, Vec<_>) =
            open.iter().zip(results).map(|(intent, result)| recorded(intent, result)).unzip();
        self.take_over(cx, by).await?;
        self.audit(cx, by, events).await?;
        // The next plan looks at it also if the caller goes away meanwhile.
        self.base.moved([key.clone()]);
        self.ledger.commit(&records).await?;
        self.ledger.end_sync(cx).await
    }

    /// Takes what a person found out about a part of an object, in the words of its target: see
    /// [`Confirmation`](crate::capability::Confirmation). Who said it is recorded first, whatever the target makes of it.
    ///
    /// # Errors
    /// `Unsupported` if the target takes no such word; its own; whatever keeps the state from being written.
    ///
    /// # Cancel safety
    /// See [`Engine`].
    pub async fn confirm_part(
        &mut self,
        cx: &Cx,
        key: &Key,
        about: &str,
        finding: &str,
        by: &str,
    ) -> Result<()> {
        let target = self.targets.get(key.target()).cloned();
        let Some(power) = target.as_ref().and_then(|target| target.confirmation()) else {
            let message = format!("nothing about {key} can be confirmed in words of its target");
            return Err(Error::new(ErrorKind::Unsupported, message).at(key));
        };
        let (about, finding) = (about.to_owned(), finding.to_owned());
        let said = AuditEvent::Said { key: key.clone(), about: about.clone(), finding: finding.clone() };
        self.take_over(cx, by).await?;
        self.audit(cx, by, vec![said]).await?;
        let within = cx.within(self.timeouts.call);
        within.bounded(power.take_finding(&within, key, &about, &finding, by)).await?;
        self.base.moved([key.clone()]);
        self.ledger.end_sync(cx).await
    }

    /// What carries the owner label of somebody else was not made by us, and is not to become ours by a word.
    fn check_is_nobody_elses(&self, live: Option<&Live>, intent: &Intent) -> Result<()> {
        match live.map(|live| &live.ownership) {
            Some(Ownership::Owner(owner)) if !owner::is_same(owner, self.inventory().owner()) => Err(
                contradicted(intent, &format!("belongs to {owner}"), "confirm it after that is sorted out"),
            ),
            _ => Ok(()),
        }
    }
}

/// The audit log says what came of it on whose behalf, as of any change; and that no target said so.
fn recorded(intent: &Intent, result: OpResult) -> (AuditEvent, Record) {
    let mut event = AuditEvent::outcome(intent.op.clone(), intent.key.clone(), &result);
    if let AuditEvent::Outcome { detail, .. } = &mut event {
        *detail = Some(BY_HAND.to_owned());
    }
    (event, Record::Outcome { op: intent.op.clone(), key: intent.key.clone(), result })
}

const BY_HAND: &str = "confirmed by a person";

fn result(intent: &Intent, finding: Finding, live: Option<&Live>) -> Result<OpResult> {
    match (finding, intent.action, live) {
        (Finding::Made, Action::Delete, live) => match live.filter(|live| is_expected(intent, live)) {
            None => Ok(OpResult::Absent),
            Some(_) => Err(contradicted(intent, "is still there", "confirm it as not made")),
        },
        (Finding::Made, _, Some(live)) if live.presence == Presence::Present => {
            Ok(OpResult::Present { uid: live.uid.clone(), version: Version::new("") })
        }
        (Finding::Made, ..) => Err(contradicted(intent, "is not there", "confirm it as not made")),
        (Finding::NotMade, Action::Create, Some(_)) => {
            Err(contradicted(intent, "is there", "confirm it as made, or remove the object first"))
        }
        (Finding::NotMade, ..) => Ok(OpResult::NotDone { error: BY_HAND.to_owned() }),
    }
}

/// Whether it is the incarnation that the change was about, and no namesake.
fn is_expected(intent: &Intent, live: &Live) -> bool {
    intent.expect.as_ref().is_none_or(|expect| expect.uid == live.uid)
}

fn contradicted(intent: &Intent, shown: &str, help: &str) -> Error {
    let message = format!("the target says that {} {shown}", intent.key);
    Error::new(ErrorKind::Conflict, message).at(&intent.key).help(help)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::{Expect, GroupKind, PlanId, Uid, Value};

    fn live(uid: &str) -> Live {
        let key = Key::new("t", GroupKind::new("", "K"), "", "a");
        Live::new(key, Uid::new(uid), Version::new("1"), Value::Null)
    }

    fn intent(action: Action) -> Intent {
        Intent {
            op: "op".into(),
            plan: PlanId::new(crate::value::Digest::of(b"plan")),
            epoch: 1,
            at: crate::cx::Time::default(),
            key: live("u").key,
            action,
            expect: Some(Expect::from(&live("u"))),
            desired: None,
            path: "a".into(),
            needs: Vec::new(),
            keep: false,
            stage: None,
            runs_once: false,
            likeness: None,
            is_new: false,
            is_approved: false,
            approved: Vec::new(),
        }
    }

    #[test]
    fn nothing_is_confirmed_against_what_is_there() {
        let going = Live { presence: Presence::Deleting, ..live("u") };
        let found = |finding, action, live: Option<&Live>| result(&intent(action), finding, live);
        let made = |action, live: Option<&Live>| found(Finding::Made, action, live);
        assert_eq!(made(Action::Delete, None).unwrap(), OpResult::Absent);
        assert_eq!(made(Action::Delete, Some(&live("namesake"))).unwrap(), OpResult::Absent);
        assert!(made(Action::Delete, Some(&live("u"))).is_err());
        for action in [Action::Create, Action::Update, Action::Replace] {
            let present = made(action, Some(&live("u"))).unwrap();
            assert!(matches!(present, OpResult::Present { .. }), "{action}: {present:?}");
            assert!(made(action, None).is_err() && made(action, Some(&going)).is_err(), "{action}");
        }
        let not_made = |action, live: Option<&Live>| found(Finding::NotMade, action, live);
        assert!(not_made(Action::Create, Some(&live("u"))).is_err());
        for action in [Action::Update, Action::Replace, Action::Delete] {
            assert!(matches!(not_made(action, Some(&live("u"))), Ok(OpResult::NotDone { .. })), "{action}");
        }
        assert!(matches!(not_made(Action::Create, None), Ok(OpResult::NotDone { .. })));
    }
}
