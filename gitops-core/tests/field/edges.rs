//! An engine that goes on has the edges that a new process has.
//!
//! Met with GitOps controllers whose order of deletion depended on whether they had been restarted meanwhile.

use std::collections::BTreeMap;
use std::sync::Arc;

use gitops_core::internals::record::Owned;
use gitops_core::{Diagnostic, Engine, Key, Need, Object, Part, Report, Result, render_files};
use proptest::prelude::*;

use crate::support::{World, body, key};

/// What a file says of an object, and of those that it needs.
type Words = String;

/// All objects: those that offer, those that lead to what is offered, and those that need. What offers may need `p` by what is
/// written, and `q` by its name: circles.
const NAMES: [&str; 8] = ["a", "b", "c", "s", "t", "p", "q", "r"];

/// The objects that are declared after each commit.
fn commits() -> impl Strategy<Value = Vec<BTreeMap<&'static str, Words>>> {
    let words = |of: &'static [&'static str]| {
        let some = prop::sample::subsequence(of, 0..=of.len());
        let stage = prop::option::weighted(0.3, 0..3i64);
        (0..2u8, some, stage).prop_map(|(content, words, stage)| {
            let stage = stage.map(|stage| format!(" stage={stage}")).unwrap_or_default();
            format!("{content} {}{stage}", words.join(" "))
        })
    };
    let offering = prop::collection::vec(
        prop::option::of(words(&["offers=x", "offers=y", "offers=z", "must=p", "needs=q"])),
        3,
    );
    let leading = words(&["leads=l:x+y", "leads=l:m", "leads=m:z", "leads=m:l", "leads=l:x+y+z"]);
    let leading = prop::collection::vec(prop::option::of(leading), 2);
    let wanting = words(&["needs=a", "needs=b", "needs=s", "wants=x", "wants=l", "wants=m"]);
    let wanting = prop::collection::vec(prop::option::of(wanting), 3);
    let edit = (offering, leading, wanting, prop::collection::vec(any::<bool>(), NAMES.len()));
    prop::collection::vec(edit, 1..6).prop_map(|edits| {
        let mut declared = BTreeMap::new();
        let mut commits = Vec::new();
        for (offering, leading, wanting, changed) in edits {
            let words = offering.into_iter().chain(leading).chain(wanting);
            // The others stay as they are.
            for ((name, words), _) in
                NAMES.into_iter().zip(words).zip(changed).filter(|(_, changed)| *changed)
            {
                match words {
                    Some(words) => drop(declared.insert(name, words)),
                    None => drop(declared.remove(name)),
                }
            }
            commits.push(declared.clone());
        }
        commits.push(BTreeMap::new());
        commits
    })
}

/// The first word is the content; the others say what the object needs and offers, and its stage.
fn render(part: &Part<'_>) -> Result<Vec<Object>, Vec<Diagnostic>> {
    let bytes = part.bytes()?;
    let words: Vec<&str> = std::str::from_utf8(&bytes).unwrap().split(' ').collect();
    let object = Object::new(key(part.path()), body(words[0]), part.provenance(0));
    let declared =
        words.iter().filter_map(|word| word.split_once('=')).fold(object, |object, word| match word {
            ("needs", name) => object.with_need(Need::IfDeclared(key(name))),
            ("must", name) => object.with_need(Need::Object(key(name))),
            ("offers", name) => object.with_offer(name),
            ("stage", number) => object.in_stage(number.parse().unwrap()),
            ("leads", names) => {
                let (name, to) = names.split_once(':').unwrap();
                object.leading(name, to.split('+'))
            }
            (_, name) => object.with_need(Need::Offer(name.into())),
        });
    Ok(vec![declared])
}

async fn engine(world: &World) -> Engine {
    let builder = world.builder("test").render(Arc::new(render_files("words 1", render)));
    builder.target("t", world.memory.clone()).open(&world.cx).await.unwrap()
}

/// What is to be the same: the order of the steps, and what the entries of the inventory say of it.
fn seen(engine: &Engine, report: Result<Report>) -> Vec<String> {
    let steps: Vec<String> = match report {
        Ok(report) => {
            let step =
                |step: &gitops_core::Step| format!("{:?} {} after {:?}", step.action, step.key, step.after);
            report.plan.steps.iter().map(step).collect()
        }
        Err(error) => vec![format!("{error:#} {:?}", error.diagnostics())],
    };
    let entry = |(key, entry): (&Key, &Owned)| {
        format!("{key} needs {:?} and still {:?}", entry.needs, entry.still_needs)
    };
    let edge = |(key, needs): (Key, Vec<Key>)| format!("{key} is declared to need {needs:?}");
    let entries = engine.inventory().entries().iter().map(entry);
    steps.into_iter().chain(entries).chain(engine.desired().unwrap().edges().into_iter().map(edge)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn after_each_commit_a_lasting_engine_knows_what_a_new_one_knows(commits in commits()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (one, other) = (World::with(&[]), World::with(&[]));
            let mut lasting = engine(&one).await;
            for commit in &commits {
                let files: Vec<(&str, &str)> =
                    commit.iter().map(|(name, words)| (*name, words.as_str())).collect();
                one.declare(&files);
                other.declare(&files);
                let of_lasting = lasting.reconcile(&one.cx).await;
                let mut fresh = engine(&other).await;
                let of_fresh = fresh.reconcile(&other.cx).await;
                assert_eq!(seen(&lasting, of_lasting), seen(&fresh, of_fresh), "after {commit:?} of {commits:?}");
            }
        });
    }
}

#[tokio::test]
async fn what_came_after_an_object_that_needs_it_is_deleted_after_that() {
    let (stays, needs) = (("k", "1"), ("p", "1 needs=z wants=l"));
    let front = ("f", "1 leads=l:x+y");
    let all = [stays, needs, front, ("z", "1"), ("s", "1 offers=x offers=y"), ("t", "1 offers=x")];
    let world = World::with(&[]);
    let mut lasting = engine(&world).await;
    for files in [&all[..2], &all[..5], &all, &all[..1]] {
        world.declare(files);
        let report = lasting.reconcile(&world.cx).await.unwrap();
        assert!(report.is_converged(), "{report:?}");
        if files.len() == 1 {
            let waits = ["z", "s", "t", "f"].map(|name| report.plan.step(&key(name)).unwrap().after.clone());
            assert_eq!(waits, [vec![key("p")], vec![key("p")], Vec::new(), Vec::new()]);
        }
    }
}

#[tokio::test]
async fn an_order_that_names_lead_to_gives_way_to_what_is_written_and_is_said() {
    let files = [
        ("app", "1 needs=hook wants=l"),
        ("front", "1 leads=l:x"),
        ("hook", "1 must=app"),
        ("pod", "1 offers=x needs=app"),
    ];
    let world = World::with(&files);
    let mut lasting = engine(&world).await;
    let plan = lasting.plan(&world.cx).await.unwrap();
    let after = |name: &str| plan.step(&key(name)).unwrap().after.clone();
    assert_eq!(["app", "hook", "pod"].map(after), [vec![key("pod")], vec![key("app")], Vec::new()]);
    let said: Vec<String> = lasting.warnings().iter().map(|warning| warning.message.clone()).collect();
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(
        said[0].contains("app does not wait for t:K/-/hook")
            && said[1].contains("pod does not wait for t:K/-/app"),
        "{said:?}"
    );
    assert!(lasting.reconcile(&world.cx).await.unwrap().is_converged());
    // Without the written need, and in another process, the names count again; and the warning is gone.
    world.declare(&[
        ("app", "2 needs=hook"),
        ("front", "1 leads=l:x"),
        ("hook", "2"),
        ("pod", "1 offers=x needs=app"),
    ]);
    let mut other = engine(&world).await;
    for engine in [&mut lasting, &mut other] {
        let plan = engine.plan(&world.cx).await.unwrap();
        assert_eq!(plan.step(&key("app")).unwrap().after, [key("hook")]);
        assert_eq!(engine.warnings(), []);
    }
}
