//! The kit for sources: each check catches the source that is broken in just that.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gitops_core::conformance::{self, Publisher, Report, SourceSubject, all_checks};
use gitops_core::*;
use tokio::sync::Notify;
use tokio::task::yield_now;

use crate::broken::wrong;

type Files = Vec<(String, String)>;

/// Revisions in memory, with one fault.
struct Revisions {
    fault: &'static str,
    state: Mutex<State>,
    published: Notify,
    fetching: AtomicUsize,
}

#[derive(Default)]
struct State {
    revisions: Vec<Files>,
    is_cut_off: bool,
    is_new: bool,
    is_broken: bool,
    resolved: usize,
    told: usize,
}

/// Notes a fetch that was dropped before its end.
struct Fetching<'a>(&'a Revisions, bool);

impl Drop for Fetching<'_> {
    fn drop(&mut self) {
        self.0.fetching.fetch_sub(1, Ordering::SeqCst);
        self.0.state.lock().unwrap().is_broken |= self.0.is("S09") && !self.1;
    }
}

fn revision(number: usize) -> Revision {
    Revision::new(format!("{number:08}"), "main")
}

impl Revisions {
    fn is(&self, fault: &str) -> bool {
        self.fault == fault
    }

    fn reach(&self) -> Result<()> {
        match self.state.lock().unwrap().is_cut_off {
            true => Err(Error::new(ErrorKind::Unavailable, "no connection")),
            false => Ok(()),
        }
    }

    fn files(&self, revision: &Revision) -> Result<Files> {
        let state = self.state.lock().unwrap();
        let number: usize = revision.id().parse().unwrap_or(usize::MAX);
        let Some(files) = state.revisions.get(number) else {
            return if self.is("S07") {
                Ok(Files::new())
            } else {
                Err(Error::new(ErrorKind::NotFound, "no such"))
            };
        };
        Ok(match self.fault {
            "S01" => files.iter().filter(|(_, text)| !text.is_empty()).cloned().collect(),
            "S02" => state.revisions.last().unwrap().clone(),
            "S10" if self.fetching.load(Ordering::SeqCst) > 1 => files[..1].to_vec(),
            "S12" => {
                let all: BTreeMap<_, _> = state.revisions[..=number].iter().flatten().cloned().collect();
                all.into_iter().collect()
            }
            _ => files.clone(),
        })
    }
}

#[async_trait]
impl Source for Revisions {
    fn info(&self) -> SourceInfo {
        SourceInfo::new("revisions", "main")
    }

    async fn resolve(&self, _: &Cx) -> Result<Revision> {
        yield_now().await;
        if !self.is("S08") {
            self.reach()?;
        }
        let mut state = self.state.lock().unwrap();
        state.resolved += 1;
        let newest = state.revisions.len() - 1;
        let lags = self.is("S03") && state.resolved > 1;
        Ok(revision(if lags { newest.saturating_sub(1) } else { newest }))
    }

    async fn fetch(&self, _: &Cx, wanted: &Revision) -> Result<Snapshot> {
        if self.is("S04") {
            self.reach()?;
        }
        self.fetching.fetch_add(1, Ordering::SeqCst);
        let mut fetching = Fetching(self, false);
        yield_now().await;
        let files = self.files(wanted)?;
        fetching.1 = true;
        if self.state.lock().unwrap().is_broken {
            return Err(Error::new(ErrorKind::Locked, "a fetch is under way"));
        }
        let shown = if self.is("S11") { Revision::new("HEAD", "") } else { wanted.clone() };
        let mut snapshot = Snapshot::from_files("revisions", shown, files)?;
        let (fault, salt) = (self.fault, wanted.id().to_owned());
        snapshot.tree = Arc::new(Odd { inner: snapshot.tree, fault, salt, ids: Mutex::default() });
        Ok(snapshot)
    }

    fn history(&self) -> Option<&dyn History> {
        Some(self)
    }

    fn watch(&self) -> Option<&dyn SourceWatch> {
        Some(self)
    }
}

/// A tree whose faults are in its lists.
struct Odd {
    inner: Arc<dyn Tree>,
    fault: &'static str,
    salt: String,
    ids: Mutex<BTreeMap<Digest, Digest>>,
}

impl Odd {
    fn true_id(&self, id: &Digest) -> Digest {
        self.ids.lock().unwrap().get(id).copied().unwrap_or(*id)
    }
}

impl Tree for Odd {
    fn list(&self, path: &str, id: &Digest) -> Result<Vec<Entry>> {
        let mut entries = self.inner.list(path, &self.true_id(id))?;
        if self.fault == "S05" {
            for entry in &mut entries {
                let salted = Digest::of(format!("{} {}", self.salt, entry.id).as_bytes());
                self.ids.lock().unwrap().insert(salted, entry.id);
                entry.id = salted;
            }
        }
        if self.fault == "S06" {
            entries.reverse();
        }
        Ok(entries)
    }

    fn read(&self, path: &str, id: &Digest) -> Result<Arc<[u8]>> {
        self.inner.read(path, &self.true_id(id))
    }
}

fn commit(revision: &Revision) -> Commit {
    Commit::new(revision.id(), "Ada <ada@example.org>", "Ada <ada@example.org>", Time::default(), "Change")
}

#[async_trait]
impl History for Revisions {
    async fn relation(&self, _: &Cx, from: &Revision, to: &Revision) -> Result<Relation> {
        Ok(match from.id().cmp(to.id()) {
            std::cmp::Ordering::Equal => Relation::Same,
            std::cmp::Ordering::Greater if !self.is("S13") => Relation::Older,
            _ => Relation::Newer,
        })
    }

    async fn find(&self, _: &Cx, name: &str) -> Result<Revision> {
        match name.parse() {
            Ok(number) => Ok(revision(number)),
            Err(_) if self.is("S14") => Ok(revision(0)),
            Err(_) => Err(Error::new(ErrorKind::NotFound, "no such revision")),
        }
    }

    async fn describe(&self, _: &Cx, revision: &Revision) -> Result<Commit> {
        Ok(commit(revision))
    }

    async fn log(&self, _: &Cx, _: &Revision, path: &str, limit: usize) -> Result<Vec<Commit>> {
        let state = self.state.lock().unwrap();
        let text = |number: usize| state.revisions[number].iter().find(|(name, _)| name == path);
        let changed = |number: &usize| *number == 0 || text(*number) != text(*number - 1);
        let mut log: Vec<_> =
            (0..state.revisions.len()).filter(changed).map(|n| commit(&revision(n))).collect();
        if !self.is("S15") {
            log.reverse();
        }
        log.truncate(limit);
        Ok(log)
    }

    async fn between(&self, _: &Cx, from: &Revision, to: &Revision, limit: usize) -> Result<Vec<Commit>> {
        let number = |revision: &Revision| revision.id().parse::<usize>().unwrap();
        let first = if self.is("S18") { number(from) } else { number(from) + 1 };
        Ok((first..=number(to)).rev().take(limit).map(|n| commit(&revision(n))).collect())
    }

    async fn blame(
        &self,
        _: &Cx,
        _: &Revision,
        path: &str,
        lines: std::ops::RangeInclusive<u32>,
    ) -> Result<Commit> {
        let state = self.state.lock().unwrap();
        let text = |number: usize| {
            let (_, text) = state.revisions[number].iter().find(|(name, _)| name == path)?;
            let wanted = text.lines().skip(*lines.start() as usize - 1);
            Some(wanted.take(lines.clone().count()).collect::<Vec<_>>())
        };
        let changed = |number: &usize| *number == 0 || text(*number) != text(*number - 1);
        let last = (0..state.revisions.len()).rev().find(changed);
        Ok(commit(&revision(last.unwrap())))
    }
}

#[async_trait]
impl SourceWatch for Revisions {
    async fn changed(&self, _: &Cx) -> Result<()> {
        loop {
            let is_new = std::mem::take(&mut self.state.lock().unwrap().is_new);
            if is_new && self.is("S17") {
                yield_now().await;
            }
            if is_new {
                self.state.lock().unwrap().told += 1;
            }
            if is_new && !(self.is("S16") && self.state.lock().unwrap().told > 1) {
                return Ok(());
            }
            self.published.notified().await;
        }
    }
}

#[async_trait]
impl Publisher for Revisions {
    async fn publish(&self, files: &[(&str, &str)]) -> Result<()> {
        let files = files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
        let mut state = self.state.lock().unwrap();
        state.revisions.push(files);
        (state.is_new, state.resolved) = (true, 0);
        drop(state);
        self.published.notify_one();
        Ok(())
    }

    async fn cut_off(&self) -> Result<()> {
        self.state.lock().unwrap().is_cut_off = true;
        Ok(())
    }

    async fn mend(&self) -> Result<()> {
        self.state.lock().unwrap().is_cut_off = false;
        Ok(())
    }
}

async fn report_of(fault: &'static str) -> Report {
    let source = move || async move {
        let (state, published, fetching) = (Mutex::default(), Notify::new(), AtomicUsize::new(0));
        let source = Arc::new(Revisions { fault, state, published, fetching });
        Ok(SourceSubject::new(source.clone(), source).patience(Duration::from_millis(60)))
    };
    conformance::source(source).seed(1).run().await
}

#[tokio::test]
async fn each_check_catches_the_source_that_is_broken_in_just_that() {
    let sound = report_of("").await;
    sound.assert_passed();
    assert_eq!(sound.skipped(), [""; 0], "{sound}");
    let mut faults = Vec::new();
    for (number, _) in all_checks().into_iter().filter(|(number, _)| number.starts_with('S')) {
        let also: &[&str] = match number {
            "S03" => &["S09"],
            "S16" => &["S17"],
            _ => &[],
        };
        faults.extend(wrong(&report_of(number).await, number, also));
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
