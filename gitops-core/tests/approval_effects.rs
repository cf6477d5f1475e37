//! Which changes void an approval, found by chance: those that change its effect, and no others.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use gitops_core::capability::Preview;
use gitops_core::*;
use support::previews::{Previews, fields};
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

/// A gate that wants each change approved, one by one, by its rules of a version.
fn each_change(version: u32) -> Arc<dyn Gate> {
    Arc::new(gate("each", version, |proposal: &Proposal<'_>| {
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
    let open = || world.open_with(|builder| builder.gate(each_change(1)), "test");
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

/// What a target says of a change besides the fields that differ. What is not 0 in the end was not so when it was approved.
#[derive(Clone, Copy, Debug, Default)]
struct Answer {
    /// Of which only the digest knows, such as a serial number.
    serial: u8,
    place: u8,
    component: u8,
    restored: u8,
    replaces: bool,
    /// How many objects of others go with it, where it is removed.
    takes: u8,
}

/// With each object goes one of others when the removals are approved.
const TAKEN: u8 = 1;

impl Answer {
    fn preview(self, object: Option<&Object>, live: Option<&Live>) -> Preview {
        let component = ComponentChange::new("disk", "disk", format!("grows to {}", self.component));
        let restored =
            ForeignField::new("/theirs", format!("robot {}", self.restored), ForeignOutcome::Restored);
        let some = |is_said: u8| usize::from(is_said.min(1));
        let others = ["x", "y", "z"];
        let taken = Taken::new("Thing", Whose::Others, others.into_iter().take(usize::from(self.takes)));
        fields(object, live, Digest::of(&[self.serial]))
            .placed(Digest::of(&[self.place]))
            .made_of([component].into_iter().take(some(self.component)).collect())
            .among([restored].into_iter().take(some(self.restored)).collect())
            .replacing(self.replaces.then(|| "it can't be changed".to_owned()))
            .taking([taken].into_iter().take(some(self.takes)).collect())
    }

    /// Whether a change with this answer does what was approved.
    fn is_as_approved(self, is_removal: bool) -> bool {
        let is_same = (self.place, self.component) == (0, 0);
        is_same && if is_removal { self.takes <= TAKEN } else { self.restored == 0 && !self.replaces }
    }
}

/// What a target says otherwise after the approval, and of which object.
#[derive(Clone, Copy, Debug)]
enum Otherwise {
    Serial(usize, u8),
    Place(usize, u8),
    Component(usize, u8),
    Restored(usize, u8),
    Replaces(usize, bool),
    Takes(usize, u8),
    /// The rules of the gate have another version.
    Rules,
    /// A commit changes another object.
    Commit,
    /// Another process goes on.
    Restarted,
}

fn otherwise() -> impl proptest::strategy::Strategy<Value = Otherwise> {
    use proptest::prelude::*;
    prop_oneof![
        (0..6_usize, 0..3_u8).prop_map(|(object, serial)| Otherwise::Serial(object, serial)),
        (0..6_usize, 0..2_u8).prop_map(|(object, place)| Otherwise::Place(object, place)),
        (0..6_usize, 0..3_u8).prop_map(|(object, component)| Otherwise::Component(object, component)),
        (0..6_usize, 0..2_u8).prop_map(|(object, restored)| Otherwise::Restored(object, restored)),
        (0..6_usize, any::<bool>()).prop_map(|(object, replaces)| Otherwise::Replaces(object, replaces)),
        (0..6_usize, 0..3_u8).prop_map(|(object, takes)| Otherwise::Takes(object, takes)),
        Just(Otherwise::Rules),
        Just(Otherwise::Commit),
        Just(Otherwise::Restarted),
    ]
}

/// The last two objects leave the source where the others are changed.
const REMOVED: usize = 4;

/// The same over a target that previews: the approved objects are changed or removed, and then the target says something else.
async fn asked_after_answers(
    approved: BTreeSet<usize>,
    then: Vec<Otherwise>,
) -> (BTreeSet<String>, BTreeSet<String>) {
    let answers = Arc::new(Mutex::new([Answer { takes: TAKEN, ..Answer::default() }; 6]));
    let world = World::with(&[]);
    let now = answers.clone();
    let says = move |key: &Key, object: Option<&Object>, live: Option<&Live>| {
        let found = NAMES.iter().position(|name| *name == key.name());
        Ok(found.map_or_else(Answer::default, |object| now.lock().unwrap()[object]).preview(object, live))
    };
    let target = Arc::new(Previews::over(&world, says));
    let declare = |is_changed: bool, extra: &str| {
        let all = NAMES.iter().enumerate();
        let is_meant = |object: usize| is_changed && approved.contains(&object);
        let kept = all.filter(|(object, _)| !is_meant(*object) || *object < REMOVED);
        let declared = kept.map(|(object, name)| (*name, if is_meant(object) { "2" } else { "1" }));
        world.declare(&declared.chain([("other", extra)]).collect::<Vec<_>>());
    };
    let open = async |version: u32| {
        world
            .builder("test")
            .target("t", target.clone())
            .gate(each_change(version))
            .open(&world.cx)
            .await
            .unwrap()
    };
    declare(false, "1");
    let mut engine = world.builder("test").target("t", target.clone()).open(&world.cx).await.unwrap();
    let plan = engine.plan(&world.cx).await.unwrap();
    engine.apply(&world.cx, &plan, &support::yes()).await.unwrap();
    drop(engine);

    declare(true, "1");
    let (mut rules, mut engine) = (1, open(1).await);
    let plan = engine.plan(&world.cx).await.unwrap();
    let by = Approver::new("bo", Through::Review { review: "forge/17".into() });
    let approval = engine.approval_of(&world.cx, &plan, by).unwrap();
    engine.approve(&world.cx, approval).await.unwrap();
    for event in then {
        let answer =
            |object: usize, change: &dyn Fn(&mut Answer)| change(&mut answers.lock().unwrap()[object]);
        match event {
            Otherwise::Serial(object, serial) => answer(object, &|it| it.serial = serial),
            Otherwise::Place(object, place) => answer(object, &|it| it.place = place),
            Otherwise::Component(object, component) => answer(object, &|it| it.component = component),
            Otherwise::Restored(object, restored) => answer(object, &|it| it.restored = restored),
            Otherwise::Replaces(object, replaces) => answer(object, &|it| it.replaces = replaces),
            Otherwise::Takes(object, takes) => answer(object, &|it| it.takes = takes),
            Otherwise::Rules => rules = 2,
            Otherwise::Commit => declare(true, "2"),
            Otherwise::Restarted => {}
        }
        if matches!(event, Otherwise::Rules | Otherwise::Restarted) {
            drop(engine);
            engine = open(rules).await;
        }
    }
    let plan = engine.plan(&world.cx).await.unwrap();
    let verdict = engine.verdict(&world.cx, &plan);
    let asked = verdict.findings().flat_map(|found| &found.keys).map(|key| key.name().to_owned()).collect();
    let said = *answers.lock().unwrap();
    let is_approved = |name: &str| {
        let object = NAMES.iter().position(|other| *other == name);
        object.is_some_and(|object| rules == 1 && said[object].is_as_approved(object >= REMOVED))
    };
    let must = plan.steps.iter().map(|step| step.key.name().to_owned()).filter(|name| !is_approved(name));
    (asked, must.collect())
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(48))]

    #[test]
    fn what_a_target_says_of_the_effect_voids_an_approval_and_nothing_else_does(
        approved in proptest::collection::btree_set(0..6_usize, 1..5),
        then in proptest::collection::vec(otherwise(), 0..5),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (asked, must) = runtime.block_on(asked_after_answers(approved, then));
        proptest::prop_assert_eq!(asked, must);
    }
}
