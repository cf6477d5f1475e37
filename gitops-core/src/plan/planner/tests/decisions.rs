//! What is decided about one object, case by case.
// Long because each case of the decision is a line of its tables.

use super::scene::{FORMER, OWNER, Scene, check, object};
use super::*;
use crate::state::record::ReadinessRecord;
use crate::value::{CleanUp, Ownership, Presence};

/// What a target previews that can't change it in place.
fn replacing() -> Preview {
    Preview::new(std::iter::empty().collect(), Digest::of(b"preview")).replacing(Some("fixed".to_owned()))
}

#[test]
fn what_is_declared_is_made_and_kept_equal() {
    check(&[
        ("as it was left", |_| {}, "nothing"),
        ("never made", |s| (s.it.live, s.it.entry) = (None, None), "create (ThisChange): new"),
        (
            "claimed, and not there",
            |s| {
                s.it.live = None;
                s.it.entry().state = OwnedState::Claimed;
            },
            "create (ThisChange): new",
        ),
        ("deleted outside of Git", |s| s.it.live = None, "create (Drift): deleted"),
        (
            "deleted outside of Git, and changed in it",
            |s| (s.it.live, s.it.object) = (None, Some(object(0, 2))),
            "create (ThisChange): deleted",
        ),
        (
            "its deletion has ended, and it is declared again",
            |s| {
                s.it.live = None;
                s.it.entry().state = OwnedState::Deleting;
            },
            "create (ThisChange): new",
        ),
        ("edited outside of Git", |s| s.it.live = Some(Scene::live(0, 2)), "update (Drift): 1 field"),
        ("changed in Git", |s| s.it.object = Some(object(0, 2)), "update (ThisChange): 1 field"),
        (
            "changed in Git and likewise outside of it",
            |s| (s.it.object, s.it.live) = (Some(object(0, 2)), Some(Scene::live(0, 2))),
            "learned",
        ),
        ("written outside of Git as it was", |s| s.it.live().version = version(7), "learned"),
        ("made anew outside of Git as it was", |s| s.it.live().uid = Uid::new("other"), "learned"),
        (
            "made anew outside of Git, with another content",
            |s| {
                s.it.live().uid = Uid::new("other");
                s.it.live().body = body(2);
            },
            "update (Drift): 1 field",
        ),
        ("what is as it was left is not compared", |s| s.it.live().body = body(2), "nothing"),
        (
            "nobody knows how it was left",
            |s| {
                s.it.live().body = body(2);
                s.it.entry().state = OwnedState::Deleting;
            },
            "update (ThisChange): 1 field",
        ),
        ("ours, and not in the inventory", |s| s.it.entry = None, "learned"),
        ("declared in another file", |s| s.it.object().provenance.path = "moved".into(), "learned"),
        ("it may have been made", |s| s.quarantined = [(key(0), None)].into(), "blocked: we may have made"),
        ("on its way out", |s| s.it.live().presence = Presence::Deleting, "blocked: it is being deleted"),
        (
            "it can't be read",
            |s| s.it.live().presence = Presence::Unreadable("fog".into()),
            "blocked: it can't be read: fog",
        ),
    ]);
}

#[test]
fn what_is_not_ours_is_written_only_where_somebody_said_so() {
    fn unlabelled(scene: &mut Scene) {
        scene.it.entry = None;
        scene.it.live().ownership = Ownership::Unlabelled;
    }
    check(&[
        ("unlabelled", unlabelled, "blocked: it is there and was not made by us"),
        (
            "its identity went with its label, and its content is the same",
            |s| {
                s.it.live().ownership = Ownership::Unlabelled;
                s.it.live().uid = Uid::unlabelled();
            },
            "blocked: it has no owner label any more",
        ),
        (
            "unlabelled, to be adopted",
            |s| {
                unlabelled(s);
                s.options.adopt = true;
            },
            "update (ThisChange): adopted",
        ),
        (
            "unlabelled, to be adopted, can't be changed in place",
            |s| {
                unlabelled(s);
                s.options.adopt = true;
                s.preview = Some(Ok(replacing()));
            },
            "blocked: it was not made by us, and to adopt it would delete it",
        ),
        (
            "of another owner, whatever is to be adopted",
            |s| {
                s.it.live().ownership = Ownership::Owner("other".to_owned());
                s.options.adopt = true;
            },
            "blocked: it belongs to other",
        ),
        (
            "ours, and its label was taken off",
            |s| s.it.live().ownership = Ownership::Unlabelled,
            "update (Drift): its owner label was taken off",
        ),
        (
            "ours, its label was taken off, and Git moved on",
            |s| {
                s.it.live().ownership = Ownership::Unlabelled;
                s.it.object = Some(object(0, 2));
            },
            "update (ThisChange): its owner label was taken off",
        ),
        (
            "another incarnation than ours, without a label",
            |s| {
                s.it.live().ownership = Ownership::Unlabelled;
                s.it.live().uid = Uid::new("other");
            },
            "blocked: it is there and was not made by us",
        ),
        (
            "unlabelled, and one that yields",
            |s| {
                unlabelled(s);
                s.options.adopt = true;
                s.it.object().yields = true;
            },
            "nothing",
        ),
        (
            "ours, edited, and one that yields",
            |s| (s.it.object, s.it.live) = (Some(object(0, 1).yielding()), Some(Scene::live(0, 2))),
            "update (Drift)",
        ),
        (
            "under the former name, where people read it",
            |s| {
                s.it.live().ownership = Ownership::Owner(FORMER.to_owned());
                s.labelled.insert("t".into());
            },
            "update (ThisChange): the owner label moves on from store/",
        ),
        (
            "under the former name, where nobody reads it",
            |s| {
                s.it.live().ownership = Ownership::Owner(FORMER.to_owned());
                s.labelled.insert("other".into());
            },
            "nothing",
        ),
        ("under the name of now, where people read it", |s| s.labelled = ["t".into()].into(), "nothing"),
    ]);
    assert_ne!(OWNER, FORMER);
}

#[test]
fn what_others_made_anew_is_told_of_as_long_as_it_says_that_it_is_ours() {
    check(&[
        (
            "another incarnation, which says that it is ours",
            |s| {
                s.it.object = None;
                s.it.live().uid = Uid::new("other");
            },
            "stays: others made it anew, with our owner label",
        ),
        (
            "another incarnation, after we deleted ours",
            |s| {
                s.it.object = None;
                s.it.live().uid = Uid::new("other");
                s.it.entry().state = OwnedState::Deleting;
            },
            "stays: others made it anew, with our owner label",
        ),
        (
            "another incarnation, without a label",
            |s| {
                s.it.object = None;
                s.it.live().ownership = Ownership::Unlabelled;
                s.it.live().uid = Uid::new("other");
            },
            "gone",
        ),
        (
            "held to stay, another incarnation",
            |s| {
                s.it.object = None;
                s.it.live().uid = Uid::new("other");
                s.it.entry().keep = true;
            },
            "stays: others made it anew",
        ),
    ]);
}

#[test]
fn what_is_no_longer_declared_goes_only_if_it_is_what_we_made_and_nothing_keeps_it() {
    check(&[
        ("ours", |s| s.it.object = None, "delete (ThisChange): no longer declared"),
        ("gone", |s| (s.it.object, s.it.live) = (None, None), "gone"),
        ("never ours", |s| (s.it.object, s.it.entry) = (None, None), "nothing"),
        (
            "never ours, and it can't be read",
            |s| {
                (s.it.object, s.it.entry) = (None, None);
                s.it.live().presence = Presence::Unreadable("fog".into());
            },
            "nothing",
        ),
        (
            "its identity went with its owner label",
            |s| {
                s.it.object = None;
                (s.it.live().ownership, s.it.live().uid) = (Ownership::Unlabelled, Uid::unlabelled());
            },
            "stays: its owner label was taken off",
        ),
        (
            "somebody else's by now",
            |s| {
                s.it.object = None;
                s.it.live().ownership = Ownership::Owner("other".to_owned());
            },
            "gone",
        ),
        (
            "ours, and somebody took the owner label off",
            |s| {
                s.it.object = None;
                s.it.live().ownership = Ownership::Unlabelled;
            },
            "stays: its owner label was taken off",
        ),
        (
            "claimed, and something is there",
            |s| {
                s.it.object = None;
                (s.it.entry().state, s.it.entry().uid) = (OwnedState::Claimed, None);
            },
            "blocked: we meant to make it",
        ),
        (
            "claimed to stay, and something is there",
            |s| {
                s.it.object = None;
                (s.it.entry().state, s.it.entry().uid, s.it.entry().keep) = (OwnedState::Claimed, None, true);
            },
            "stays: it was declared to stay",
        ),
        (
            "declared to stay",
            |s| {
                s.it.object = None;
                s.it.entry().keep = true;
            },
            "stays: it was declared to stay",
        ),
        (
            "marked to stay",
            |s| {
                s.it.object = None;
                s.it.live().keep = true;
            },
            "stays: an annotation",
        ),
        (
            "pruning is off",
            |s| {
                s.it.object = None;
                s.options.prune = false;
            },
            "stays: pruning is off",
        ),
    ]);
}

#[test]
fn what_runs_once_is_made_again_only_if_its_end_is_not_what_was_declared() {
    check(&[
        ("succeeded", |s| s.ended(ReadinessRecord::Ready), "nothing"),
        ("released", |s| s.ended(ReadinessRecord::Released), "nothing"),
        (
            "failed",
            |s| s.ended(ReadinessRecord::Failed("boom".to_owned())),
            "blocked: it failed, and it is gone: boom",
        ),
        ("nobody saw its end", |s| s.ended(ReadinessRecord::None), "blocked: it is gone, and nobody saw"),
        (
            "changed in Git since",
            |s| {
                s.ended(ReadinessRecord::Ready);
                s.it.object = Some(object(0, 2).running_once());
            },
            "create (ThisChange): new",
        ),
        (
            "never made",
            |s| {
                s.ended(ReadinessRecord::Ready);
                s.it.entry().state = OwnedState::Claimed;
            },
            "create (ThisChange): new",
        ),
        (
            "it does not run once any more",
            |s| {
                s.ended(ReadinessRecord::Ready);
                s.it.object().runs_once = false;
            },
            "create (Drift): deleted",
        ),
    ]);
}

#[test]
fn what_ended_is_cleaned_up_as_declared_and_when_nothing_waits_for_it() {
    fn ended(scene: &mut Scene, readiness: ReadinessRecord, succeeded: bool, failed: bool) {
        scene.ended(readiness);
        scene.it.live = Some(Scene::live(0, 1));
        scene.it.object().clean_up = CleanUp::after(succeeded, failed);
    }
    fn succeeded(scene: &mut Scene) {
        ended(scene, ReadinessRecord::Ready, true, false);
    }
    fn failure() -> ReadinessRecord {
        ReadinessRecord::Failed("boom".to_owned())
    }
    const GOES: &str = "delete (ThisChange): it ended";
    check(&[
        ("succeeded", succeeded, GOES),
        ("released", |s| ended(s, ReadinessRecord::Released, true, false), GOES),
        ("nobody saw its end", |s| ended(s, ReadinessRecord::None, true, true), "nothing"),
        ("failed, only success is cleaned up", |s| ended(s, failure(), true, false), "nothing"),
        ("failed", |s| ended(s, failure(), false, true), "delete (ThisChange): it failed"),
        (
            "succeeded, only failure is cleaned up",
            |s| ended(s, ReadinessRecord::Ready, false, true),
            "nothing",
        ),
        (
            "it does not run once",
            |s| {
                succeeded(s);
                (s.it.object().runs_once, s.it.entry().runs_once) = (false, false);
            },
            "nothing",
        ),
        (
            "declared to stay",
            |s| {
                succeeded(s);
                (s.it.object().keep, s.it.entry().keep) = (true, true);
            },
            "nothing",
        ),
        (
            "marked to stay",
            |s| {
                succeeded(s);
                s.it.live().keep = true;
            },
            "nothing",
        ),
        (
            "another one runs",
            |s| {
                succeeded(s);
                s.other().object().runs_once = true;
                s.other().entry().runs_once = true;
            },
            "nothing",
        ),
        (
            "something is to be changed",
            |s| {
                succeeded(s);
                s.other().object = Some(object(1, 2));
            },
            "nothing",
        ),
        (
            "something is blocked",
            |s| {
                succeeded(s);
                s.other().live().presence = Presence::Deleting;
            },
            "nothing",
        ),
        (
            "something drifted and is only told of",
            |s| {
                succeeded(s);
                s.options.drift = DriftPolicy::Report;
                s.other().live = Some(Scene::live(1, 2));
            },
            "nothing",
        ),
    ]);
    let mut scene = Scene::default();
    succeeded(&mut scene);
    assert!(scene.planned().objects.contains_key(&key(0)));
    assert!(scene.asked().is_empty(), "no target is asked to preview a delete that is due anyway");
    scene.other().object = Some(object(1, 2));
    assert_eq!(scene.planned().objects.into_keys().collect::<Vec<_>>(), [key(1)], "it waits");
}

#[test]
fn how_many_were_compared_is_counted() {
    let mut scene = Scene::default();
    assert_eq!(scene.planned().diffed, 0);
    scene.it.live = Some(Scene::live(0, 2));
    assert_eq!(scene.planned().diffed, 1);
    scene.other().live = Some(Scene::live(1, 2));
    assert_eq!(scene.planned().diffed, 2);
}
