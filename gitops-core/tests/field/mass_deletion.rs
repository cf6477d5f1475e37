//! The guard against mass deletions over time: many small ones are one, and what was approved is not asked for again.

use gitops_core::*;

use crate::support::{World, yes};

/// `stuck`, and so many others.
fn files(names: &[String], stuck: &'static str) -> Vec<(String, String)> {
    let others = names.iter().map(|name| (name.clone(), "1".to_owned()));
    others.chain([("stuck".to_owned(), stuck.to_owned())]).collect()
}

fn declare(world: &World, files: &[(String, String)]) {
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    world.declare(&files);
}

async fn a_hundred() -> (World, Vec<String>) {
    let names: Vec<String> = (0..99).map(|n| format!("o{n:02}")).collect();
    let world = World::with(&[]);
    declare(&world, &files(&names, "1"));
    world.converge().await;
    (world, names)
}

async fn reconcile(world: &World) -> (usize, bool) {
    let report = world.engine().await.reconcile(&world.cx).await.unwrap();
    let asks = report.plan.obstacles().any(|(_, obstacle)| obstacle == Obstacle::Approval);
    (world.memory.keys().len(), asks)
}

#[tokio::test]
async fn two_small_deletions_while_a_revision_is_in_progress_are_a_large_one() {
    let (world, names) = a_hundred().await;
    world.refuse("stuck");
    declare(&world, &files(&names[..84], "2"));
    assert_eq!(reconcile(&world).await, (85, false), "15 of 100 pass");
    declare(&world, &files(&names[..69], "3"));
    for _ in 0..2 {
        assert_eq!(reconcile(&world).await, (85, true), "15 more do not, in each process");
    }
    let mut engine = world.engine().await;
    let plan = engine.plan(&world.cx).await.unwrap();
    let said = format!("{:?}", engine.verdict(&world.cx, &plan));
    assert!(said.contains("15 of 85 objects would be deleted after 15 since"), "{said}");
    // What a person approved counts for no later deletion.
    engine.apply(&world.cx, &plan, &yes()).await.unwrap();
    drop(engine);
    declare(&world, &files(&names[..68], "4"));
    assert_eq!(reconcile(&world).await, (69, false), "1 more, after the 15 of which nobody was asked");
    // Once all is live, what went before is over.
    world.allow();
    assert_eq!(reconcile(&world).await, (69, false));
    declare(&world, &files(&names[..56], "5"));
    assert_eq!(reconcile(&world).await, (57, false), "12 of 69");
}

#[tokio::test]
async fn a_deletion_that_came_half_way_is_not_asked_for_once_more() {
    let (world, names) = a_hundred().await;
    (69..79).for_each(|n| world.refuse(&names[n]));
    declare(&world, &files(&[&names[..69], &names[89..]].concat(), "1"));
    assert_eq!(reconcile(&world).await, (90, false), "10 of 20 are refused");
    world.allow();
    assert_eq!(reconcile(&world).await, (80, false), "20 of 100 passed");
}

/// One approved deletion, stored, of which a part fails at first, in one process and the next.
#[tokio::test]
async fn what_is_left_of_an_approved_deletion_stays_approved() {
    let (world, names) = a_hundred().await;
    (40..70).for_each(|n| world.refuse(&names[n]));
    declare(&world, &files(&names[..40], "1"));
    assert_eq!(reconcile(&world).await, (100, true));
    let mut engine = world.engine().await;
    let plan = engine.plan(&world.cx).await.unwrap();
    let by = Approver::new("bob", Through::Terminal { uid: 7 });
    let approval = engine.approval_of(&world.cx, &plan, by).unwrap();
    engine.approve(&world.cx, approval).await.unwrap();
    drop(engine);
    for _ in 0..2 {
        assert_eq!(reconcile(&world).await, (71, false), "30 of 59 are refused");
    }
    world.allow();
    assert_eq!(reconcile(&world).await, (41, false));
}
