//! Applications that come after others.

use crate::run::Running;
use crate::several::{TWO, two};
use crate::support::World;

/// `one` needs `two`, and the changes of `two` want an approval.
fn chained() -> World {
    let world = two();
    let gate = "- name: two\n  gates: [{ name: asked, rule: plan.create == 0, otherwise: needs-approval }]\n";
    let text = TWO.replace("- name: one\n", "- name: one\n  needs: [two]\n");
    world.configure(&text.replace("- name: two\n", gate));
    world
}

#[test]
fn what_is_needed_comes_first_and_what_needs_it_waits_until_it_is_applied() {
    let world = chained();
    let plan = world.gitops(&["plan"]);
    assert!(plan.stdout.find("[two]") < plan.stdout.find("[one]"), "{}", plan.stdout);
    let apply = world.gitops(&["apply", "--yes"]).expect(3).says("not tried: one");
    apply.warns("one is not tried: it needs `two`, which was not applied completely (exit code 3)");
    assert_eq!((world.live("a/page"), world.live("b/page")), (None, None));
    let id = world.json(&["-a", "two", "plan"])["plan_id"].as_str().unwrap().to_owned();
    world.gitops(&["-a", "two", "apply", "--yes", "--plan-id", &id]).expect(0);
    world.gitops(&["apply", "--yes"]).expect(0);
    assert_eq!(world.live("a/page").as_deref(), Some("a\n"));
}

/// Met with a schema that was taken back in an incident: `apply` of all rolled out the program that asks the newer one.
#[test]
fn an_apply_of_all_takes_up_nothing_new_while_its_need_is_held_to_an_older_revision() {
    let world = two();
    world.configure(&TWO.replace("- name: one\n", "- name: one\n  needs: [two]\n"));
    let commit = |text: &str| world.commit(text, &[("a/page", Some(text)), ("b/page", Some(text))]);
    let live = || ["b/page", "a/page"].map(|page| world.live(page).unwrap_or_default());
    commit("1");
    let first = world.git(&["rev-parse", "HEAD"]);
    world.gitops(&["apply", "--yes"]).expect(0);
    commit("2");
    world.gitops(&["apply", "--yes"]).expect(0);
    assert_eq!(live(), ["2"; 2]);
    world.gitops(&["-a", "two", "rollback", &first[..10], "--yes"]).expect(0);
    // What is not new waits for nobody.
    world.gitops(&["apply", "--yes"]).expect(0);
    commit("3");
    let apply = world.gitops(&["apply", "--yes"]).expect(3);
    apply.warns("`two` comes first, and is not at ").warns("it is pinned to ");
    assert_eq!(live(), ["1", "2"]);
    world.gitops(&["-a", "two", "rollback", "--end"]).expect(0);
    world.gitops(&["apply", "--yes"]).expect(0);
    assert_eq!(live(), ["3"; 2]);
}

#[test]
fn a_process_at_work_takes_up_what_is_new_once_its_needs_have_converged() {
    let world = chained();
    let mut running = Running::start(&world);
    while running.wait_for("postponed")["application"] != "two" {}
    assert_eq!(world.live("a/page"), None, "what it needs is not there yet");
    let id = world.json(&["-a", "two", "plan"])["plan_id"].as_str().unwrap().to_owned();
    world.gitops(&["-a", "two", "approve", &id]).expect(0);
    assert_eq!(running.wait_for("applied")["application"], "two");
    assert_eq!(running.wait_for("applied")["application"], "one");
    assert_eq!(world.live("a/page").as_deref(), Some("a\n"));
}

/// Met with a schema and the program that asks it: in five commits of six the program went out first.
#[test]
fn a_commit_that_concerns_all_is_applied_in_the_order_of_their_needs_and_waits_for_who_is_suspended() {
    let world = two();
    let text = TWO.replace("- name: one\n", "- name: one\n  needs: [two]\n");
    let three = "- name: three\n  needs: [one]\n  source: { git: { path: site/c } }\n  \
                 target: { directory: { root: ./live/c } }\n";
    world.configure(&(text + three));
    let commit = |text: &str| {
        world.commit(text, &[("a/page", Some(text)), ("b/page", Some(text)), ("c/page", Some(text))]);
    };
    let live = || ["b/page", "a/page", "c/page"].map(|page| world.live(page).unwrap_or_default());
    commit("0");
    let mut running = Running::start(&world);
    let mut order = || [(); 3].map(|()| running.wait_for("applied")["application"].clone());
    assert_eq!(order(), ["two", "one", "three"]);
    for text in ["1", "2"] {
        commit(text);
        assert_eq!(order(), ["two", "one", "three"], "{text}");
        assert_eq!(live(), [text; 3]);
    }
    world.gitops(&["-a", "two", "suspend", "--reason", "incident 17"]).expect(0);
    commit("3");
    running.until_of("postponed", "three");
    assert_eq!(live(), ["2"; 3]);
    let why = "`two` comes first, and is not at";
    // What a process says of itself is written once a second.
    let says = |line: &[&str], parts: &[&str]| {
        let said = |_| {
            let ran = world.gitops(&[&["-a", "one"], line].concat());
            parts.iter().all(|part| ran.stdout.contains(part))
        };
        assert!((0..200).any(said), "{line:?} says {parts:?}");
    };
    says(&["status"], &[why]);
    says(&["why", "File/page"], &[why, "it is suspended by"]);
    world.gitops(&["-a", "two", "resume", "--yes"]).expect(0);
    assert_eq!([(); 3].map(|()| running.wait_for("applied")["application"].clone()), ["two", "one", "three"]);
    assert_eq!(live(), ["3"; 3]);
}

#[test]
fn a_process_that_keeps_only_one_says_that_it_does_not_wait_for_the_other() {
    let world = chained();
    let ran = world.gitops(&["-a", "one", "--timeout", "5s", "run"]);
    ran.warns("one needs two, which this process does not keep, and does not wait for it");
    assert_eq!(world.live("a/page").as_deref(), Some("a\n"));
}

#[test]
fn a_need_that_can_not_be_met_is_a_fault_with_its_place() {
    let world = two();
    for (needs, says) in [
        ("[twoo]", "`one` needs `twoo`, which is no application here"),
        ("[one]", "applications need each other in a circle: one → one"),
        ("two", "`needs` must be a list, not text"),
        ("[1]", "a name in `needs`"),
    ] {
        world.configure(&TWO.replace("- name: one\n", &format!("- name: one\n  needs: {needs}\n")));
        world.gitops(&["plan"]).expect(1).warns(says).warns("gitops.yaml:5");
    }
    let both = TWO.replace("- name: one\n", "- name: one\n  needs: [two]\n");
    world.configure(&both.replace("- name: two\n", "- name: two\n  needs: [one]\n"));
    world.gitops(&["plan"]).expect(1).warns("in a circle: one → two → one");
    world.configure(&("needs: [two]\n".to_owned() + TWO));
    world.gitops(&["plan"]).expect(1).warns("`needs` can't be shared");
}
