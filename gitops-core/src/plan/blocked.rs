use std::fmt;

use serde::{Deserialize, Serialize};

use crate::cx::Time;
use crate::value::{ForeignField, Key, Refusal};

/// An object about which nothing may be done now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Blocked {
    /// The object.
    pub key: Key,
    /// Why.
    pub why: BlockedBecause,
}

impl Blocked {
    /// An object, and why nothing may be done about it.
    pub fn new(key: Key, why: BlockedBecause) -> Self {
        Self { key, why }
    }
}

/// Why nothing may be done about an object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "snake_case")]
#[non_exhaustive]
pub enum BlockedBecause {
    /// It is there, made by other means, and nobody said to take it over.
    Unlabelled,
    /// It has no owner label any more, and nobody can say without it whether it is what was made.
    LabelLost,
    /// It carries another owner's owner label.
    OwnedByOther {
        /// The other owner.
        owner: String,
    },
    /// It is on its way out; it can be made anew once it is gone.
    Deleting,
    /// Its place, such as its namespace, is being deleted with all that is in it.
    GoesWith {
        /// Its place.
        of: Key,
    },
    /// It can't be read.
    Unreadable(Refusal),
    /// It uses an output that is not there yet, or that is about to change. The reconciliation after that one's knows it.
    AwaitsOutput {
        /// Whose output.
        of: Key,
        /// Its name.
        output: String,
        /// The outputs that are there; none if their object is about to change.
        known: Vec<String>,
    },
    /// It uses an output that its object will not have, by what that object is about to become.
    LacksOutput {
        /// Whose output.
        of: Key,
        /// Its name.
        output: String,
        /// The outputs that will be there.
        known: Vec<String>,
    },
    /// It has an output as a part of a text, and that output is no text.
    UnfitOutput {
        /// Whose output.
        of: Key,
        /// Its name.
        output: String,
        /// What it is.
        what: String,
    },
    /// Its target could not preview what a change of it would do.
    DryRunFailed(Refusal),
    /// It is no longer declared, and its target refuses by a rule of its own to delete it.
    DeletionRefused(Refusal),
    /// It is as declared but for fields that other clients own.
    ForeignFields {
        /// The fields.
        fields: Vec<ForeignField>,
    },
    /// Somebody else changes it again and again; it is corrected rarely until that ends.
    Flapping {
        /// When it may be corrected next.
        until: Time,
    },
    /// Its last change left something else than was declared, and neither its declaration nor its state moved since.
    Differs {
        /// The fields that differ: JSON pointers, the first few.
        fields: Vec<String>,
    },
    /// It was made by other means, and it could not be adopted without being deleted and made anew.
    CannotAdopt {
        /// The target's reason.
        why: String,
    },
    /// Another target of the application that reaches the same place declares it too.
    DeclaredTwice {
        /// The other key.
        other: Key,
    },
    /// It is no longer declared, and it is, or may be, the object that is declared under this other key.
    DeclaredAs {
        /// The other key.
        other: Key,
    },
    /// A declared field of it is left for the sake of this object, which goes by this plan: the next one writes the field.
    LeftUntilGone {
        /// The other object.
        of: Key,
    },
    /// It is no longer declared, and its deletion would delete with it what is declared, or is to be kept.
    TakesAlong {
        /// What is declared.
        declared: Vec<Key>,
        /// What is no longer declared and is to be kept.
        kept: Vec<Key>,
    },
    /// It is new, and it is like this object, which is no longer declared: a person says whether it is the same one.
    MayBeRenamed {
        /// The other object.
        from: Key,
        /// Whether it is declared in the folder of that one.
        #[serde(default)]
        in_place: bool,
    },
    /// Something else is in its place, and does not go by this plan.
    Obstructed {
        /// The target's reason.
        reason: String,
    },
    /// We may have made it and its target can't say.
    Quarantined {
        /// When that is over at the latest, because what was sent can't land any more; never, if a person must say.
        until: Option<Time>,
    },
    /// It does not change and it is not ready: steps that need it wait until it is.
    NotReady {
        /// Why it is not ready.
        reason: String,
        /// Whether it is on its way; else it will not work without a change.
        progresses: bool,
    },
    /// It runs once, and it is gone, without having been seen to succeed.
    Ended {
        /// How it was seen to fail; nothing if nobody saw its end.
        failure: Option<String>,
    },
    /// We set out to make it, something else is there, and it is no longer declared.
    Unresolved,
    /// Its revision is not followed now: the source was moved back, or another application is waited for.
    NotFollowed,
    /// Gates want the change approved, and nobody has done so.
    NeedsApproval {
        /// What they say.
        findings: Vec<String>,
    },
}

impl BlockedBecause {
    /// Whether what needs the object must wait. An object with a field of another owner is there, and works.
    pub fn blocks_what_needs_it(&self) -> bool {
        !matches!(self, Self::ForeignFields { .. })
    }

    /// The object whose output, or whose end, is awaited, if it is that.
    pub fn awaited(&self) -> Option<&Key> {
        match self {
            Self::AwaitsOutput { of, .. } | Self::LeftUntilGone { of } => Some(of),
            _ => None,
        }
    }
}

impl fmt::Display for BlockedBecause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unlabelled => f.write_str("it is there and was not made by us"),
            Self::LabelLost => f.write_str(
                "it has no owner label any more: that was taken off, or somebody made the object anew",
            ),
            Self::OwnedByOther { owner } => write!(f, "it belongs to {owner}"),
            Self::Deleting => f.write_str("it is being deleted"),
            Self::GoesWith { of } => write!(f, "{of} is being deleted, with all that is in it"),
            Self::Unreadable(refusal) => write!(f, "it can't be read: {}", refusal.reason),
            Self::AwaitsOutput { of, output, known } if known.is_empty() => {
                write!(f, "it awaits the output `{output}` of {of}")
            }
            Self::AwaitsOutput { of, output, known } => {
                write!(f, "it awaits the output `{output}` of {of}, which has: {}", known.join(", "))
            }
            Self::LacksOutput { of, output, known } if known.is_empty() => {
                write!(f, "it uses the output `{output}` of {of}, which will have none")
            }
            Self::LacksOutput { of, output, known } => {
                write!(f, "it uses the output `{output}` of {of}, which will have: {}", known.join(", "))
            }
            Self::UnfitOutput { of, output, what } => {
                write!(f, "the output `{output}` of {of} is {what} and can't be a part of a text")
            }
            Self::DryRunFailed(refusal) => write!(f, "a dry run of the change fails: {}", refusal.reason),
            Self::DeletionRefused(refusal) => write!(f, "its deletion is refused: {}", refusal.reason),
            Self::ForeignFields { fields } => {
                let origins: Vec<String> = fields.iter().map(ForeignField::origin).collect();
                let what = match fields.iter().all(ForeignField::is_stored_otherwise) {
                    true => "the target stores something else than is declared",
                    false => "another client owns a declared field",
                };
                write!(f, "{what}: {}", origins.join("; "))
            }
            Self::Flapping { until } => {
                write!(f, "others change it as often as it is corrected; the next time is at {until}")
            }
            Self::Differs { fields } => {
                write!(f, "the target holds something else than was written: {}", fields.join(", "))
            }
            Self::CannotAdopt { why } => {
                write!(f, "it was not made by us, and to adopt it would delete it and make it anew: {why}")
            }
            Self::DeclaredTwice { other } => {
                write!(f, "it is declared twice: it is the same object as {other}")
            }
            Self::DeclaredAs { other } => write!(f, "it may be the object that is declared as {other}"),
            Self::TakesAlong { declared, kept } => {
                f.write_str("its deletion would delete with it ")?;
                match declared.is_empty() {
                    true => write!(f, "what is to be kept: {}", some(kept)),
                    false if kept.is_empty() => write!(f, "what is declared: {}", some(declared)),
                    false => {
                        write!(
                            f,
                            "what is declared: {}, and what is to be kept: {}",
                            some(declared),
                            some(kept)
                        )
                    }
                }
            }
            Self::LeftUntilGone { of } => {
                write!(f, "a declared field of it is left to {of}, which goes first")
            }
            Self::MayBeRenamed { from, in_place: true } => write!(
                f,
                "it is new and in the folder of {from}, which is no longer declared: made as it is, all of it may be there twice"
            ),
            Self::MayBeRenamed { from, in_place: false } => write!(
                f,
                "it is new and like {from}, which is no longer declared: made as it is, all of it would be there twice"
            ),
            Self::Obstructed { reason } => {
                write!(f, "its place is taken: {reason}; move that away, or leave this object out")
            }
            Self::NotReady { reason, .. } => write!(f, "it is not ready: {reason}"),
            Self::Ended { failure: Some(failure) } => write!(f, "it failed, and it is gone: {failure}"),
            Self::Ended { failure: None } => f.write_str("it is gone, and nobody saw how it ended"),
            Self::Quarantined { until: None } => {
                f.write_str("we may have made it already, and its target can't say; a person must")
            }
            Self::Quarantined { until: Some(until) } => write!(
                f,
                "it may still appear, for nobody knows whether its creation arrived; it is made again after {until} if it is \
                 not there by then"
            ),
            Self::NeedsApproval { findings } => {
                write!(f, "the change needs an approval: {}", findings.join("; "))
            }
            Self::NotFollowed => f.write_str("its revision is not followed now"),
            Self::Unresolved => f.write_str("we meant to make it, and what is there may not be ours"),
        }
    }
}

/// The first few keys, and how many more there are.
fn some(keys: &[Key]) -> String {
    const NAMED: usize = 5;
    let named: Vec<String> = keys.iter().take(NAMED).map(ToString::to_string).collect();
    match keys.len().saturating_sub(NAMED) {
        0 => named.join(", "),
        more => format!("{} and {more} more", named.join(", ")),
    }
}
