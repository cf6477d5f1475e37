//! What a one-file commit and a reconciliation without change may cost, counted.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use gitops_benches::{Applied, Layout};
use gitops_core::{Cx, Event, Source};

fn planned(events: &[Event]) -> Option<(usize, usize)> {
    events.iter().find_map(|event| match event {
        Event::Planned { considered, diffed, .. } => Some((*considered, *diffed)),
        _ => None,
    })
}

#[tokio::test]
async fn a_one_file_commit_reads_one_blob_and_compares_one_object_in_a_repository_of_any_size() {
    for count in [1_000, 10_000] {
        let mut applied = Applied::with_files(count, Layout::Flat).await;
        applied.repository.change(count / 2);
        applied.events.lock().unwrap().clear();
        let (blobs, folders, observed) =
            (applied.source.blobs(), applied.source.folders(), applied.target.observed());
        let plan = applied.engine.replan(&Cx::system()).await.unwrap();
        assert_eq!((plan.steps.len(), plan.unchanged), (1, count - 1));
        assert_eq!(applied.source.blobs() - blobs, 1, "blobs read of {count}");
        assert_eq!(applied.target.observed() - observed, 1, "objects asked for of {count}");
        assert_eq!(planned(&applied.events.lock().unwrap()), Some((1, 1)), "objects compared of {count}");
        assert!(applied.source.folders() - folders <= 4, "the two folders on the way, old and new");
    }
}

#[tokio::test]
async fn a_one_file_commit_looks_at_the_folders_on_its_way_alone() {
    let mut applied = Applied::with_files(10_000, Layout::Deep).await;
    applied.repository.change(5_000);
    let (folders, entries) = (applied.source.folders(), applied.source.entries());
    applied.engine.replan(&Cx::system()).await.unwrap();
    assert_eq!(applied.source.folders() - folders, 8, "the root, an area, a team and a unit, old and new");
    assert_eq!(applied.source.entries() - entries, 2 * (1 + 10 + 10 + 100));
}

#[tokio::test]
async fn a_pass_without_change_reads_nothing_and_writes_nothing() {
    let mut applied = Applied::with_files(1_000, Layout::Flat).await;
    let before = (
        applied.source.blobs(),
        applied.source.folders(),
        applied.target.observed(),
        applied.target.writes(),
    );
    let report = applied.engine.reconcile(&Cx::system()).await.unwrap();
    assert!(report.is_converged() && report.results.is_empty());
    let after = (
        applied.source.blobs(),
        applied.source.folders(),
        applied.target.observed(),
        applied.target.writes(),
    );
    assert_eq!(after, before);
}

/// What a review does: the plan of the target branch, and the plan of the merge from the same look.
#[tokio::test]
async fn a_review_of_a_one_file_change_reads_one_blob_and_asks_about_one_object_beside_its_first_plan() {
    let cx = Cx::system();
    for count in [1_000, 10_000] {
        let mut applied = Applied::with_files(count, Layout::Flat).await;
        let base = applied.source.resolve(&cx).await.unwrap();
        applied.repository.change(count / 2);
        let head = applied.source.resolve(&cx).await.unwrap();
        let counted = |applied: &Applied| (applied.source.blobs(), applied.target.observed());
        let before = counted(&applied);
        let first = applied.engine.first_at(&cx, &base).await.unwrap();
        assert!(first.plan.steps.is_empty(), "{:?}", first.plan);
        assert_eq!(counted(&applied).0, before.0, "the engine had read all of it");
        let before = counted(&applied);
        let next = applied.engine.next_at(&cx, &head).await.unwrap();
        assert_eq!((next.plan.steps.len(), next.plan.unchanged), (1, count - 1));
        let after = counted(&applied);
        assert_eq!(
            (after.0 - before.0, after.1 - before.1),
            (1, 1),
            "blobs read and objects asked for of {count}"
        );
        // What was only looked at leaves no trace: the next real plan is that of the newest revision.
        let plan = applied.engine.plan(&cx).await.unwrap();
        assert_eq!((plan.steps.len(), plan.revision.id()), (1, head.id()));
    }
}
