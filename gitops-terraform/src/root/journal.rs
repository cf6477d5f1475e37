use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Read;
use std::path::Path;

use gitops_core::Result;

use crate::disk;
use crate::root::report::{End, Written};
use crate::root::{Doubt, DoubtKind, Running};
use crate::tool::json::{Class, Diagnostic, Event, Hook, Redact, StateFile, event};
use crate::tool::process::Lines;

/// What an apply said it did: the fold over the lines that it printed.
///
/// The tool itself writes them into a file, so they are there whatever becomes of this process.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    began: BTreeMap<String, Began>,
    done: Vec<Hook>,
    /// The resources of which a provisioner began, whatever became of it.
    provisioned: BTreeSet<String>,
    /// The resources whose provider died instead of an answer; `None` where it is not said whose.
    unanswered: BTreeSet<Option<String>>,
    /// What went wrong, the first errors of many.
    pub diagnostics: Vec<Diagnostic>,
    errors: usize,
    summary: bool,
    written: Written,
    /// Whether lines may be missing that the apply printed.
    pub cut: bool,
}

#[derive(Debug)]
struct Began {
    action: String,
    creates: bool,
    provisions: bool,
    failed: bool,
}

/// How many resources are named of those that are being changed.
const TOLD: usize = 5;

/// How many diagnostics are kept.
const DIAGNOSTICS: usize = 100;

impl Journal {
    /// Reads what an apply printed so far; nothing is read of a file that is not there.
    pub fn read(path: &Path, redact: &Redact) -> Result<Self> {
        let (mut journal, mut lines) = (Self::default(), Lines::default());
        let mut file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(journal),
            Err(error) => return Err(disk::failed("read", path, error)),
        };
        let (mut buffer, mut size) = (vec![0; 64 << 10], 0);
        loop {
            let count = file.read(&mut buffer).map_err(|error| disk::failed("read", path, error))?;
            if count == 0 {
                break;
            }
            size += count as u64;
            journal.written.ends_within_a_line = buffer[count - 1] != b'\n';
            lines.feed(&buffer[..count], |line| journal.take_line(line, redact));
        }
        journal.written.size = Some(size);
        // The last one is judged by what may have cut it.
        let broken = journal.written.broken;
        lines.finish(|line| journal.take_line(line, redact));
        journal.written.broken = broken;
        Ok(journal)
    }

    /// The same with files named from the source's root, for an apply in a folder of it.
    pub fn seen_from_root(mut self, folder: &str) -> Self {
        let said = std::mem::take(&mut self.diagnostics).into_iter();
        self.diagnostics = said.map(|said| said.seen_from_root(folder)).collect();
        self
    }

    fn take_line(&mut self, line: &[u8], redact: &Redact) {
        let is_whole = || serde_json::from_slice::<serde::de::IgnoredAny>(line).is_ok();
        self.written.broken |= line.first() == Some(&b'{') && !is_whole();
        if let Some(event) = event(line, redact) {
            self.take(event);
        }
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Start(hook) => {
                let creates = matches!(hook.action.as_str(), "create" | "replace");
                let began = Began { action: hook.action, creates, provisions: false, failed: false };
                self.began.insert(hook.address, began);
            }
            Event::Provision(hook) => {
                self.change(&hook, |began| began.provisions = true);
                self.provisioned.insert(hook.address);
            }
            Event::Errored(hook) => self.change(&hook, |began| began.failed = true),
            Event::Complete(hook) => {
                let began = self.began.remove(&hook.address);
                if began.is_some_and(|began| began.creates) {
                    self.done.push(hook);
                }
            }
            Event::Diagnostic(diagnostic) => {
                self.errors += usize::from(diagnostic.is_error);
                // Of each, also where so many died that not every error is kept.
                if diagnostic.class() == Class::Provider {
                    self.unanswered.insert(diagnostic.address.clone());
                }
                if self.diagnostics.len() < DIAGNOSTICS {
                    self.diagnostics.push(diagnostic);
                }
            }
            Event::Summary { operation } => self.summary |= matches!(operation.as_str(), "apply" | "destroy"),
        }
    }

    fn change(&mut self, hook: &Hook, change: impl FnOnce(&mut Began)) {
        if let Some(began) = self.began.get_mut(&hook.address) {
            change(began);
        }
    }

    /// Whether the apply ran to its end without an error.
    pub fn succeeded(&self) -> bool {
        self.summary && self.errors == 0
    }

    /// What is being done at the moment; nothing before the first resource is touched.
    pub fn at(&self, redact: &Redact) -> Option<String> {
        let doing =
            |(address, began): (&String, &Began)| format!("{} of {}", began.action, redact.text(address));
        let open: Vec<String> =
            self.began.iter().filter(|(_, began)| !began.failed).take(TOLD).map(doing).collect();
        let rest = self.began.len().saturating_sub(open.len());
        let more = if rest == 0 { String::new() } else { format!(" and {rest} more") };
        (!open.is_empty()).then(|| format!("{}{more} under way", open.join(", ")))
    }

    /// Whether a provisioner of a resource began, or may have: to make the resource again runs it again.
    pub fn ran_a_provisioner_of(&self, address: &str, running: &Running) -> bool {
        self.provisioned.contains(address) || (self.cut && running.provisions)
    }

    /// Whether any resource was touched, or may have been.
    pub fn had_an_effect(&self) -> bool {
        self.cut || !self.began.is_empty() || !self.done.is_empty()
    }

    /// Whether lines may be missing that the apply printed: a full disk takes none of them, or the beginning of one; a machine
    /// that went down loses what it had not written yet.
    pub fn may_be_cut(&self, running: &Running, end: End) -> bool {
        let has_its_end = self.summary || self.errors > 0;
        self.written.may_be_cut(running, end, has_its_end)
    }

    /// The resources of which nobody knows whether they were made, given the state that the apply left.
    ///
    /// An update or a removal that was cut short is none of them: the next plan asks the provider, and sees.
    pub fn doubts(&self, running: &Running, state: Option<&StateFile>) -> Vec<Doubt> {
        let world = World { running, state, journal: self };
        let open = self.began.iter().filter(|(_, began)| began.creates);
        let open = open.filter_map(|(address, began)| {
            // That its provider died is said at the end.
            let answered = began.failed && !self.cut && !self.provider_crashed(address);
            match world.holds(address, None) {
                true if began.provisions && !began.failed => {
                    Some(world.doubt(address, DoubtKind::HalfProvisioned, None))
                }
                false if !answered => Some(world.doubt(address, DoubtKind::MayExist, None)),
                _ => None,
            }
        });
        let lost = self.done.iter().filter(|hook| !world.holds(&hook.address, hook.id.as_deref()));
        let lost = lost.map(|hook| world.doubt(&hook.address, DoubtKind::NotInState, hook.id.clone()));
        open.chain(lost).chain(self.unheard_of(running, &world)).collect()
    }

    /// What a report that was cut does not say: of each resource of the plan that the state does not hold, whether it was made.
    fn unheard_of(&self, running: &Running, world: &World<'_>) -> Vec<Doubt> {
        if !self.cut || self.succeeded() {
            return Vec::new();
        }
        let told = self.done.iter().map(|hook| &hook.address).chain(self.began.keys());
        let told: BTreeSet<&String> = told.collect();
        let unheard = running.creates.iter().filter(|address| !told.contains(address));
        let doubt = |address: &String| match world.holds(address, None) {
            false => Some(world.doubt(address, DoubtKind::MayExist, None)),
            true if running.provisions => Some(world.doubt(address, DoubtKind::HalfProvisioned, None)),
            true => None,
        };
        unheard.filter_map(doubt).collect()
    }

    /// A provider that dies takes the answer with it.
    fn provider_crashed(&self, address: &str) -> bool {
        self.unanswered.iter().any(|other| other.as_deref().is_none_or(|other| other == address))
    }
}

/// What was before an apply, and what the state says now.
struct World<'a> {
    running: &'a Running,
    state: Option<&'a StateFile>,
    journal: &'a Journal,
}

impl World<'_> {
    /// Whether the state holds what the apply made at an address, not what was there before.
    fn holds(&self, address: &str, id: Option<&str>) -> bool {
        let Some(known) = self.state.and_then(|state| state.instances.get(address)) else { return false };
        let before = self.running.before.get(address);
        before.is_none() || (id.is_some() && known.as_deref() == id)
    }

    fn doubt(&self, address: &str, kind: DoubtKind, id: Option<String>) -> Doubt {
        let was = self.running.before.get(address).cloned().flatten();
        let provisioned = self.journal.ran_a_provisioner_of(address, self.running);
        Doubt { address: address.to_owned(), kind, id, was, since: self.running.since, provisioned }
    }
}

#[cfg(test)]
mod tests {
    use gitops_core::{Action, OwnerLabel, Time};

    use super::*;
    use crate::root::Place;

    fn journal(lines: &[&str]) -> Journal {
        let mut journal = Journal::default();
        lines.iter().for_each(|line| journal.take_line(line.as_bytes(), &Redact::default()));
        journal
    }

    fn hook(kind: &str, address: &str, action: &str) -> String {
        format!(
            r#"{{"type":"{kind}","hook":{{"resource":{{"addr":"{address}"}},"action":"{action}","id_value":"i"}}}}"#
        )
    }

    /// The doubts about an apply, for what was in the state before and is after it.
    fn kinds(journal: &Journal, before: &[&str], after: &[(&str, &str)]) -> Vec<(String, DoubtKind)> {
        kinds_of(journal, &running(before, &[]), after)
    }

    fn kinds_of(journal: &Journal, running: &Running, after: &[(&str, &str)]) -> Vec<(String, DoubtKind)> {
        let mut state = StateFile::read(br#"{"version":4,"serial":1,"lineage":"l"}"#).unwrap().unwrap();
        let instance = |(address, id): &(&str, &str)| ((*address).to_owned(), Some((*id).to_owned()));
        state.instances = after.iter().map(instance).collect();
        let doubts = journal.doubts(running, Some(&state));
        doubts.into_iter().map(|doubt| (doubt.address, doubt.kind)).collect()
    }

    fn running(before: &[&str], creates: &[&str]) -> Running {
        Running {
            owner_label: OwnerLabel { owner: "us".into(), op: "1".into() },
            action: Action::Update,
            place: Place {
                folder: "app".into(),
                workspace: "default".into(),
                keeper: crate::root::Keeper::Server,
            },
            run: "r".into(),
            since: Time::default(),
            before: before.iter().map(|address| ((*address).to_owned(), Some("old".to_owned()))).collect(),
            creates: creates.iter().map(|address| (*address).to_owned()).collect(),
            provisions: false,
            room: None,
            boot: None,
            work: None,
        }
    }

    #[test]
    fn what_was_begun_and_not_ended_is_in_doubt() {
        let lines = [
            hook("apply_start", "t.a", "create"),
            hook("apply_start", "t.b", "create"),
            hook("apply_complete", "t.b", "create"),
            hook("apply_start", "t.c", "update"),
            hook("apply_start", "t.d", "create"),
            hook("provision_start", "t.d", "create"),
        ];
        let journal = journal(&lines.each_ref().map(String::as_str));
        assert!(!journal.succeeded() && journal.had_an_effect());
        assert_eq!(
            kinds(&journal, &[], &[("t.b", "i"), ("t.d", "x")]),
            [("t.a".to_owned(), DoubtKind::MayExist), ("t.d".to_owned(), DoubtKind::HalfProvisioned)]
        );
        assert_eq!(
            kinds(&journal, &[], &[("t.a", "x"), ("t.d", "x")])[1],
            ("t.b".to_owned(), DoubtKind::NotInState)
        );
    }

    #[test]
    fn a_replacement_is_in_doubt_as_long_as_the_state_holds_its_predecessor() {
        let begun = [hook("apply_start", "t.a", "create")];
        assert_eq!(kinds(&journal(&[&begun[0]]), &["t.a"], &[("t.a", "old")]).len(), 1);
        let ended = hook("apply_complete", "t.a", "create");
        assert_eq!(kinds(&journal(&[&begun[0], &ended]), &["t.a"], &[("t.a", "old")]).len(), 1);
        assert_eq!(kinds(&journal(&[&begun[0], &ended]), &["t.a"], &[("t.a", "i")]), []);
    }

    #[test]
    fn an_error_of_the_provider_is_an_answer_and_its_death_is_none() {
        let error =
            r#"{"type":"diagnostic","diagnostic":{"severity":"error","summary":"Quota","address":"t.a"}}"#;
        let crash =
            r#"{"type":"diagnostic","diagnostic":{"severity":"error","summary":"Plugin did not respond"}}"#;
        let began = [hook("apply_start", "t.a", "create"), hook("apply_errored", "t.a", "create")];
        assert_eq!(kinds(&journal(&[&began[0], &began[1], error]), &[], &[]), []);
        assert_eq!(kinds(&journal(&[&began[0], &began[1], crash]), &[], &[]).len(), 1);
    }

    #[test]
    fn each_of_many_whose_provider_died_is_in_doubt() {
        let count = DIAGNOSTICS + 1;
        let died = |address: &str| {
            format!(
                r#"{{"type":"diagnostic","diagnostic":{{"severity":"error","summary":"Request cancelled","address":"{address}"}}}}"#
            )
        };
        let lines = (0..count).map(|number| format!("t.a{number}")).flat_map(|address| {
            [
                hook("apply_start", &address, "create"),
                hook("apply_errored", &address, "create"),
                died(&address),
            ]
        });
        let lines: Vec<String> = lines.collect();
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        assert_eq!(kinds(&journal(&lines), &[], &[]).len(), count);
    }

    #[test]
    fn what_a_cut_report_does_not_say_may_have_been_made() {
        let lines = [
            hook("apply_start", "t.a", "create"),
            hook("apply_complete", "t.a", "create"),
            hook("apply_start", "t.b", "create"),
            hook("apply_errored", "t.b", "create"),
        ];
        let mut journal = journal(&lines.each_ref().map(String::as_str));
        let running = running(&["t.d"], &["t.a", "t.b", "t.c", "t.d", "t.e"]);
        let after = [("t.a", "i"), ("t.d", "old"), ("t.e", "x")];
        assert_eq!(kinds_of(&journal, &running, &after), []);
        journal.cut = true;
        let may_exist = ["t.b", "t.c", "t.d"].map(|address| (address.to_owned(), DoubtKind::MayExist));
        assert_eq!(kinds_of(&journal, &running, &after), may_exist);
        assert!(!journal.ran_a_provisioner_of("t.c", &running) && journal.had_an_effect());
        let running = Running { provisions: true, ..running };
        let half = ("t.e".to_owned(), DoubtKind::HalfProvisioned);
        assert_eq!(kinds_of(&journal, &running, &after).last(), Some(&half));
        assert!(journal.ran_a_provisioner_of("t.c", &running));
        journal.summary = true;
        assert_eq!(kinds_of(&journal, &running, &[("t.a", "i")]).len(), 1, "what succeeded is in the state");
    }

    #[test]
    fn success_is_a_summary_without_an_error() {
        let summary = r#"{"type":"change_summary","changes":{"operation":"apply"}}"#;
        let planned = r#"{"type":"change_summary","changes":{"operation":"plan"}}"#;
        let error = r#"{"type":"diagnostic","diagnostic":{"severity":"error","summary":"x"}}"#;
        assert!(journal(&[summary]).succeeded());
        assert!(!journal(&[planned]).succeeded() && !journal(&[summary, error]).succeeded());
    }
}
