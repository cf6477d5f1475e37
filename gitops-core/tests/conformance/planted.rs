//! Mistakes that authors make, planted in a sound target: the kit names each.
//!
//! The model of `broken.rs` is broken for one check at a time. These are mistakes first, and the check that must name each is found
//! by what the mistake does to a user.

use std::sync::Arc;

use gitops_core::conformance::{self, Outside, Subject};
use gitops_core::*;

use crate::backends::notes;

/// What a mistake does to a request, to what is seen, and to an answer.
struct Mistake {
    about: &'static str,
    request: fn(&Memory, &Change) -> Option<Change>,
    seen: fn(Vec<Live>) -> Vec<Live>,
    answer: fn(&Change, Result<Applied>) -> Result<Applied>,
    /// Checks that must fail.
    named: &'static [&'static str],
}

const SOUND: Mistake = Mistake {
    about: "",
    request: |_, change| Some(change.clone()),
    seen: |live| live,
    answer: |_, answer| answer,
    named: &[],
};

/// What is there under a change's key, as a precondition.
fn now(memory: &Memory, change: &Change) -> Option<Expect> {
    memory.get(change.key()).map(|live| Expect::from(&live))
}

/// The same change with the precondition that holds now.
fn unconditional(memory: &Memory, change: &Change, of: Action) -> Change {
    let mut change = change.clone();
    if let Some(there) = now(memory, &change).filter(|_| change.action() == of)
        && let Change::Update { expect, .. } | Change::Replace { expect, .. } | Change::Delete { expect, .. } =
            &mut change
    {
        *expect = there;
    }
    change
}

fn with_body(change: &Change, body: impl Fn(&Value) -> Value) -> Change {
    let mut change = change.clone();
    if let Change::Create { object, .. } | Change::Update { object, .. } | Change::Replace { object, .. } =
        &mut change
    {
        let spoiled = body(&object.body);
        Arc::make_mut(object).body = spoiled;
    }
    change
}

fn fields(body: &Value) -> Vec<(String, Value)> {
    match body {
        Value::Map(fields) => fields.iter().map(|(name, value)| (name.to_string(), value.clone())).collect(),
        _ => Vec::new(),
    }
}

fn each(live: Vec<Live>, spoil: impl Fn(&mut Live)) -> Vec<Live> {
    let mut live = live;
    live.iter_mut().for_each(spoil);
    live
}

const PLANTED: &[Mistake] = &[
    Mistake {
        about: "an update does not compare",
        request: |memory, change| Some(unconditional(memory, change, Action::Update)),
        named: &["C22"],
        ..SOUND
    },
    Mistake {
        about: "a deletion does not compare",
        request: |memory, change| Some(unconditional(memory, change, Action::Delete)),
        named: &["C24", "C25"],
        ..SOUND
    },
    Mistake {
        about: "a replacement does not compare",
        request: |memory, change| Some(unconditional(memory, change, Action::Replace)),
        named: &["C26"],
        ..SOUND
    },
    Mistake {
        about: "to create is to put",
        request: |memory, change| {
            Some(match (change, now(memory, change)) {
                (Change::Create { object, owner_label, preview }, Some(expect)) => {
                    let (object, owner_label, preview) = (object.clone(), owner_label.clone(), *preview);
                    Change::Update { object, expect, owner_label, preview }
                }
                _ => change.clone(),
            })
        },
        named: &["C16"],
        ..SOUND
    },
    Mistake {
        about: "to update is to put",
        request: |memory, change| {
            Some(match (change, now(memory, change)) {
                (Change::Update { object, owner_label, preview, .. }, None) => Change::Create {
                    object: object.clone(),
                    owner_label: owner_label.clone(),
                    preview: *preview,
                },
                _ => change.clone(),
            })
        },
        named: &["C23"],
        ..SOUND
    },
    Mistake {
        about: "what is deleted stays",
        request: |_, change| (change.action() != Action::Delete).then(|| change.clone()),
        named: &["C39"],
        ..SOUND
    },
    Mistake {
        about: "an update is dropped without a word",
        request: |_, change| (change.action() != Action::Update).then(|| change.clone()),
        named: &["C05"],
        ..SOUND
    },
    Mistake {
        about: "texts lose the blanks around them",
        request: |_, change| {
            Some(with_body(change, |body| {
                Value::map(fields(body).into_iter().map(|(name, value)| match value.as_text() {
                    Some(text) => (name, Value::from(text.trim())),
                    None => (name, value),
                }))
            }))
        },
        named: &["C07"],
        ..SOUND
    },
    Mistake {
        about: "a field that left the declaration stays",
        request: |memory, change| {
            let there = memory.get(change.key()).map(|live| fields(&live.body)).unwrap_or_default();
            Some(match change.action() {
                Action::Update => {
                    with_body(change, |body| Value::map(there.iter().cloned().chain(fields(body))))
                }
                _ => change.clone(),
            })
        },
        named: &["C32"],
        ..SOUND
    },
    Mistake {
        about: "the owner is not stored",
        seen: |live| each(live, |live| live.ownership = Ownership::Unlabelled),
        named: &["C20", "C52"],
        ..SOUND
    },
    Mistake {
        about: "everybody's objects are shown as of the first owner",
        seen: |live| {
            let first =
                live.iter().map(|live| live.ownership.clone()).find(|owner| *owner != Ownership::Unlabelled);
            each(live, |live| live.ownership = first.clone().unwrap_or(Ownership::Unlabelled))
        },
        named: &["C55"],
        ..SOUND
    },
    Mistake {
        about: "the name is taken for the identity",
        seen: |live| each(live, |live| live.uid = Uid::new(live.key.to_string())),
        named: &["C04"],
        ..SOUND
    },
    Mistake {
        about: "the version is that of the body",
        seen: |live| each(live, |live| live.version = Version::new(live.body.digest().to_string())),
        named: &["C09"],
        ..SOUND
    },
    Mistake {
        about: "only the first page of a list is read",
        seen: |live| live.into_iter().take(100).collect(),
        named: &["C11"],
        ..SOUND
    },
    Mistake {
        about: "pages overlap",
        seen: |live| {
            let again = live.get(50).cloned();
            live.into_iter().chain(again).collect()
        },
        named: &["C11"],
        ..SOUND
    },
    Mistake {
        about: "a secret is shown as it is",
        seen: |live| {
            each(live, |live| {
                live.body = Value::map(fields(&live.body).into_iter().map(|(name, value)| match value {
                    Value::Secret(secret) => (name, Value::from(secret.expose())),
                    value => (name, value),
                }));
            })
        },
        named: &["C57"],
        ..SOUND
    },
    Mistake {
        about: "a conflict is told as any error",
        answer: |_, answer| match answer {
            Err(error) if error.is_conflict() => Err(Error::new(ErrorKind::Internal, "HTTP 409")),
            answer => answer,
        },
        named: &["C43"],
        ..SOUND
    },
    Mistake {
        about: "each refusal is told as unknown",
        answer: |_, answer| answer.map_err(Error::outcome_unknown),
        named: &["C22"],
        ..SOUND
    },
    Mistake {
        about: "a conflict is told as success",
        answer: |change, answer| match answer {
            Err(_) => Ok(Applied::Present {
                uid: Uid::new(change.owner_label().op.clone()),
                version: Version::new("1"),
            }),
            answer => answer,
        },
        named: &["C16", "C22"],
        ..SOUND
    },
    Mistake {
        about: "an answer has no version",
        answer: |_, answer| {
            answer.map(|applied| match applied.state() {
                Some((uid, _)) => Applied::Present { uid: uid.clone(), version: Version::new("") },
                None => applied,
            })
        },
        named: &["C18"],
        ..SOUND
    },
    Mistake {
        about: "an answer shows what was asked for and not what is there",
        answer: |change, answer| {
            answer.map(|applied| match (applied, change.action()) {
                (Applied::Holds(mut live), Action::Update) => {
                    live.version = Version::new("0");
                    Applied::Holds(live)
                }
                (applied, _) => applied,
            })
        },
        named: &["C79"],
        ..SOUND
    },
    Mistake {
        about: "the deletion of what is gone is an error",
        answer: |change, answer| match (change.action(), answer) {
            (Action::Delete, Ok(Applied::Absent)) if change.key().name().ends_with(['0', '1']) => {
                Err(Error::new(ErrorKind::NotFound, "HTTP 404"))
            }
            (_, answer) => answer,
        },
        named: &["C34"],
        ..SOUND
    },
    Mistake {
        about: "the owner's name is cut at the slash",
        seen: |live| {
            each(live, |live| {
                if let Ownership::Owner(owner) = &mut live.ownership {
                    *owner = owner.split('/').next().unwrap_or_default().to_owned();
                }
            })
        },
        named: &["C82"],
        ..SOUND
    },
];

struct Spoiled {
    memory: Memory,
    mistake: &'static Mistake,
}

#[async_trait]
impl Target for Spoiled {
    fn info(&self) -> TargetInfo {
        self.memory.info()
    }

    async fn observe(&self, cx: &Cx, scope: &Scope) -> Result<Vec<Live>> {
        Ok((self.mistake.seen)(self.memory.observe(cx, scope).await?))
    }

    async fn apply(&self, cx: &Cx, change: &Change) -> Result<Applied> {
        let answer = match (self.mistake.request)(&self.memory, change) {
            Some(asked) => self.memory.apply(cx, &asked).await,
            None => Ok(match self.memory.get(change.key()) {
                Some(live) if change.action() != Action::Delete => Applied::from(&live),
                _ => Applied::Absent,
            }),
        };
        (self.mistake.answer)(change, answer)
    }
}

#[async_trait]
impl Outside for Spoiled {
    async fn edit(&self, key: &Key, body: Option<&Value>) -> Result<()> {
        self.memory.edit(key, body.cloned());
        Ok(())
    }
}

async fn failed(mistake: &'static Mistake) -> Vec<String> {
    let report = conformance::target(move || async move {
        let spoiled = Arc::new(Spoiled { memory: Memory::new(), mistake });
        let patience = std::time::Duration::from_millis(60);
        Ok(Subject::new(spoiled.clone(), notes()).outside(spoiled).patience(patience))
    });
    let report = report.seed(1).run().await;
    report.failed().into_iter().map(str::to_owned).collect()
}

#[tokio::test]
async fn every_planted_mistake_is_named_and_without_one_nothing_is() {
    static NONE: Mistake = SOUND;
    assert_eq!(failed(&NONE).await, [""; 0]);
    let mut unnamed = Vec::new();
    for mistake in PLANTED {
        let failed = failed(mistake).await;
        let missing = mistake.named.iter().filter(|number| !failed.iter().any(|failed| failed == *number));
        let missing: Vec<_> = missing.collect();
        if !missing.is_empty() {
            unnamed.push(format!("{}: {missing:?} passed; {failed:?} failed", mistake.about));
        }
    }
    assert!(unnamed.is_empty(), "{unnamed:#?}");
}

#[test]
fn there_are_more_than_twenty() {
    assert!(PLANTED.len() > 20, "{}", PLANTED.len());
}
