//! What targets preview and others do: what is written, and what a reviewer should see.

use super::scene::{FORMER, Scene, check, object};
use super::*;
use crate::capability::FieldChange;
use crate::plan::planner::Differing;
use crate::value::{
    ComponentChange, ForeignField, ForeignOutcome, Ownership, Presence, Risk, Secret, SecretKey, Taken, Whose,
};

fn preview(diff: impl IntoIterator<Item = FieldChange>) -> Preview {
    Preview::new(diff.into_iter().collect(), Digest::of(b"preview"))
}

fn edit(before: Option<Value>, after: Option<Value>) -> FieldChange {
    FieldChange::new("/content", before, after)
}

fn foreign(outcome: ForeignOutcome) -> Preview {
    Preview { foreign: vec![ForeignField::new("/content", "kubectl", outcome)], ..preview([]) }
}

#[test]
fn what_a_target_previews_and_what_the_last_write_left_decide_what_is_written() {
    fn written(scene: &mut Scene) {
        scene.it.live().version = version(7);
    }
    fn left_something_else(scene: &mut Scene) {
        scene.it.live = Some(Scene::live(0, 2));
        let state = Expect::from(&Scene::live(0, 2));
        let fields = vec!["/content".to_owned()];
        scene.differing = Some(Differing { desired: body(1).digest(), state, fields });
    }
    check(&[
        (
            "its target sees no difference",
            |s| {
                s.it.live = Some(Scene::live(0, 2));
                s.preview = Some(Ok(preview([])));
            },
            "learned",
        ),
        (
            "its target sees one",
            |s| {
                written(s);
                s.preview = Some(Ok(preview([edit(None, None)])));
            },
            "update (Drift): 1 field",
        ),
        (
            "it can't be changed in place, though no field differs",
            |s| {
                written(s);
                s.preview = Some(Ok(preview([]).replacing(Some("fixed".to_owned()))));
            },
            "replace (Drift): can't be changed in place: fixed",
        ),
        (
            "another client owns a field",
            |s| {
                written(s);
                s.preview = Some(Ok(foreign(ForeignOutcome::Blocked)));
            },
            "blocked: another client owns a declared field",
        ),
        (
            "another client is to own a field",
            |s| {
                written(s);
                s.preview = Some(Ok(foreign(ForeignOutcome::Left { why: "it scales".to_owned() })));
            },
            "learned",
        ),
        (
            "another client owns a field of an object whose label is to move on",
            |s| {
                s.it.live().ownership = Ownership::Owner(FORMER.to_owned());
                s.labelled.insert("t".into());
                s.preview = Some(Ok(foreign(ForeignOutcome::Blocked)));
            },
            "blocked: another client owns a declared field",
        ),
        (
            "the last write left something else",
            left_something_else,
            "blocked: the target holds something else",
        ),
        (
            "the last write left something else, and Git moved since",
            |s| {
                left_something_else(s);
                s.it.object = Some(object(0, 3));
            },
            "update (ThisChange)",
        ),
        (
            "the last write left something else, and it was written since",
            |s| {
                left_something_else(s);
                s.it.live().version = version(7);
            },
            "update (Drift)",
        ),
    ]);
}

#[test]
fn what_is_left_for_the_sake_of_an_object_that_goes_waits_for_that() {
    fn left(scene: &mut Scene) {
        let field =
            ForeignField::new("/content", "scaler", ForeignOutcome::Left { why: "it scales".to_owned() });
        scene.it.live().version = version(7);
        scene.preview = Some(Ok(Preview { foreign: vec![field.held_by(Some(key(1)))], ..preview([]) }));
        scene.other().object = None;
    }
    check(&[
        ("it goes", left, "blocked: a declared field of it is left to"),
        (
            "it is declared",
            |s| {
                left(s);
                s.other().object = Some(object(1, 1));
            },
            "learned",
        ),
        (
            "it stays",
            |s| {
                left(s);
                s.other().entry().keep = true;
            },
            "learned",
        ),
        (
            "it is somebody else's",
            |s| {
                left(s);
                s.other().entry = None;
            },
            "learned",
        ),
        (
            "it is gone",
            |s| {
                left(s);
                s.other().live = None;
            },
            "learned",
        ),
    ]);
}

#[test]
fn what_others_change_again_and_again_is_corrected_rarely_and_changed_at_once() {
    check(&[
        (
            "drift of what others change again and again",
            |s| {
                s.it.live = Some(Scene::live(0, 2));
                s.flapping.insert(key(0), Time::default());
            },
            "blocked: others change it as often",
        ),
        (
            "a change in Git of what others change again and again",
            |s| {
                s.it.object = Some(object(0, 2));
                s.flapping.insert(key(0), Time::default());
            },
            "update (ThisChange)",
        ),
        (
            "drift that is only reported, however often it comes",
            |s| {
                s.it.live = Some(Scene::live(0, 2));
                s.options.drift = DriftPolicy::Report;
                s.flapping.insert(key(0), Time::default());
            },
            "drift, update (Drift)",
        ),
        (
            "a change in Git where drift is only reported",
            |s| {
                s.it.object = Some(object(0, 2));
                s.options.drift = DriftPolicy::Report;
            },
            "update (ThisChange)",
        ),
    ]);
}

#[test]
fn a_target_is_asked_about_drift_that_is_only_reported_and_not_about_what_is_blocked() {
    let mut scene = Scene::default();
    assert!(scene.asked().is_empty());
    scene.it.live().version = version(7);
    assert_eq!(scene.asked(), [key(0)]);
    scene.options.drift = DriftPolicy::Report;
    assert_eq!(scene.asked(), [key(0)]);
    scene.it.live().presence = Presence::Deleting;
    assert!(scene.asked().is_empty());
}

#[test]
fn what_a_reviewer_should_look_at_twice_is_in_the_step() {
    fn replaced(scene: &mut Scene) {
        scene.it.live().version = version(7);
        scene.preview = Some(Ok(preview([]).replacing(Some("fixed".to_owned()))));
    }
    fn updated(scene: &mut Scene, preview: Preview) {
        scene.it.live().version = version(7);
        scene.preview = Some(Ok(preview));
    }
    fn protects(scene: &mut Scene) {
        scene.protected.insert("t".into(), BTreeSet::from([GroupKind::new("", "K")]));
    }
    let component = |risk| ComponentChange {
        name: "db".to_owned(),
        kind: "database".to_owned(),
        action: "update".to_owned(),
        risk,
        before: None,
        after: None,
    };
    let risks = |change: &dyn Fn(&mut Scene)| {
        let mut scene = Scene::default();
        change(&mut scene);
        scene.planned().plan.steps.remove(0).risk
    };
    assert_eq!(risks(&|s| s.it.object = None), [Risk::Delete]);
    assert_eq!(risks(&replaced), [Risk::Replace]);
    assert_eq!(risks(&|s| s.it.object = Some(object(0, 2))), []);
    assert_eq!(risks(&|s| s.it.live = None), []);
    for keep in [|s: &mut Scene| s.it.object().keep = true, |s: &mut Scene| s.it.live().keep = true] {
        let both = |s: &mut Scene| {
            replaced(s);
            keep(s);
        };
        assert_eq!(risks(&both), [Risk::Replace, Risk::Protected], "it was to stay");
        let update = |s: &mut Scene| {
            s.it.object = Some(object(0, 2));
            keep(s);
        };
        assert_eq!(risks(&update), [], "it stays");
    }
    let of_kind = |s: &mut Scene| {
        protects(s);
        s.it.object = None;
    };
    assert_eq!(risks(&of_kind), [Risk::Delete, Risk::Protected]);
    let of_another = |s: &mut Scene| {
        s.protected.insert("t".into(), BTreeSet::from([GroupKind::new("", "Other")]));
        s.protected.insert("other".into(), BTreeSet::from([GroupKind::new("", "K")]));
        s.it.object = None;
    };
    assert_eq!(risks(&of_another), [Risk::Delete]);
    let of_target = |s: &mut Scene| {
        replaced(s);
        s.preview.as_mut().unwrap().as_mut().unwrap().protected = true;
    };
    assert_eq!(risks(&of_target), [Risk::Replace, Risk::Protected]);
    let changed = |s: &mut Scene| {
        protects(s);
        updated(s, Preview { protected: true, ..preview([edit(None, None)]) });
    };
    assert_eq!(risks(&changed), [], "nothing is removed");
    let secret = || Some(Value::Secret(Secret::new("hunter2", &SecretKey::new([7; 32]))));
    for (before, after) in [(secret(), None), (None, secret()), (secret(), secret())] {
        let change = |s: &mut Scene| updated(s, preview([edit(before.clone(), after.clone())]));
        assert_eq!(risks(&change), [Risk::Secret]);
    }
    assert_eq!(risks(&|s| updated(s, preview([edit(Some(body(1)), Some(body(2)))]))), []);
    let parts = |s: &mut Scene| {
        let components = vec![component(Some(Risk::Delete)), component(None), component(Some(Risk::Replace))];
        updated(s, Preview { components, ..preview([edit(None, None)]) });
    };
    assert_eq!(risks(&parts), [Risk::Delete, Risk::Replace]);
}

#[test]
fn what_goes_with_an_object_is_said_only_where_it_is_removed() {
    let takes = |declared: Option<Object>, replace: Option<&str>| {
        let mut scene = Scene::default();
        scene.it.object = declared;
        let takes = vec![Taken::new("members", Whose::Others, ["m"])];
        let preview = Preview { takes, ..preview([edit(None, None)]) };
        scene.preview = Some(Ok(preview.replacing(replace.map(str::to_owned))));
        let step = scene.planned().plan.steps.remove(0);
        assert_eq!(
            step.diff.fields(),
            [edit(None, None)],
            "what the target previewed is shown of every step"
        );
        step.takes.len()
    };
    assert_eq!(takes(None, None), 1);
    assert_eq!(takes(Some(object(0, 2)), Some("fixed")), 1);
    assert_eq!(takes(Some(object(0, 2)), None), 0);
}
