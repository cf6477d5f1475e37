//! What people read of a plan.

use super::*;
use gitops_core::{ComponentChange, Components, Diff, FieldChange, Taken, Value};
use serde_json::{Value as Json, json};

fn zeros() -> String {
    "0".repeat(64)
}

/// A step as a saved plan has it.
fn step(name: &str, action: &str, cause: &str, reason: Json) -> Json {
    let (key, source) = (format!("dir:File/-/{name}"), "./site.git");
    let risk = if action == "delete" { json!(["delete"]) } else { json!([]) };
    json!({
        "key": key, "action": action, "cause": cause, "reason": reason, "expect": null, "preview": null,
        "desired": (action != "delete").then(zeros), "after": [], "risk": risk,
        "provenance": { "source": source, "revision": "4a1b2c3", "path": name, "line": 0 },
    })
}

fn plan(parts: Json) -> Plan {
    let mut plan = json!({
        "id": "7f3c9e12ab34".to_owned() + &"0".repeat(52),
        "application": "site",
        "revision": { "id": "4a1b2c3d4e5f67890a1b2c3d4e5f67890a1b2c3d", "name": "main" },
        "observed_at": "2026-11-24T12:04:31Z",
        "basis": {
            "source": "./site.git branch main", "engine": "gitops-core 0.1.0",
            "desired": zeros(), "gates": zeros(), "options": zeros(),
        },
        "steps": [], "drift": [], "blocked": [], "orphaned": [], "owned": 400, "unchanged": 412,
    });
    plan.as_object_mut().unwrap().extend(parts.as_object().unwrap().clone());
    serde_json::from_value(plan).unwrap()
}

fn update(name: &str, cause: &str) -> Json {
    step(name, "update", cause, json!({ "code": "differs", "fields": 1 }))
}

fn field(path: &str, before: impl Into<Value>, after: impl Into<Value>) -> Diff {
    let (before, after) = (Some(before.into()), Some(after.into()));
    std::iter::once(FieldChange::new(path.to_owned(), before, after)).collect()
}

fn drawn(plan: &Plan, verdict: &Verdict, columns: Columns) -> String {
    let next = Some(format!("gitops apply --plan-id {}", plan.id.short()));
    let text = PlanView {
        plan,
        verdict,
        target: "./live".to_owned(),
        commits: None,
        columns,
        next,
        why: "gitops why".to_owned(),
        each: Some("gitops plan --all".to_owned()),
        drift_looked_for: true,
    }
    .text();
    anstream::adapter::strip_str(&text).to_string()
}

fn busy() -> Plan {
    let mut plan = plan(json!({
        "steps": [
            step("old.html", "delete", "this_change", json!({ "code": "undeclared" })),
            update("conf/app.toml", "this_change"),
            update("index.html", "this_change"),
            update("robots.txt", "drift"),
            step("new.html", "create", "this_change", json!({ "code": "new" })),
        ],
        "blocked": [{ "key": "dir:File/-/foreign", "why": { "code": "unlabelled" } }],
        "orphaned": ["dir:File/-/kept"],
    }));
    plan.steps[1].diff = field("/executable", false, true);
    plan.orphaned_because = [(plan.orphaned[0].clone(), OrphanedBecause::MarkedToStay)].into();
    plan.steps[2].diff = field("/content", "one\ntwo\n", "one\n2\nthree\n");
    plan
}

#[test]
fn a_plan_shows_risks_steps_drift_and_the_way_on() {
    insta::assert_snapshot!(drawn(&busy(), &Verdict::Allow, Columns::Within(100)), @r"
    Plan 7f3c9e12ab34  site → ./live  commit 4a1b2c3d4e5f (main)  observed 2026-11-24T12:04:31.000Z
    DANGER: File/old.html will be DELETED
      -  delete  dir  File/old.html       no longer declared       was old.html
      ~  update  dir  File/conf/app.toml  executable false → true  conf/app.toml
      ~  update  dir  File/index.html     content +2 −1 lines      index.html
      +  create  dir  File/new.html       new                      new.html
    Existing drift: 1 object (corrected by this plan)
      ~  update  dir  File/robots.txt  1 field differs  robots.txt
    Blocked: 1 object (nothing is done about it, and what needs it waits)
      !  conflict  dir  File/foreign  it is there and was not made by us
      = help: adopt it: `sync: { adopt: true }`; or remove it from the target, or from the source
      More:  gitops why File/foreign
    Orphaned: 1 object no longer declared and not deleted, because an annotation on it says so:
        File/kept
    Plan: 1 to create, 3 to update, 0 to replace, 1 to delete, 1 blocked; 412 unchanged.
    DANGER: File/old.html will be DELETED
    Apply it:  gitops apply --plan-id 7f3c9e12ab34
    ");
}

#[test]
fn what_is_protected_and_what_goes_with_it_comes_first() {
    let mut steps = ["claim", "legacy", "old.html"]
        .map(|name| step(name, "delete", "this_change", json!({ "code": "undeclared" })));
    for step in &mut steps[..2] {
        step["risk"] = json!(["delete", "protected"]);
    }
    let mut plan = plan(json!({ "steps": steps }));
    plan.steps[1].takes = vec![
        Taken::new("Deployment.apps", Whose::Ours, ["web"]),
        Taken::new("ConfigMap", Whose::Others, ["theirs", "others"]),
        Taken::unknown("Secret", "may not be listed"),
    ];
    insta::assert_snapshot!(drawn(&plan, &Verdict::Allow, Columns::Within(100)), @r"
    Plan 7f3c9e12ab34  site → ./live  commit 4a1b2c3d4e5f (main)  observed 2026-11-24T12:04:31.000Z
    DANGER: 2 protected objects will be DELETED: File/legacy, File/claim
    DANGER: File/old.html will be DELETED
      -  delete  dir  File/claim     no longer declared  was claim
      -  delete  dir  File/legacy    no longer declared  was legacy
      !  takes   dir    1 × Deployment.apps of this application: web
      !  takes   dir    2 × ConfigMap of others: others, theirs
      !  takes   dir    an unknown number of Secret (may not be listed)
      -  delete  dir  File/old.html  no longer declared  was old.html
    Plan: 0 to create, 0 to update, 0 to replace, 3 to delete; 412 unchanged.
    DANGER: 2 protected objects will be DELETED: File/legacy, File/claim
    DANGER: File/old.html will be DELETED
    Apply it:  gitops apply --plan-id 7f3c9e12ab34
    ");
}

#[test]
fn resources_are_listed_below_their_root_and_targets_are_counted_apart() {
    let mut root = update("net", "this_change");
    root["key"] = json!("infra:Root/-/net");
    let mut plan = plan(json!({ "steps": [root, update("index.html", "this_change")] }));
    let change = |name: &str, action: &str| ComponentChange::new(name, "terraform_data", action);
    plan.steps[0].components = Components::new(
        2,
        vec![
            change("terraform_data.a", "update"),
            change("terraform_data.ab", "create"),
            change("terraform_data.b", "move"),
        ],
    );
    let input = field("/update/terraform_data.a/input", 3, 4);
    let made = field("/create/terraform_data.ab", "", "x");
    plan.steps[0].diff = input.fields().iter().chain(made.fields()).cloned().collect();
    insta::assert_snapshot!(drawn(&plan, &Verdict::Allow, Columns::Within(100)), @r"
    Plan 7f3c9e12ab34  site → ./live  commit 4a1b2c3d4e5f (main)  observed 2026-11-24T12:04:31.000Z
      ~  update  infra  Root/net            3 resources      net
      ~  update  infra    terraform_data.a  input 3 → 4
      +  create  infra    terraform_data.ab
      ·  move    infra    terraform_data.b
      ~  update  dir    File/index.html     1 field differs  index.html
    Plan: 0 to create, 2 to update, 0 to replace, 0 to delete; 412 unchanged.
      dir: 0 to create, 1 to update, 0 to replace, 0 to delete
      infra: 0 to create, 1 to update, 0 to replace, 0 to delete
    Apply it:  gitops apply --plan-id 7f3c9e12ab34
    ");
    plan.steps[0].components.changes = vec![change("terraform_data.a", "create"); 30];
    assert!(drawn(&plan, &Verdict::Allow, Columns::Tabs).contains("  and 10 more\n"));
}

#[test]
fn in_a_pipe_the_table_is_tab_separated() {
    let text = drawn(&busy(), &Verdict::Allow, Columns::Tabs);
    assert!(text.contains("-\tdelete\tdir\tFile/old.html\tno longer declared\twas old.html\n"), "{text}");
}

#[test]
fn a_plan_without_steps_says_so_and_offers_nothing() {
    insta::assert_snapshot!(drawn(&plan(json!({})), &Verdict::Allow, Columns::Within(100)), @r"
    Plan 7f3c9e12ab34  site → ./live  commit 4a1b2c3d4e5f (main)  observed 2026-11-24T12:04:31.000Z
    No changes: 412 objects are as declared.
    ");
}

/// Met with a plan in which one object was blocked: it ended with "No changes".
#[test]
fn a_plan_of_blocked_objects_alone_does_not_say_that_nothing_changed() {
    let plan = plan(
        json!({ "blocked": [{ "key": "dir:File/-/a", "why": { "code": "unlabelled" } }], "unchanged": 1 }),
    );
    let text = drawn(&plan, &Verdict::Allow, Columns::Within(100));
    assert!(
        text.ends_with("Nothing can be applied: 1 object is blocked; 1 object is as declared.\n"),
        "{text}"
    );
}

/// Met with `content "evil" → "good"`: nobody could tell which of the two is there now.
#[test]
fn both_sides_of_drift_are_named() {
    let mut plan = plan(json!({ "steps": [update("a", "drift"), update("b", "this_change")] }));
    plan.steps[0].diff = field("/content", "evil", "good");
    plan.steps[1].diff = field("/content", "old", "new");
    let text = drawn(&plan, &Verdict::Allow, Columns::Tabs);
    assert!(text.contains("File/a\tcontent: live \"evil\", declared \"good\"\ta\n"), "{text}");
    assert!(text.contains("File/b\tcontent \"old\" → \"new\"\tb\n"), "{text}");
}

#[test]
fn drift_that_is_left_alone_is_told_apart() {
    let plan = plan(json!({ "drift": [update("index.html", "drift")] }));
    insta::assert_snapshot!(drawn(&plan, &Verdict::Allow, Columns::Within(100)), @r"
    Plan 7f3c9e12ab34  site → ./live  commit 4a1b2c3d4e5f (main)  observed 2026-11-24T12:04:31.000Z
    Existing drift: 1 object (not corrected: `sync.drift` is `report`)
      ~  update  dir  File/index.html  1 field differs  index.html
    No changes: 412 objects are as declared, 1 drifted and not corrected.
    ");
}

#[test]
fn a_gate_has_the_last_word() {
    let plan = plan(json!({ "steps": [update("index.html", "this_change")] }));
    let verdict = Verdict::needs_approval("mass-delete", "9 of 10 objects would be deleted");
    insta::assert_snapshot!(drawn(&plan, &verdict, Columns::Within(100)), @r"
    Plan 7f3c9e12ab34  site → ./live  commit 4a1b2c3d4e5f (main)  observed 2026-11-24T12:04:31.000Z
      ~  update  dir  File/index.html  1 field differs  index.html
    Plan: 0 to create, 1 to update, 0 to replace, 0 to delete; 412 unchanged.
    Needs an approval: mass-delete: 9 of 10 objects would be deleted
    Apply it:  gitops apply --plan-id 7f3c9e12ab34
    ");
}

#[test]
fn text_from_a_repository_can_not_rewrite_the_screen() {
    let mut plan = plan(json!({ "steps": [update("a\u{1b}[2Jb\n", "this_change")] }));
    plan.steps[0].diff = field("/content", "x\u{1b}[31m", "y");
    let text = drawn(&plan, &Verdict::Allow, Columns::Within(100));
    assert!(!text.contains('\u{1b}') && text.contains("a\\u{1b}[2Jb\\n"), "{text}");
}
