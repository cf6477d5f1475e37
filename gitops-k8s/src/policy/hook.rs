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
    /// A time that never comes here.
    Never,
}

/// What a hook asks for.
pub(super) struct Hook {
    pub meaning: Meaning,
    /// What of it is never run.
    pub never: Option<PolicyFault>,
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

pub(super) fn read(mark: &Mark<'_>, table: &[(&str, Word)]) -> Result<Hook, PolicyFault> {
    let (mut found, mut never) = (None, None);
    for word in words::list(mark) {
        let Some((_, meaning)) = table.iter().find(|(known, _)| *known == word) else {
            let known: Vec<&str> = table.iter().map(|(known, _)| *known).collect();
            return Err(words::unknown_value(mark, word, &known));
        };
        let meaning = match meaning {
            Word::Skip => return Ok(Hook { meaning: Meaning::Skip, never: None }),
            Word::Never => {
                never.get_or_insert_with(|| never_run(mark, word));
                continue;
            }
            Word::Ordinary => Meaning::Ordinary,
            Word::Phase(phase) => Meaning::Hook(*phase),
        };
        if *found.get_or_insert(meaning) != meaning {
            let help = "declare it once for each, under names of their own";
            return Err(PolicyFault::unsupported(mark, "a hook at several times", help));
        }
    }
    let only = if never.is_some() { Meaning::Skip } else { Meaning::Ordinary };
    Ok(Hook { meaning: found.unwrap_or(only), never })
}

fn never_run(mark: &Mark<'_>, word: &str) -> PolicyFault {
    let help = "do by hand what it does; an object that is marked `argocd.argoproj.io/hook: Skip` is left out without a word";
    PolicyFault::unsupported(mark, &format!("a hook at `{word}`"), help)
}
