use std::fmt;

use serde::Serialize;

use super::Key;

/// One thing that moved between two plans, so that the older can't be applied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "what", rename_all = "snake_case")]
#[non_exhaustive]
pub enum StaleBecause {
    /// The plan is of another application or source.
    Source {
        /// Then.
        from: String,
        /// Now.
        to: String,
    },
    /// There is another revision.
    Revision {
        /// Then.
        from: String,
        /// Now.
        to: String,
    },
    /// What is declared is something else, at the same revision.
    Desired,
    /// An object that the plan changes is in another state.
    Live {
        /// The object.
        key: Key,
    },
    /// The target would now do something else to an object than it previewed.
    Previewed {
        /// The object.
        key: Key,
    },
    /// Something needs to be done now that did not then.
    Needed {
        /// The object.
        key: Key,
    },
    /// Something that needed to be done then no longer does.
    NotNeeded {
        /// The object.
        key: Key,
    },
    /// The gates' rules.
    Gates,
    /// The options.
    Options,
    /// The engine's version.
    Engine {
        /// Then.
        from: String,
        /// Now.
        to: String,
    },
}

impl fmt::Display for StaleBecause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Source { from, to } => write!(f, "the source moved from {from} to {to}"),
            Self::Revision { from, to } => write!(f, "the revision moved from {from} to {to}"),
            Self::Desired => f.write_str("what is declared changed"),
            Self::Live { key } => write!(f, "{key} changed in the target"),
            Self::Previewed { key } => write!(f, "the change of {key} would now have another effect"),
            Self::Needed { key } => write!(f, "{key} now needs a change too"),
            Self::NotNeeded { key } => write!(f, "{key} no longer needs the change"),
            Self::Gates => f.write_str("the gates' rules changed"),
            Self::Options => f.write_str("the options changed"),
            Self::Engine { from, to } => write!(f, "the engine changed from {from} to {to}"),
        }
    }
}
