//! Records to write: fixed ones, and any.

use gitops_core::internals::record::AuditPosition;
use gitops_core::internals::record::{Intent, OpResult, Record};
use gitops_core::{
    Action, Binding, Digest, Expect, GroupKind, Key, Left, Owned, OwnedState, PlanId, Revision, Time, Uid,
    Version,
};
use proptest::prelude::*;
use serde_json::json;

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
        Record::Unfinished { left: left() },
        Record::Completed { revision: Revision::new("0123456789abcdef", "main"), at: Time::from_micros(2) },
        Record::Bound { owner: "a/1".into(), binding: binding() },
        Record::Audited { position: AuditPosition { entries: 3, bytes: 900, hash: Digest::of(b"line") } },
    ]
}

fn left() -> Left {
    let mut left = Left::of(vec![key("b")]);
    left.more = 2;
    left.error = Some("b: the disk is full".into());
    left
}

fn binding() -> Binding {
    let mut binding = Binding::default();
    (binding.application, binding.source) = ("a".into(), "site.git".into());
    binding.targets = [("dir".into(), "/srv/live".to_owned())].into();
    binding
}

/// What is recorded is made by the engine alone; read, it can be anything.
fn read<T: serde::de::DeserializeOwned>(json: serde_json::Value) -> T {
    serde_json::from_value(json).unwrap()
}

fn intent(op: &str, name: &str) -> Intent {
    read(json!({
        "op": op,
        "plan": PlanId::new(Digest::of(b"plan")),
        "epoch": 2,
        "at": Time::from_micros(1_790_000_000_000_000),
        "key": key(name),
        "action": Action::Update,
        "expect": Expect { uid: Uid::new("u"), version: Version::new("7") },
        "desired": Digest::of(b"desired"),
        "path": "site/a.yaml",
        "needs": [key("b"), key("c")],
        "keep": false,
        "stage": -1,
        "runs_once": true,
        "likeness": null,
        "is_new": true,
    }))
}

fn owned(token: &str) -> Owned {
    read(json!({
        "state": OwnedState::Held,
        "uid": Uid::new(token),
        "version": Version::new(token),
        "desired": null,
        "path": "site/b.yaml",
        "needs": [],
        "keep": true,
        "stage": 7,
        "runs_once": true,
        "likeness": Digest::of(b"like"),
        "left_otherwise": Digest::of(b"written"),
        "still_needs": [key("d")],
        "readiness": gitops_core::ReadinessRecord::Failed("it was too much".to_owned()),
        "never_ready": true,
        "let_go": true,
    }))
}

fn any_result() -> impl Strategy<Value = OpResult> {
    prop_oneof![
        ("[a-z]{1,5}", "[0-9]{1,5}").prop_map(|(uid, version)| OpResult::Present {
            uid: Uid::new(uid),
            version: Version::new(version)
        }),
        (any::<String>(), any::<bool>()).prop_map(|(error, is_known)| OpResult::Differs {
            uid: Uid::new("u"),
            version: Version::new("1"),
            desired: is_known.then(|| Digest::of(b"written")),
            error
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
