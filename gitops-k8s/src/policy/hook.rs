use super::words;
use super::{Mark, PolicyFault};

/// When a hook runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Phase {
    /// Before all ordinary objects.
    PreSync,
    /// Among the ordinary objects.
    Sync,
    /// After all ordinary objects are healthy.
    PostSync,
}

impl Phase {
    /// Phases in order; ordinary objects are at 0.
    pub(super) const fn order(self) -> i64 {
        match self {
            Self::PreSync => -1,
            Self::Sync => 0,
            Self::PostSync => 1,
        }
    }
}

/// What a word of a hook means.
#[derive(Clone, Copy)]
pub(super) enum Word {
    Phase(Phase),
    /// An ordinary object.
    Ordinary,
    /// Not deployed.
    Skip,
    /// Known, and not carried out.
    Unsupported,
}

/// What all words of a hook together mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// An ordinary object.
    Ordinary,
    Hook(Phase),
    /// Not deployed.
    Skip,
}

pub(super) fn read(mark: &Mark<'_>, table: &[(&str, Word)]) -> Result<Meaning, PolicyFault> {
    let mut found = None;
    for word in words::list(mark) {
        let Some((_, meaning)) = table.iter().find(|(known, _)| *known == word) else {
            let known: Vec<&str> = table.iter().map(|(known, _)| *known).collect();
            return Err(words::unknown_value(mark, word, &known));
        };
        let meaning = match meaning {
            Word::Skip => return Ok(Meaning::Skip),
            Word::Unsupported => return Err(unsupported(mark, word)),
            Word::Ordinary => Meaning::Ordinary,
            Word::Phase(phase) => Meaning::Hook(*phase),
        };
        if *found.get_or_insert(meaning) != meaning {
            let help = "declare it once for each, under names of their own";
            return Err(PolicyFault::unsupported(mark, "a hook at several times", help));
        }
    }
    Ok(found.unwrap_or(Meaning::Ordinary))
}

fn unsupported(mark: &Mark<'_>, word: &str) -> PolicyFault {
    let what = format!("a hook at `{word}`");
    let help = "take the object out of what is deployed; or mark it `argocd.argoproj.io/hook: Skip`, and do by hand what it does";
    PolicyFault::unsupported(mark, &what, help)
}
