//! An engine that goes on has the edges that a new process has.
//!
//! Met with GitOps controllers whose order of deletion depended on whether they had been restarted meanwhile.

use std::collections::BTreeMap;
use std::sync::Arc;

use gitops_core::state::record::Owned;
use gitops_core::{Diagnostic, Engine, Key, Need, Object, Part, Report, Result, render_files};
use proptest::prelude::*;

use crate::support::{World, body, key};

/// What a file says of an object, and of those that it needs.
type Words = String;

/// The objects that are declared after each commit; those that offer do not want, so that there are no circles.
fn commits() -> impl Strategy<Value = Vec<BTreeMap<String, Words>>> {
    let some = |names: &'static [&'static str]| prop::sample::subsequence(names, 0..=names.len());
    let stage = prop::option::weighted(0.3, 0..3i64);
    let offering = (0..2u8, some(&["x", "y", "z"]), stage.clone());
    let offering = offering.prop_map(|(content, offers, stage)| {
        let offers: String = offers.iter().map(|name| format!(" offers={name}")).collect();
        format!("{content}{offers}{}", staged(stage))
    });
    let wanting = (0..2u8, some(&["a", "b", "c"]), some(&["x", "y", "z"]), stage);
    let wanting = wanting.prop_map(|(content, needs, wants, stage)| {
        let needs: String = needs.iter().map(|name| format!(" needs={name}")).collect();
        let wants = if wants.is_empty() { String::new() } else { format!(" wants={}", wants.join("+")) };
        format!("{content}{needs}{wants}{}", staged(stage))
    });
    let all = |names: [&'static str; 3], words: BoxedStrategy<Words>| {
        prop::collection::vec(prop::option::of(words), 3).prop_map(move |words| {
            let named = names.into_iter().zip(words);
            named.filter_map(|(name, words)| Some((name.to_owned(), words?))).collect::<BTreeMap<_, _>>()
        })
    };
    let commit = (all(["a", "b", "c"], offering.boxed()), all(["p", "q", "r"], wanting.boxed()));
    // Of the commit before, all but some objects stay as they are.
    let edit = (commit, prop::collection::vec(any::<bool>(), 6));
    prop::collection::vec(edit, 1..6).prop_map(|edits| {
        let mut now = BTreeMap::new();
        let apply = |((offering, wanting), changed): ((BTreeMap<_, _>, BTreeMap<_, _>), Vec<bool>)| {
            let mut next: BTreeMap<String, Words> = offering.into_iter().chain(wanting).collect();
            for (name, _) in
                ["a", "b", "c", "p", "q", "r"].iter().zip(changed).filter(|(_, changed)| !changed)
            {
                match now.get(*name) {
                    Some(words) => drop(next.insert((*name).to_owned(), String::clone(words))),
                    None => drop(next.remove(*name)),
                }
            }
            now.clone_from(&next);
            next
        };
        edits.into_iter().map(apply).chain([BTreeMap::new()]).collect()
    })
}

fn staged(stage: Option<i64>) -> String {
    stage.map(|stage| format!(" stage={stage}")).unwrap_or_default()
}

/// The first word is the content; the others say what the object needs and offers, and its stage.
fn render(part: &Part<'_>) -> Result<Vec<Object>, Vec<Diagnostic>> {
    let bytes = part.bytes()?;
    let words: Vec<&str> = std::str::from_utf8(&bytes).unwrap().split(' ').collect();
    let object = Object::new(key(part.path()), body(words[0]), part.provenance(0));
    let declared =
        words.iter().filter_map(|word| word.split_once('=')).fold(object, |object, word| match word {
            ("needs", name) => object.with_need(Need::IfDeclared(key(name))),
            ("offers", name) => object.with_offer(name),
            ("stage", number) => object.in_stage(number.parse().unwrap()),
            (_, names) => match names.contains('+') {
                true => object.with_need(Need::Offers(names.split('+').map(Into::into).collect())),
                false => object.with_need(Need::Offer(names.into())),
            },
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
                    commit.iter().map(|(name, words)| (name.as_str(), words.as_str())).collect();
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
    let (stays, needs) = (("k", "1"), ("p", "1 needs=z wants=x+y"));
    let all = [stays, needs, ("z", "1"), ("s", "1 offers=x offers=y"), ("t", "1 offers=x")];
    let world = World::with(&[]);
    let mut lasting = engine(&world).await;
    for files in [&all[..2], &all, &all[..1]] {
        world.declare(files);
        let report = lasting.reconcile(&world.cx).await.unwrap();
        assert!(report.is_converged(), "{report:?}");
        if files.len() == 1 {
            let waits = ["z", "s", "t"].map(|name| report.plan.step(&key(name)).unwrap().after.clone());
            assert_eq!(waits, [vec![key("p")], vec![key("p")], Vec::new()]);
        }
    }
}
