//! Records to write: fixed ones, and any.

use gitops_core::state::record::AuditPosition;
use gitops_core::state::record::{Intent, OpResult, Record};
use gitops_core::{
    Action, Binding, Digest, Expect, GroupKind, Key, Left, Owned, OwnedState, PlanId, Revision, Time, Uid,
    Version,
};
use proptest::prelude::*;

pub fn key(name: &str) -> Key {
    Key::new("dir", GroupKind::new("", "File"), "", name)
}

/// A record that is told from others by its number.
pub fn numbered(number: usize) -> Record {
    Record::Forget { key: key(&format!("n{number}")) }
}

/// One record of each kind.
pub fn one_of_each() -> Vec<Record> {
    vec![
        Record::Epoch { epoch: 2 },
        Record::Intent(intent("a.1", "conf/ü @ \" \\ .toml")),
        Record::Outcome { op: "a.1".into(), key: key("a"), result: OpResult::Absent },
        Record::Forget { key: key("a") },
        Record::Adopt { key: key("b"), entry: owned("b") },
        Record::Accepted { revision: Revision::new("0123456789abcdef", "main") },
        Record::Begun { revision: Revision::new("0123456789abcdef", "main"), at: Time::from_micros(1) },
        Record::Unfinished { left: Left { missing: vec![key("b")], more: 2 } },
        Record::Completed { revision: Revision::new("0123456789abcdef", "main"), at: Time::from_micros(2) },
        Record::Bound { owner: "a/1".into(), binding: binding() },
        Record::Audited { position: AuditPosition { entries: 3, bytes: 900, hash: Digest::of(b"line") } },
    ]
}

fn binding() -> Binding {
    let targets = [("dir".into(), "/srv/live".to_owned())].into();
    Binding { application: "a".into(), source: "site.git".into(), targets }
}

fn intent(op: &str, name: &str) -> Intent {
    Intent {
        op: op.into(),
        plan: PlanId::new(Digest::of(b"plan")),
        epoch: 2,
        at: Time::from_micros(1_790_000_000_000_000),
        key: key(name),
        action: Action::Update,
        expect: Some(Expect { uid: Uid::new("u"), version: Version::new("7") }),
        desired: Some(Digest::of(b"desired")),
        path: "site/a.yaml".into(),
        needs: vec![key("b"), key("c")],
        keep: false,
        stage: Some(-1),
        runs_once: true,
        likeness: None,
    }
}

fn owned(token: &str) -> Owned {
    Owned {
        state: OwnedState::Held,
        uid: Some(Uid::new(token)),
        version: Some(Version::new(token)),
        desired: None,
        path: "site/b.yaml".into(),
        needs: Vec::new(),
        keep: true,
        stage: Some(7),
        runs_once: true,
        likeness: Some(Digest::of(b"like")),
        still_needs: vec![key("d")],
        readiness: gitops_core::ReadinessRecord::Failed("it was too much".to_owned()),
    }
}

fn any_result() -> impl Strategy<Value = OpResult> {
    prop_oneof![
        ("[a-z]{1,5}", "[0-9]{1,5}").prop_map(|(uid, version)| OpResult::Present {
            uid: Uid::new(uid),
            version: Version::new(version)
        }),
        Just(OpResult::Absent),
        Just(OpResult::Deleting),
        any::<String>().prop_map(|error| OpResult::NotDone { error }),
        any::<String>().prop_map(|error| OpResult::Unknown { error }),
    ]
}

/// Any record but an epoch, which must grow from one to the next.
pub fn any_record() -> impl Strategy<Value = Record> {
    let name = "[a-zA-Z0-9 /._@-]{1,40}";
    prop_oneof![
        ("[a-z0-9.]{1,12}", name).prop_map(|(op, name)| Record::Intent(intent(&op, &name))),
        ("[a-z0-9.]{1,12}", name, any_result()).prop_map(|(op, name, result)| Record::Outcome {
            op: op.into(),
            key: key(&name),
            result
        }),
        name.prop_map(|name| Record::Forget { key: key(&name) }),
        (name, name).prop_map(|(name, token)| Record::Adopt { key: key(&name), entry: owned(&token) }),
        name.prop_map(|id| Record::Accepted { revision: Revision::new(id, "main") }),
        // One that fills several sectors of a disk.
        (name, 400..3000_usize)
            .prop_map(|(name, size)| Record::Forget { key: key(&format!("{name}{}", "x".repeat(size))) }),
    ]
}
