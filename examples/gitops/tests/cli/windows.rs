//! A change that waits for a change window, and what was approved of it.

use std::time::Duration;

use gitops_core::{Clock, System};

use crate::documents::check;
use crate::support::{CONFIG, World};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// An application with a rule of who and a window, which is closed for some days from now on; and a change.
fn world() -> (World, String) {
    let world = World::applied();
    let opens = closed(&world, 3);
    world.commit("Change", &[("index.html", Some("new\n"))]);
    (world, opens)
}

/// Closes the window for some days from now on, and gives the day on which it opens; nothing is closed on day 0.
fn closed(world: &World, days: u32) -> String {
    let now = System.now();
    let day = |time: gitops_core::Time| time.to_string()[..10].to_owned();
    let (from, to) = (day(gitops_core::Time::from_micros(now.as_micros() / 2)), day(now.after(days * DAY)));
    world.configure(&format!(
        "{CONFIG}approvals: [{{ name: people }}]\n\
         windows: [{{ name: freeze, zone: UTC, deny: {{ from: {from}T00:00, to: {to}T00:00 }} }}]\n"
    ));
    format!("{to}T00:00:00.000Z")
}

#[test]
fn what_was_approved_is_told_as_approved_and_the_window_alone_as_what_stands_in_the_way() {
    let (world, opens) = world();
    let id = world.plan_id();
    world.gitops(&["approve", &id]).expect(0);
    let window = format!(
        "change-window: the change window `freeze` denies changes; changes may be made from {opens} on"
    );
    let plan = world.gitops(&["plan"]).expect(3);
    let plan = plan
        .says(&format!("Denied: {window}\n"))
        .says("\nApproved: approvals: approved by alice, terminal (uid ");
    assert_eq!(
        (plan.stdout.matches("Denied: ").count(), plan.stdout.matches("Needs an").count()),
        (1, 0),
        "{plan:?}"
    );
    let status =
        world.gitops(&["status"]).expect(0).says(&format!("{window}; the plan is denied until then\n"));
    let status = status.says("approvals: approved by alice, terminal");
    let said: Vec<&str> = status.stdout.lines().filter(|line| line.contains("approvals: ")).collect();
    assert!(said.len() == 1 && !said[0].contains("denied"), "{status:?}");
    world.gitops(&["status", "--exit-code"]).expect(2);
    let why =
        world.gitops(&["why", "index.html"]).expect(0).says("approvals: approved by alice").says(&window);
    assert_eq!(why.stdout.matches("approvals: ").count(), 1, "it is not waited for too: {why:?}");
    let apply = world
        .gitops(&["apply", "--yes"])
        .expect(3)
        .warns(&format!("a gate denies the plan (gate: {window})"));
    assert!(!apply.stderr.contains("approvals:"), "{apply:?}");

    for kind in ["Plan", "Status"] {
        let document = world.json(&[&*kind.to_lowercase()]);
        check(&document, kind);
        let messages = document["verdict"]["messages"].as_array().unwrap();
        let of = |gate: &str| messages.iter().find(|note| note["gate"] == gate).unwrap();
        let (who, when) = (of("approvals"), of("change-window"));
        assert_eq!((&document["verdict"]["verdict"], &who["verdict"]), (&"deny".into(), &"warn".into()));
        assert!(who["approved_by"].as_str().unwrap().starts_with("alice, terminal"), "{who}");
        assert!(
            when["until"].as_str().unwrap().starts_with(&opens[..10]) && when.get("verdict").is_none(),
            "{when}"
        );
    }
    let why = world.json(&["why", "index.html"]);
    check(&why, "Why");
    assert_eq!((why["approved"].as_array().unwrap().len(), &why["postponed"]), (1, &window.into()));

    // The window opens: what was approved is applied without another question.
    closed(&world, 0);
    let plan = world.gitops(&["plan"]).expect(0).says("Approved: approvals: approved by alice");
    assert!(!plan.stdout.contains("Denied"), "{plan:?}");
    world.gitops(&["apply", "--yes"]).expect(0);
    assert_eq!(world.live("index.html").as_deref(), Some("new\n"));
}

#[test]
fn what_is_not_approved_is_told_beside_the_window_and_can_be_approved_while_that_is_closed() {
    let (world, opens) = world();
    let plan = world.gitops(&["plan"]).expect(3).says("Denied: change-window: ");
    let plan = plan.says("Needs an approval: approvals: the rule `people` wants an approval\n");
    assert_eq!(plan.stdout.matches("Denied: ").count(), 1, "{plan:?}");
    let id = world.plan_id();
    let approve = format!("the rule `people` wants an approval; approve: `gitops approve {}", &id[..12]);
    world.gitops(&["status"]).expect(0).says(&approve).says("; the plan is denied until then\n");
    let why = world.gitops(&["why", "index.html"]).expect(0);
    why.says(&format!("{opens} on; approvals: the rule `people` wants an approval"));
    let needs = format!("{opens} on, needs an approval: approvals: the rule `people` wants an approval)");
    world.gitops(&["apply", "--yes"]).expect(3).warns(&needs);
    world.gitops(&["approve", &id]).expect(0);
    let plan = world.gitops(&["plan"]).expect(3).says("Approved: approvals: ");
    assert!(!plan.stdout.contains("Needs an approval"), "{plan:?}");
}
