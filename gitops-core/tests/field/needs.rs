//! One commit that concerns applications of which one needs the other: a database's schema and the program that asks it.
//!
//! Met with `run`: in five commits of six the program went out first, because the other one was as declared, a commit before.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gitops_core::*;

use crate::related::Related;
use crate::support::{World, body, key, owned, until, while_it_runs};

/// So that nothing comes of waiting.
const HOUR: Duration = Duration::from_secs(3600);

static IN_ORDER: Related =
    Related(|from, to| match from.parse::<usize>().unwrap().cmp(&to.parse().unwrap()) {
        std::cmp::Ordering::Less => Relation::Newer,
        std::cmp::Ordering::Equal => Relation::Same,
        std::cmp::Ordering::Greater => Relation::Older,
    });

/// A repository of numbered commits, each of which changes what every application declares.
#[derive(Default)]
struct Repository {
    newest: AtomicUsize,
}

/// What one application sees of it.
struct Reads {
    repository: Arc<Repository>,
    branch: &'static str,
    is_away: AtomicBool,
    asked: AtomicUsize,
}

#[async_trait]
impl Source for Reads {
    fn info(&self) -> SourceInfo {
        SourceInfo::new("repository", format!("{} in a folder", self.branch)).reference(self.branch)
    }

    async fn resolve(&self, _: &Cx) -> Result<Revision> {
        self.asked.fetch_add(1, SeqCst);
        match self.is_away.load(SeqCst) {
            true => Err(Error::new(ErrorKind::Unavailable, "503")),
            false => Ok(Revision::new(self.repository.newest.load(SeqCst).to_string(), "main")),
        }
    }

    async fn fetch(&self, _: &Cx, revision: &Revision) -> Result<Snapshot> {
        Snapshot::from_files("repository", revision.clone(), [("f", revision.id())])
    }

    fn history(&self) -> Option<&dyn History> {
        Some(&IN_ORDER)
    }
}

/// One of the applications.
struct App {
    name: &'static str,
    needs: &'static [&'static str],
    world: World,
    source: Arc<Reads>,
    /// Whether a gate lets nothing new pass.
    is_held: Arc<AtomicBool>,
}

/// `b` needs `a`, and `c` needs `b`.
struct Fleet {
    repository: Arc<Repository>,
    apps: [App; 3],
    written: Arc<Mutex<Vec<&'static str>>>,
}

impl Fleet {
    fn new() -> Self {
        Self::following(["main"; 3])
    }

    fn following(branches: [&'static str; 3]) -> Self {
        let repository = Arc::<Repository>::default();
        let app = |name, needs, branch| App {
            name,
            needs,
            world: World::with(&[]),
            source: Arc::new(Reads {
                repository: repository.clone(),
                branch,
                is_away: AtomicBool::default(),
                asked: AtomicUsize::default(),
            }),
            is_held: Arc::default(),
        };
        let [a, b, c] = branches;
        let apps = [app("a", &[][..], a), app("b", &["a"][..], b), app("c", &["b"][..], c)];
        Self { repository, apps, written: Arc::default() }
    }

    /// Seats all; each looks at its source once, and then when it is told to.
    async fn start(&self, supervisor: &Supervisor) -> [EngineHandle; 3] {
        let mut handles = Vec::new();
        for app in &self.apps {
            handles.push(supervisor.add(self.open(app).await, app.needs, HOUR).unwrap());
        }
        handles.try_into().unwrap()
    }

    async fn open(&self, app: &App) -> Engine {
        let (name, written, is_held) = (app.name, self.written.clone(), app.is_held.clone());
        let held = move |proposal: &Proposal<'_>| {
            let is_new = proposal.plan.steps.iter().any(|step| step.cause != Cause::Drift);
            match is_new && is_held.load(SeqCst) {
                true => Verdict::deny("held", "not now"),
                false => Verdict::Allow,
            }
        };
        let events = move |event: &Event| {
            if matches!(event, Event::Started { .. }) {
                written.lock().unwrap().push(name);
            }
        };
        let builder = app.world.builder(name).source(app.source.clone());
        let builder = builder.target("t", app.world.memory.clone()).gate(Arc::new(gate("held", 1, held)));
        builder.events(Arc::new(events)).open(&app.world.cx).await.unwrap()
    }

    fn commit(&self) -> usize {
        self.repository.newest.fetch_add(1, SeqCst) + 1
    }

    fn written(&self) -> Vec<&'static str> {
        std::mem::take(&mut *self.written.lock().unwrap())
    }

    fn live(&self) -> [Vec<(String, String)>; 3] {
        [0, 1, 2].map(|nth| self.apps[nth].world.contents())
    }

    /// Has an application look at its source.
    async fn look(&self, handles: &[EngineHandle; 3], nth: usize) {
        handles[nth].request(&self.apps[nth].world.cx, "ana", Request::Sync).await.unwrap();
    }
}

fn at(revision: usize) -> Vec<(String, String)> {
    vec![owned(("f", &revision.to_string()))]
}

async fn until_at(handle: &EngineHandle, revision: usize) {
    let revision = revision.to_string();
    let is_there = |status: &EngineStatus| {
        let complete = status.complete.as_ref().map(|complete| complete.revision.id());
        complete == Some(&revision) && status.is_converged()
    };
    until(handle, is_there).await;
}

async fn until_waiting(handle: &EngineHandle, need: &str, why: &str) -> Arc<EngineStatus> {
    let says = |status: &EngineStatus| {
        let postponed = status.postponed.as_deref().unwrap_or_default();
        status.waits_for.as_deref() == Some(need) && postponed.contains(why)
    };
    until(handle, says).await
}

#[tokio::test]
async fn a_commit_that_concerns_all_is_taken_up_in_the_order_of_their_needs_whoever_hears_of_it_first() {
    let fleet = Fleet::new();
    for _ in 0..2 {
        // A new process knows nothing of how far the others are.
        fleet.commit();
        let supervisor = Supervisor::new(3);
        let handles = fleet.start(&supervisor).await;
        while_it_runs(&supervisor, async {
            for first in [None, Some(2), Some(1), Some(0), Some(2)] {
                let newest = match first {
                    None => fleet.repository.newest.load(SeqCst),
                    Some(first) => {
                        let newest = fleet.commit();
                        fleet.look(&handles, first).await;
                        // Who needs nobody tells nobody of its source.
                        for nth in (first + 1)..3 {
                            fleet.look(&handles, nth).await;
                        }
                        newest
                    }
                };
                for handle in &handles {
                    until_at(handle, newest).await;
                }
                assert_eq!(fleet.written(), ["a", "b", "c"], "at {newest}");
            }
        })
        .await;
    }
}

#[tokio::test]
async fn what_is_blocked_in_one_holds_who_needs_it_and_drift_is_repaired_meanwhile() {
    let fleet = Fleet::new();
    let supervisor = Supervisor::new(3);
    let handles = fleet.start(&supervisor).await;
    while_it_runs(&supervisor, async {
        until_at(&handles[2], 0).await;
        fleet.apps[0].is_held.store(true, SeqCst);
        fleet.commit();
        fleet.look(&handles, 2).await;
        until_waiting(&handles[1], "a", "`a` comes first, and is not at 1 (main) yet; what is new").await;
        until_waiting(&handles[2], "b", "`b` comes first").await;
        let asked = fleet.apps[0].source.asked.load(SeqCst);
        fleet.apps[1].world.memory.edit(&key("f"), Some(body("by hand")));
        fleet.look(&handles, 1).await;
        until(&handles[1], |_| fleet.apps[1].world.contents() == at(0)).await;
        fleet.look(&handles, 2).await;
        assert_eq!(fleet.live(), [at(0), at(0), at(0)]);
        assert_eq!(fleet.apps[0].source.asked.load(SeqCst), asked, "it was woken once for the revision");
        fleet.written();
        fleet.apps[0].is_held.store(false, SeqCst);
        fleet.look(&handles, 0).await;
        until_at(&handles[2], 1).await;
        assert_eq!(fleet.written(), ["a", "b", "c"]);
        let told = fleet.apps[2].world.events();
        assert!(told.iter().any(|event| matches!(event, Event::Postponed { .. })), "{told:#?}");
    })
    .await;
}

#[tokio::test]
async fn one_that_is_suspended_or_pinned_holds_who_needs_it() {
    let fleet = Fleet::new();
    fleet.commit();
    let supervisor = Supervisor::new(3);
    let handles = fleet.start(&supervisor).await;
    let ask = async |request| handles[0].request(&fleet.apps[0].world.cx, "ana", request).await.unwrap();
    while_it_runs(&supervisor, async {
        until_at(&handles[2], 1).await;
        let suspend = Request::Suspend { reason: "incident 17".to_owned() };
        let pin = Request::pin(Revision::new("1", "main"));
        for (holds, frees, why) in [
            (suspend, Request::Resume, "it is suspended by ana"),
            (pin, Request::unpin(), "it is pinned to 1"),
        ] {
            let before = fleet.repository.newest.load(SeqCst);
            ask(holds).await;
            let newest = fleet.commit();
            fleet.look(&handles, 2).await;
            until_waiting(&handles[1], "a", why).await;
            until_waiting(&handles[2], "b", "`b` comes first").await;
            assert_eq!(fleet.live()[1..], [at(before), at(before)]);
            fleet.written();
            ask(frees).await;
            until_at(&handles[2], newest).await;
            assert_eq!(fleet.written(), ["a", "b", "c"]);
        }
    })
    .await;
}

#[tokio::test]
async fn of_another_branch_what_is_newest_there_counts_and_who_is_pinned_back_holds() {
    let fleet = Fleet::following(["next", "main", "main"]);
    let supervisor = Supervisor::new(3);
    let handles = fleet.start(&supervisor).await;
    while_it_runs(&supervisor, async {
        until_at(&handles[2], 0).await;
        // It has not heard of it, and nobody waits for it.
        fleet.commit();
        fleet.look(&handles, 2).await;
        until_at(&handles[2], 1).await;
        assert_eq!(fleet.live(), [at(0), at(1), at(1)]);
        let ask = async |request| handles[0].request(&fleet.apps[0].world.cx, "ana", request).await.unwrap();
        ask(Request::pin(Revision::new("0", "next"))).await;
        fleet.commit();
        fleet.look(&handles, 2).await;
        until_waiting(&handles[1], "a", "`a` comes first, and has not converged; it is pinned to 0").await;
        ask(Request::unpin()).await;
        until_at(&handles[2], 2).await;
    })
    .await;
}

#[tokio::test]
async fn who_has_come_so_far_holds_nobody_while_its_source_is_away() {
    let fleet = Fleet::new();
    let supervisor = Supervisor::new(3);
    let handles = fleet.start(&supervisor).await;
    while_it_runs(&supervisor, async {
        until_at(&handles[2], 0).await;
        fleet.commit();
        fleet.look(&handles, 0).await;
        until_at(&handles[0], 1).await;
        fleet.apps[0].source.is_away.store(true, SeqCst);
        fleet.look(&handles, 0).await;
        until(&handles[0], |status| status.sync == SyncStatus::Unknown).await;
        fleet.look(&handles, 2).await;
        until_at(&handles[2], 1).await;
        fleet.commit();
        fleet.look(&handles, 2).await;
        until_waiting(&handles[1], "a", "its last reconciliation failed").await;
        assert_eq!(fleet.live(), [at(1), at(1), at(1)]);
    })
    .await;
}

#[tokio::test]
async fn a_need_that_comes_or_goes_while_it_runs_counts_from_then_on() {
    let fleet = Fleet::new();
    let supervisor = Supervisor::new(3);
    let handles = fleet.start(&supervisor).await;
    while_it_runs(&supervisor, async {
        until_at(&handles[2], 0).await;
        supervisor.remove("a").await.unwrap();
        fleet.commit();
        fleet.look(&handles, 2).await;
        until_waiting(&handles[1], "a", "it is not at work").await;
        // The configuration says that it needs nobody any more.
        supervisor.remove("b").await.unwrap();
        supervisor.add(fleet.open(&fleet.apps[1]).await, &[], HOUR).unwrap();
        until_at(&handles[2], 1).await;
        // And then that it does.
        supervisor.remove("b").await.unwrap();
        fleet.commit();
        supervisor.add(fleet.open(&fleet.apps[1]).await, &["a"], HOUR).unwrap();
        fleet.written();
        supervisor.add(fleet.open(&fleet.apps[0]).await, &[], HOUR).unwrap();
        fleet.look(&handles, 2).await;
        until_at(&handles[2], 2).await;
        assert_eq!(fleet.written(), ["a", "b", "c"]);
    })
    .await;
}
