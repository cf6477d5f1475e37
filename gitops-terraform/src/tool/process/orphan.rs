use std::fs;
use std::path::Path;

use rustix::process::{Pid, Signal, getpgid, kill_process};

use gitops_core::{Cx, Hasher};

use super::RUN;

/// The id of a new run: where it runs, and a number that nobody else has.
pub(crate) fn new_run(cx: &Cx) -> String {
    format!("{}-{:032x}", here(), cx.random())
}

/// Whether nothing of a run is at work any more, as far as it can be known: it was here, and nothing is found.
pub(crate) fn is_gone(run: &str) -> bool {
    run.split_once('-').is_some_and(|(place, _)| place == here()) && Orphans::of(run).alive().is_empty()
}

/// The boot of this machine: what was not written down before another one may be lost.
pub(crate) fn boot() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default()
}

/// The boot of this machine and the space of process ids: only here can a run be looked for.
fn here() -> String {
    let boot = boot();
    let space = fs::read_link("/proc/self/ns/pid").unwrap_or_default();
    let digest = Hasher::new("gitops place").field(boot).field(space.to_string_lossy().as_ref()).finish();
    digest.short()
}

/// Looks for what an earlier process of ours started and left behind.
///
/// A run is known by an id in its environment, which all that it starts inherits: no process of anybody else is ever
/// taken for one, whatever became of process ids in between.
pub(crate) struct Orphans {
    run: String,
}

/// A process that is still at work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Process(Pid);

impl Orphans {
    /// Those of the run of an id.
    pub fn of(run: &str) -> Self {
        Self { run: format!("{RUN}={run}") }
    }

    /// The processes that are alive, oldest id first.
    pub fn alive(&self) -> Vec<Process> {
        let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
        let ids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
        let mut found: Vec<i32> = ids.filter(|id| self.is_of_run(*id)).collect();
        found.sort_unstable();
        found.into_iter().filter_map(Pid::from_raw).map(Process).collect()
    }

    /// Ends all of them at once.
    pub fn kill(&self) {
        for Process(id) in self.alive() {
            // It may have ended meanwhile.
            let _ = kill_process(id, Signal::KILL);
        }
    }

    /// A process that has ended and was not waited for has no environment any more, so it is not found.
    fn is_of_run(&self, id: i32) -> bool {
        let environment = fs::read(Path::new("/proc").join(id.to_string()).join("environ"));
        let environment = environment.unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|variable| variable == self.run.as_bytes())
    }
}

impl Process {
    /// Whether it is the tool itself, which leads its group, and not something that the tool started.
    pub fn leads(self) -> bool {
        getpgid(Some(self.0)) == Ok(self.0)
    }

    /// Its process id.
    pub fn id(self) -> i32 {
        self.0.as_raw_nonzero().get()
    }
}
