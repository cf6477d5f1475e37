//! The first plans of a process that are of other revisions, as a review makes them.

use std::fs;
use std::process::Command;
use std::sync::{Arc, Mutex};

use gitops_app::session::{Access, Session};
use gitops_core::{Cx, Event, Plan, Revision, System};
use serde_json::Value;

use super::{Ahead, World, damaged, meddle, name, next, shown};

/// Which of the first looks a process takes.
#[derive(Clone, Copy, Debug, PartialEq)]
enum First {
    /// That of a review by hand.
    Once,
    /// That of a server, which reviews again and again.
    Again,
    /// That of somebody who wants one plan.
    Alone,
}

/// How many parts were rendered, and how many objects were asked for.
type Cost = (usize, usize);

/// A process that plans the branch `main` and then, from the same look, the branch `next`; and its own plan after that.
async fn review(world: &World, first: First) -> (Vec<String>, Cost) {
    let cx = Cx::new(Arc::new(Ahead), Arc::new(System));
    let cost = Arc::new(Mutex::new((0, 0)));
    let told = cost.clone();
    let events = Arc::new(move |event: &Event| match event {
        Event::Rendered { parts, .. } => told.lock().unwrap().0 += *parts,
        Event::Observed { asked } => told.lock().unwrap().1 += *asked,
        _ => {}
    });
    let builder = Session::builder(&world.config).access(Access::Look).events(events);
    let mut session = Box::pin(builder.open(&cx)).await.unwrap();
    let [base, head] = ["main", "next"].map(|branch| revision(world, branch));
    let engine = &mut session.engine;
    let one = match first {
        First::Once => engine.first_at(&cx, &base).await,
        First::Again => engine.again_at(&cx, &base).await,
        First::Alone => engine.plan_at(&cx, &base).await,
    };
    let other = match first {
        First::Alone => engine.plan_at(&cx, &head).await,
        _ => engine.next_at(&cx, &head).await,
    };
    let cost = *cost.lock().unwrap();
    let own = engine.plan(&cx).await.unwrap();
    let plans = [one.unwrap().plan, other.unwrap().plan, own];
    (plans.iter().map(said).collect(), cost)
}

/// A plan as text, without the revision at which a declaration was read: that of an unchanged file is any that has it.
fn said(plan: &Plan) -> String {
    let mut plan: Value = serde_json::from_str(&shown(plan)).unwrap();
    for step in plan["steps"].as_array_mut().unwrap() {
        step["provenance"].as_object_mut().unwrap().remove("revision");
    }
    plan.to_string()
}

fn revision(world: &World, branch: &str) -> Revision {
    let mut git = Command::new("git");
    let output = git.args(["rev-parse", branch]).current_dir(world.path("origin")).output().unwrap();
    Revision::new(String::from_utf8(output.stdout).unwrap().trim(), branch)
}

/// The same of a process that finds nothing kept; what is kept stays as it is.
async fn review_anew(world: &World, first: First) -> Vec<String> {
    let aside = world.path("aside");
    let had = fs::rename(world.kept(), &aside).is_ok();
    let (plans, _) = review(world, first).await;
    drop(fs::remove_file(world.kept()));
    if had {
        fs::rename(aside, world.kept()).unwrap();
    }
    plans
}

/// A change on the branch `next`, which begins at what `main` is now.
fn propose(world: &World, text: &str) {
    world.git(&["checkout", "-q", "-B", "next"]);
    world.declare(&name(7), text);
    world.commit();
    world.git(&["checkout", "-q", "main"]);
}

const ALL: [First; 3] = [First::Once, First::Again, First::Alone];

/// Met in a server that had just begun: its first review read ten thousand files, and asked about each of them.
#[tokio::test]
async fn the_first_review_of_a_process_costs_what_changed() {
    let world = World::with_files(40);
    world.apply().await;
    world.plan().await;
    propose(&world, "second\n");
    for first in ALL {
        let (kept, right) = (fs::read(world.kept()).unwrap(), review_anew(&world, first).await);
        assert_eq!(review(&world, first).await, (right, (1, 1)), "{first:?}");
        fs::write(world.kept(), kept).unwrap();
    }
    fs::remove_file(world.kept()).unwrap();
    assert_eq!(review(&world, First::Once).await.1, (41, 41), "without what was kept");
}

#[tokio::test]
async fn what_happened_between_two_processes_is_seen_by_the_first_review_of_the_second() {
    let world = World::with_files(30);
    world.apply().await;
    world.plan().await;
    propose(&world, "second\n");
    let kept = fs::read(world.kept()).unwrap();
    fs::write(world.live(&name(3)), "by hand\n").unwrap();
    fs::remove_file(world.live(&name(5))).unwrap();
    for first in ALL {
        fs::write(world.kept(), &kept).unwrap();
        let right = review_anew(&world, first).await;
        let (plans, cost) = review(&world, first).await;
        assert_eq!(plans, right, "{first:?}");
        assert!(cost.1 < 8, "{first:?} asked for {}", cost.1);
    }
}

#[tokio::test]
async fn whatever_of_what_was_kept_is_damaged_a_review_says_the_same() {
    let world = World::with_files(20);
    world.apply().await;
    world.plan().await;
    world.declare(&name(3), "second\n");
    world.git(&["rm", "-q", &format!("site/{}", name(7))]);
    world.commit();
    propose(&world, "third\n");
    let whole = fs::read(world.kept()).unwrap();
    for (bytes, first) in damaged(&whole).zip(ALL.into_iter().cycle()) {
        fs::write(world.kept(), bytes).unwrap();
        let right = review_anew(&world, first).await;
        assert_eq!(review(&world, first).await.0, right, "{first:?}");
    }
}

#[tokio::test]
async fn whatever_happens_in_between_a_review_that_goes_on_says_what_one_says_that_begins_anew() {
    let mut seed = 5;
    let world = World::with_files(24);
    world.apply().await;
    world.plan().await;
    for step in 0..40 {
        meddle(&world, &mut seed, step);
        propose(&world, &format!("proposed in step {step}\n"));
        let before = fs::read(world.kept()).unwrap();
        let first = ALL[next(&mut seed) % 3];
        let (plans, _) = review(&world, first).await;
        assert_eq!(plans, review_anew(&world, first).await, "{first:?} in step {step}");
        match step % 3 {
            // What is kept grows old.
            0 => fs::write(world.kept(), before).unwrap(),
            1 => world.apply().await,
            _ => {}
        }
    }
}
