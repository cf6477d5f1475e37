//! Which incarnation an object is, whether it is adopted, and what a step waits for: all of it is approved, found by chance.

use std::collections::BTreeSet;
use std::sync::Arc;

use gitops_core::*;
use proptest::prelude::*;

use crate::support::{World, body, key};

/// The first three are nobody's when they are declared, the others ours.
const NAMES: [&str; 6] = ["a", "b", "c", "d", "e", "f"];
const FOREIGN: usize = 3;

/// The one whose new declaration needs another object.
const NEEDY: usize = 5;

/// Something that happens between an approval and the next plan.
#[derive(Clone, Copy, Debug)]
enum Meanwhile {
    /// Somebody deletes the object, and makes one that is like it.
    Remade(usize),
    Edited(usize),
    /// Only the version moves.
    Touched(usize),
    Removed(usize),
    /// A commit changes what the last object needs, or puts it back.
    NeedMoves(bool),
    Restarted,
}

fn meanwhile() -> impl Strategy<Value = Meanwhile> {
    prop_oneof![
        (0..6_usize).prop_map(Meanwhile::Remade),
        (0..6_usize).prop_map(Meanwhile::Edited),
        (0..6_usize).prop_map(Meanwhile::Touched),
        (0..6_usize).prop_map(Meanwhile::Removed),
        any::<bool>().prop_map(Meanwhile::NeedMoves),
        Just(Meanwhile::Restarted),
    ]
}

fn each_change() -> Arc<dyn Gate> {
    Arc::new(gate("each", 1, |proposal: &Proposal<'_>| {
        let changes = proposal.plan.steps.iter().filter(|step| step.cause != Cause::Drift);
        changes.fold(Verdict::Allow, |verdict, step| {
            verdict.and(Verdict::needs_approval("each", "it changes").naming([step.key.clone()]))
        })
    }))
}

fn declare(world: &World, content: &str, need_moves: bool) {
    let declared = |(number, name): (usize, &&'static str)| match (number, content) {
        (NEEDY, "2") => (*name, "needs: x"),
        _ => (*name, content),
    };
    let need = if need_moves { "2" } else { "1" };
    let all = NAMES.iter().enumerate().map(declared).chain([("x", need)]);
    world.declare(&all.collect::<Vec<_>>());
}

async fn open(world: &World) -> Engine {
    let builder = world.builder("test").target("t", world.memory.clone()).gate(each_change());
    builder.open(&world.cx).await.unwrap()
}

/// What is there of an object.
#[derive(Clone, Copy, PartialEq)]
struct There {
    content: i32,
    /// Whether it is the one that was there when the change was approved.
    is_same: bool,
}

/// The names of which somebody is asked, and of which somebody must be asked, after all six were approved.
async fn asked_after(needed: bool, then: Vec<Meanwhile>) -> (BTreeSet<String>, BTreeSet<String>) {
    let world = World::with(&[]).options(Options::default().adopt(true));
    let ours: Vec<_> = NAMES[FOREIGN..].iter().map(|name| (*name, "1")).chain([("x", "1")]).collect();
    world.declare(&ours);
    world.converge().await;
    NAMES[..FOREIGN].iter().for_each(|name| world.memory.edit(&key(name), Some(body("1"))));
    declare(&world, "2", needed);
    let mut engine = open(&world).await;
    let plan = engine.plan(&world.cx).await.unwrap();
    assert_eq!(plan.steps.len(), NAMES.len() + usize::from(needed), "{plan:?}");
    let by = Approver::new("bo", Through::Review { review: "forge/17".into() });
    let approval = engine.approval_of(&world.cx, &plan, by).unwrap();
    engine.approve(&world.cx, approval).await.unwrap();

    let (mut live, mut need_moves) = ([Some(There { content: 1, is_same: true }); 6], needed);
    for event in then {
        match event {
            Meanwhile::Remade(object) => {
                let content = live[object].map_or(1, |there| there.content);
                world.memory.edit(&key(NAMES[object]), None);
                world.memory.edit(&key(NAMES[object]), Some(body(&content.to_string())));
                live[object] = Some(There { content, is_same: false });
            }
            Meanwhile::Edited(object) => {
                if let Some(there) = &mut live[object] {
                    there.content = 9;
                    world.memory.edit(&key(NAMES[object]), Some(body("9")));
                }
            }
            Meanwhile::Touched(object) => {
                if let Some(there) = live[object] {
                    world.memory.edit(&key(NAMES[object]), Some(body(&there.content.to_string())));
                }
            }
            Meanwhile::Removed(object) => {
                world.memory.edit(&key(NAMES[object]), None);
                live[object] = None;
            }
            Meanwhile::NeedMoves(moves) => need_moves = moves,
            Meanwhile::Restarted => {
                drop(engine);
                engine = open(&world).await;
            }
        }
        declare(&world, "2", need_moves);
    }
    let plan = engine.plan(&world.cx).await.unwrap();
    let verdict = engine.verdict(&world.cx, &plan);
    let asked = verdict.findings().flat_map(|found| &found.keys).map(|key| key.name().to_owned()).collect();
    let is_approved = |name: &str| match NAMES.iter().position(|other| *other == name) {
        // What is needed may change less than was approved, and not more.
        Some(NEEDY) if need_moves && !needed => false,
        Some(object) => live[object] == Some(There { content: 1, is_same: true }),
        None => needed,
    };
    let changes = plan.steps.iter().filter(|step| step.cause != Cause::Drift);
    let must = changes.map(|step| step.key.name().to_owned()).filter(|name| !is_approved(name)).collect();
    (asked, must)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn another_incarnation_or_an_earlier_change_voids_an_approval_and_another_version_does_not(
        needed in any::<bool>(),
        then in proptest::collection::vec(meanwhile(), 0..6),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (asked, must) = runtime.block_on(asked_after(needed, then));
        prop_assert_eq!(asked, must);
    }
}
