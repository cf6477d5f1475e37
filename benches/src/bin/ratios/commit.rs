//! What a one-file commit costs on the way to its plan, in repositories that differ in size and in layout.

use std::time::Instant;

use gitops_benches::{Applied, Layout, processor_time, quantile, row};
use gitops_core::{Cx, Source};

/// Rounds of commit and plan; each size has its turn in each, so that all see the same weather.
const ROUNDS: usize = 101;

/// Files of the repository that the others are compared with.
const FEW: usize = 1_000;

/// Wall time and processor time of something, in milliseconds; the latter of this process and all that it started.
#[derive(Clone, Copy)]
struct Cost {
    wall: f64,
    processor: f64,
}

impl Cost {
    async fn of<T>(act: impl Future<Output = T>) -> (T, Self) {
        let (start, used) = (Instant::now(), processor_time());
        let value = act.await;
        let (wall, processor) = (start.elapsed(), processor_time().saturating_sub(used));
        (value, Self { wall: wall.as_secs_f64() * 1000.0, processor: processor.as_secs_f64() * 1000.0 })
    }
}

/// One repository and what its rounds cost.
struct Case {
    name: String,
    count: usize,
    applied: Applied,
    resolve: Vec<Cost>,
    fetch: Vec<Cost>,
    plan: Vec<Cost>,
    /// What the sender of the pack does for the same question, asked again: the part that is not ours.
    sender: Vec<Cost>,
}

impl Case {
    async fn new(count: usize, layout: Layout) -> Self {
        let [resolve, fetch, plan, sender] = [const { Vec::new() }; 4];
        let name = format!("{count} files, {layout}");
        let applied = Applied::with_files(count, layout).await;
        Self { name, count, applied, resolve, fetch, plan, sender }
    }

    async fn round(&mut self, round: usize) {
        let (cx, applied) = (Cx::system(), &mut self.applied);
        let old = applied.source.resolve(&cx).await.expect("it has a branch");
        applied.repository.change(self.count / 2 + round);
        let blobs = applied.source.blobs();
        let (new, resolve) = Cost::of(applied.source.resolve(&cx)).await;
        let new = new.expect("it has a branch");
        let (fetched, fetch) = Cost::of(applied.source.fetch(&cx, &new)).await;
        fetched.expect("a commit can be fetched");
        let (planned, plan) = Cost::of(applied.engine.replan(&cx)).await;
        planned.expect("a commit can be planned");
        assert_eq!(applied.source.blobs() - blobs, 1);
        applied.engine.reconcile(&cx).await.expect("a commit can be applied");
        let ((), sender) = Cost::of(async { applied.repository.send(old.id(), new.id()) }).await;
        self.resolve.push(resolve);
        self.fetch.push(fetch);
        self.plan.push(plan);
        self.sender.push(sender);
    }

    fn figures(&self, kind: Kind) -> Figures {
        let [resolve, fetch, plan, sender] =
            [&self.resolve, &self.fetch, &self.plan, &self.sender].map(|costs| kind.typical(costs));
        Figures { resolve, fetch, plan, sender }
    }

    fn print(&self) {
        for kind in [Kind::Wall, Kind::Processor] {
            let Figures { resolve, fetch, plan, sender } = self.figures(kind);
            println!(
                "one-file commit, {}: {}\t{:.2} ms: resolve {resolve:.2}, fetch {fetch:.2} (sender alone \
                 {sender:.2}), diff, render and plan {plan:.2}",
                self.name,
                kind.name(),
                resolve + fetch + plan
            );
        }
    }
}

/// What is looked at of a cost.
#[derive(Clone, Copy)]
enum Kind {
    Wall,
    Processor,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Wall => "wall",
            Self::Processor => "processor",
        }
    }

    /// The median of wall times, which have outliers; the mean of processor times, which the system counts in steps.
    fn typical(self, costs: &[Cost]) -> f64 {
        match self {
            Self::Wall => quantile(costs.iter().map(|cost| cost.wall).collect(), 0.5),
            Self::Processor => costs.iter().map(|cost| cost.processor).sum::<f64>() / costs.len() as f64,
        }
    }
}

struct Figures {
    resolve: f64,
    fetch: f64,
    plan: f64,
    sender: f64,
}

impl Figures {
    fn whole(&self) -> f64 {
        self.resolve + self.fetch + self.plan
    }

    fn without_sender(&self) -> f64 {
        self.whole() - self.sender
    }

    fn without_fetch(&self) -> f64 {
        self.resolve + self.plan
    }
}

/// Measures all cases and compares each with the small one.
pub async fn one_file_commit(large: usize) {
    let mut few = Case::new(FEW, Layout::Flat).await;
    let mut many = [Case::new(large, Layout::Flat).await, Case::new(large, Layout::Deep).await];
    for round in 0..ROUNDS {
        few.round(round).await;
        for case in &mut many {
            case.round(round).await;
        }
    }
    few.print();
    many.iter().for_each(|case| compare(case, &few));
}

fn compare(case: &Case, few: &Case) {
    case.print();
    for kind in [Kind::Wall, Kind::Processor] {
        let (large, small) = (case.figures(kind), few.figures(kind));
        let row = |part: &str, cost: fn(&Figures) -> f64| {
            let name = format!("one-file commit, {} against {FEW}: {}, {part}", case.name, kind.name());
            row(&name, cost(&large) / cost(&small), "×", 1.5, false);
        };
        row("with the fetch", Figures::whole);
        row("without the sender's work", Figures::without_sender);
        if matches!(kind, Kind::Wall) {
            row("without the fetch", Figures::without_fetch);
        }
    }
}
