use std::collections::BTreeSet;

use gitops_core::CleanUp;

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

/// A delete policy by its words: before it is made anew (which every hook is), once it succeeded, once it failed.
///
/// # Errors
/// A word that nobody knows.
pub(super) fn clean_up(mark: &Mark<'_>, words: &[&str; 3]) -> Result<CleanUp, PolicyFault> {
    let mut found = CleanUp::default();
    for word in words::list(mark) {
        match words.iter().position(|known| *known == word) {
            Some(0) => {}
            Some(1) => found.succeeded = true,
            Some(_) => found.failed = true,
            None => return Err(words::unknown_value(mark, word, words)),
        }
    }
    Ok(found)
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
    /// A hook, with the first and the last phase that it is there for.
    Hook(Phase, Phase),
    /// Not deployed.
    Skip,
}

pub(super) fn read(mark: &Mark<'_>, table: &[(&str, Word)]) -> Result<Hook, PolicyFault> {
    let (mut phases, mut is_ordinary, mut never) = (BTreeSet::new(), false, None);
    for word in words::list(mark) {
        let Some((_, meaning)) = table.iter().find(|(known, _)| *known == word) else {
            let known: Vec<&str> = table.iter().map(|(known, _)| *known).collect();
            return Err(words::unknown_value(mark, word, &known));
        };
        match meaning {
            Word::Skip => return Ok(Hook { meaning: Meaning::Skip, never: None }),
            Word::Never => drop(never.get_or_insert_with(|| never_run(mark, word))),
            Word::Ordinary => is_ordinary = true,
            Word::Phase(phase) => drop(phases.insert(*phase)),
        }
    }
    let meaning = match (phases.first(), phases.last()) {
        (Some(first), Some(last)) => Meaning::Hook(*first, *last),
        _ if never.is_some() && !is_ordinary => Meaning::Skip,
        _ => Meaning::Ordinary,
    };
    Ok(Hook { meaning, never })
}

fn never_run(mark: &Mark<'_>, word: &str) -> PolicyFault {
    let help = "do by hand what it does; an object that is marked `argocd.argoproj.io/hook: Skip` is left out without a word";
    PolicyFault::unsupported(mark, &format!("a hook at `{word}`"), help)
}
