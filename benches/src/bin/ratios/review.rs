//! What a review of a one-file request costs in a process that goes on, against the plan of such a change by the engine that is
//! at work there: a plan that fetches its commit, as a review does, and one that finds it fetched. The forge is in memory: its
//! time is none.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use gitops_app::config::{Applications, ForgeKind};
use gitops_app::review::{Asked, Reviewed, Sides, Warm};
use gitops_app::session::{Access, Session};
use gitops_app::{Backends, Clusters};
use gitops_benches::{Layout, Repository, processor_time, quantile, row};
use gitops_core::{ApplyOptions, Cx, Event, EventSink};
use gitops_forge::{Branch, CommitId, MemoryForge, Permission, RepositoryPath};

/// Rounds in which a request is reviewed, merged, planned and applied; the first ones are not counted.
const ROUNDS: usize = 35;
const WARM_UP: usize = 4;

/// Measures an application of so many files in a folder.
pub async fn of_one_file(count: usize) {
    let (cx, folder) = (Cx::system(), super::folder_on_disk());
    let mut repository = Repository::with_files(count, Layout::Flat);
    let text = format!(
        "name: site\nsource: {{ git: {{ url: {}, ref: {{ branch: main }} }} }}\ntarget: {{ directory: {{ root: ./live }} }}\n",
        repository.path().display()
    );
    let file = folder.path().join("gitops.yaml");
    fs::write(&file, text).expect("there is room");
    let applications = Applications::load(&file, &Backends::new()).expect("it is a configuration");
    let chosen: Vec<_> = applications.all.iter().collect();
    let session = Session::builder(chosen[0]).access(Access::Write).open(&cx).await;
    let mut session = session.expect("an empty state opens");
    let plan = session.engine.plan(&cx).await.expect("files can be planned");
    let options = ApplyOptions::naming_the_plan("bench");
    session.engine.apply(&cx, &plan, &options).await.expect("the plan is applied");

    let forge = MemoryForge::new("platform/site", "gitops");
    let alice = forge.acting_as(&forge.join("alice", Permission::Write));
    let (rendered, asked) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let counted = (rendered.clone(), asked.clone());
    let events: Arc<dyn EventSink> = Arc::new(move |event: &Event| match event {
        Event::Rendered { parts, .. } => drop(counted.0.fetch_add(*parts, Relaxed)),
        Event::Observed { asked } => drop(counted.1.fetch_add(*asked, Relaxed)),
        _ => {}
    });
    let warm = Arc::new(Warm::new(&cx, Clusters::new()));
    let commit = |text: String| CommitId::parse(&text).expect("git gives whole ids");
    let (mut number, mut reviews, mut first) = (None, Vec::new(), 0.0);
    let (mut plans, mut fetching) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let head = commit(repository.propose("feature", count / 2 + round));
        let request = if let Some(number) = number {
            forge.push_commit(&cx, number, head).expect("the request is open");
            number
        } else {
            let path = Some(RepositoryPath::parse("platform/site").expect("it is a path"));
            let base = Branch::new("main", commit(repository.newest()), path.clone());
            alice.propose_between(&cx, "A request", Branch::new("feature", head, path), base).number
        };
        number = Some(request);
        let asking =
            Asked::new(Arc::new(forge.clone()), ForgeKind::Gitea, request, "gitops").warm(warm.clone());
        rendered.store(0, Relaxed);
        asked.store(0, Relaxed);
        let (start, used) = (Instant::now(), processor_time());
        let told =
            asking.review(&cx, &applications, &chosen, &events, |_: &Sides, _: &Reviewed| String::new());
        let told = told.await.expect("it can be reviewed");
        let review = spent(start, used);
        assert!(told.wrote_comment);
        // The review fetched it into the same mirror.
        repository.merge("feature");
        let found = planned(&cx, &mut session).await;
        repository.change(count / 4 + round);
        let fetched = planned(&cx, &mut session).await;
        if round == 0 {
            first = review.0;
        }
        if round >= WARM_UP {
            reviews.push(review);
            plans.push(found);
            fetching.push(fetched);
            let work = (rendered.load(Relaxed), asked.load(Relaxed));
            // What the engine wrote just now, the watch tells of: it is looked at once more.
            assert!(work.0 <= 3 && work.1 <= 6, "{work:?}");
        }
    }
    for (what, typical) in [("", typical as fn(&[Spent]) -> f64), (", processor time", mean_processor)] {
        let [review, plan, fetching] = [&reviews, &plans, &fetching].map(|spent| typical(spent));
        println!(
            "review of a one-file request, {count} files{what}\tfirst {first:.1} ms, then {review:.1} ms; plan with its fetch \
             {fetching:.1} ms, without {plan:.1} ms"
        );
        let figure = format!("review against the plan of such a change, each with its fetch{what}");
        row(&figure, review / fetching, "×", 3.0, false);
        let fetch = fetching - plan;
        row(&format!("the same without the fetch{what}"), (review - fetch) / plan, "×", 3.0, false);
    }
    println!(
        "the last one: files rendered, objects asked about\t{}, {}",
        rendered.load(Relaxed),
        asked.load(Relaxed)
    );
}

/// Milliseconds of wall time and of processor time, the latter with that of all that was started.
type Spent = (f64, f64);

fn spent(start: Instant, used: Duration) -> Spent {
    let processor = processor_time().saturating_sub(used);
    (start.elapsed().as_secs_f64() * 1000.0, processor.as_secs_f64() * 1000.0)
}

fn typical(spent: &[Spent]) -> f64 {
    quantile(spent.iter().map(|spent| spent.0).collect(), 0.5)
}

/// The system counts in steps that are longer than one round: over many rounds that evens out.
fn mean_processor(spent: &[Spent]) -> f64 {
    spent.iter().map(|spent| spent.1).sum::<f64>() / spent.len() as f64
}

/// Plans what is newest, and applies it; gives what the plan took.
async fn planned(cx: &Cx, session: &mut Session) -> Spent {
    let (start, used) = (Instant::now(), processor_time());
    let plan = session.engine.replan(cx).await.expect("it can be planned");
    let spent = spent(start, used);
    assert_eq!(plan.steps.len(), 1);
    session.engine.reconcile(cx).await.expect("it can be applied");
    spent
}
