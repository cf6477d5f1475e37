//! Which changes void an approval, found by chance: those that change its effect, and no others.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::collections::BTreeSet;
use std::sync::Arc;

use gitops_core::*;
use support::{World, key};

const NAMES: [&str; 6] = ["a", "b", "c", "d", "e", "f"];

/// Something that happens between an approval and the next plan.
#[derive(Clone, Copy, Debug)]
enum Meanwhile {
    /// The commit of the object says something else than was approved.
    Redeclared(usize),
    /// Another client sets the field that the plan changes.
    Edited(usize),
    /// Another client writes the object as it is: only its version moves.
    Touched(usize),
    /// Another client deletes the object.
    Removed(usize),
    /// A commit declares an object that nobody spoke of.
    Declared,
    /// Another process goes on.
    Restarted,
}

fn meanwhile() -> impl proptest::strategy::Strategy<Value = Meanwhile> {
    use proptest::prelude::*;
    prop_oneof![
        (0..6_usize).prop_map(Meanwhile::Redeclared),
        (0..6_usize).prop_map(Meanwhile::Edited),
        (0..6_usize).prop_map(Meanwhile::Touched),
        (0..6_usize).prop_map(Meanwhile::Removed),
        Just(Meanwhile::Declared),
        Just(Meanwhile::Restarted),
    ]
}

/// A gate that wants each update and each creation approved, one by one.
fn each_change() -> Arc<dyn Gate> {
    Arc::new(gate("each", 1, |proposal: &Proposal<'_>| {
        let changes = proposal.plan.steps.iter().filter(|step| step.cause != Cause::Drift);
        changes.fold(Verdict::Allow, |verdict, step| {
            verdict.and(Verdict::needs_approval("each", "it changes").naming([step.key.clone()]))
        })
    }))
}

/// Of six objects the commit changes those that are approved; then things happen, and another plan is made. Gives the names
/// of which somebody is asked, and those of which somebody must be asked.
async fn asked_after(
    approved: BTreeSet<usize>,
    then: Vec<Meanwhile>,
) -> (BTreeSet<String>, BTreeSet<String>) {
    let mut contents = [1; 6];
    let mut extra = false;
    let declare = |world: &World, contents: &[i32; 6], extra: bool| {
        let texts: Vec<String> = contents.iter().map(ToString::to_string).collect();
        let objects = NAMES.iter().zip(&texts).map(|(name, text)| (*name, text.as_str()));
        world.declare(&objects.chain(extra.then_some(("new", "1"))).collect::<Vec<_>>());
    };
    let world = World::with(&[]);
    declare(&world, &contents, extra);
    world.converge().await;
    approved.iter().for_each(|object| contents[*object] = 2);
    declare(&world, &contents, extra);
    let open = || world.open_with(|builder| builder.gate(each_change()), "test");
    let mut engine = open().await.unwrap();
    let plan = engine.plan(&world.cx).await.unwrap();
    engine
        .approve(
            &world.cx,
            engine
                .approval_of(
                    &world.cx,
                    &plan,
                    Approver::new("bo", Through::Review { review: "forge/17".into() }),
                )
                .unwrap(),
        )
        .await
        .unwrap();
    let mut live = [Some(1); 6];
    for event in then {
        match event {
            Meanwhile::Redeclared(object) => contents[object] += 1,
            Meanwhile::Edited(object) if live[object].is_some() => {
                live[object] = Some(9);
                world.memory.edit(&key(NAMES[object]), Some(support::body("9")));
            }
            Meanwhile::Touched(object) if live[object].is_some() => {
                let body = live[object].unwrap().to_string();
                world.memory.edit(&key(NAMES[object]), Some(support::body(&body)));
            }
            Meanwhile::Removed(object) => {
                live[object] = None;
                world.memory.edit(&key(NAMES[object]), None);
            }
            Meanwhile::Declared => extra = true,
            Meanwhile::Restarted => {
                drop(engine);
                engine = open().await.unwrap();
            }
            Meanwhile::Edited(_) | Meanwhile::Touched(_) => {}
        }
        declare(&world, &contents, extra);
    }
    let plan = engine.plan(&world.cx).await.unwrap();
    let verdict = engine.verdict(&world.cx, &plan);
    let asked = verdict.findings().flat_map(|found| &found.keys).map(|key| key.name().to_owned()).collect();
    // Whatever is not drift alone has to be approved, unless exactly this was: the same before and after.
    let changes = plan.steps.iter().filter(|step| step.cause != Cause::Drift);
    let is_approved = |name: &str| {
        let object = NAMES.iter().position(|other| *other == name).filter(|object| approved.contains(object));
        object.is_some_and(|object| (contents[object], live[object]) == (2, Some(1)))
    };
    let must = changes.map(|step| step.key.name().to_owned()).filter(|name| !is_approved(name)).collect();
    (asked, must)
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(48))]

    #[test]
    fn what_changes_the_effect_voids_an_approval_and_nothing_else_does(
        approved in proptest::collection::btree_set(0..6_usize, 1..5),
        then in proptest::collection::vec(meanwhile(), 0..6),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (asked, must) = runtime.block_on(asked_after(approved, then));
        proptest::prop_assert_eq!(asked, must);
    }
}
