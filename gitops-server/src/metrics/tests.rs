use gitops_core::{Diagnostic, GroupKind};

use super::*;

const CANARY: &str = "canary-7f3a9";

fn key() -> Key {
    Key::new("tf", GroupKind::new("", "Root"), "", format!("app[\"{CANARY}\"]"))
}

fn events() -> Vec<Event> {
    let (key, text) = (key(), || format!("it said {CANARY}"));
    vec![
        Event::Started { key: key.clone(), action: Action::Update },
        Event::Applied { key: key.clone(), action: Action::Update },
        Event::Differs { key: key.clone(), fields: vec![format!("/data/{CANARY}")] },
        Event::Waiting { key: key.clone(), reason: text() },
        Event::Failed { key: key.clone(), error: text(), help: Some(text()), unknown: false },
        Event::Failed { key: key.clone(), error: text(), help: Some(text()), unknown: true },
        Event::Blocked { key: key.clone(), obstacle: Obstacle::Fault, reason: text() },
        Event::WatchFailed { target: "tf".to_owned(), error: text() },
        Event::Finished { applied: 1, failed: 1, blocked: 1, skipped: 0 },
        Event::Suspended { reason: text(), by: text() },
        Event::ReconcileFailed {
            error: text(),
            help: Some(text()),
            diagnostics: vec![Diagnostic::error("GO0101", text(), text())],
        },
    ]
}

/// Whoever may look at the metrics may look at nothing else: keys of `for_each` and texts of errors hold secrets.
#[test]
fn no_label_holds_the_name_of_an_object_or_the_text_of_an_error() {
    let metrics = Arc::new(Metrics::new(Cx::system()));
    let of = metrics.of("shop");
    events().iter().for_each(|event| of.event(event));
    let text = metrics.text();
    assert!(text.contains("gitops_blocked_objects"), "{text}");
    assert!(!text.contains("canary"), "{text}");
}

/// A change that the target made something else of counted as done, and one that failed did not count.
#[test]
fn what_came_of_a_change_is_counted_by_its_action() {
    let metrics = Arc::new(Metrics::new(Cx::system()));
    let of = metrics.of("shop");
    events().iter().for_each(|event| of.event(event));
    for result in ["sent", "done", "differs", "failed", "unknown"] {
        let line =
            format!("gitops_changes_total{{application=\"shop\",action=\"update\",result=\"{result}\"}} 1");
        assert!(metrics.text().contains(&line), "{result}: {}", metrics.text());
    }
}

/// What a newer commit cut short counted as converged, so that nobody heard of an application that never came to its end.
#[test]
fn what_was_cut_short_is_not_converged() {
    let metrics = Arc::new(Metrics::new(Cx::system()));
    let of = metrics.of("shop");
    of.event(&Event::Finished { applied: 3, failed: 0, blocked: 0, skipped: 7 });
    let text = metrics.text();
    assert!(text.contains("result=\"incomplete\"} 1"), "{text}");
    assert!(!text.contains("gitops_converged_timestamp_seconds{"), "{text}");
}

/// A process that had lost the lease went on saying when the application had converged last, so that the alert on it fired for ever;
/// and one that an application had left went on saying that nothing of it is blocked.
#[test]
fn who_does_not_work_with_an_application_says_nothing_of_how_it_stands() {
    let metrics = Arc::new(Metrics::new(Cx::system()));
    let (of, other) = (metrics.of("shop"), metrics.of("site"));
    let of_shop = |metrics: &Metrics| -> Vec<String> {
        let text = metrics.text();
        let gauges = ["declared_objects", "planned_steps", "blocked_objects", "converged_timestamp_seconds"];
        let is_gauge = |line: &&str| gauges.iter().any(|name| line.starts_with(&format!("gitops_{name}{{")));
        text.lines().filter(is_gauge).filter(|line| line.contains("shop")).map(str::to_owned).collect()
    };
    for of in [&of, &other] {
        of.leads(true);
        of.event(&Event::Rendered { parts: 1, objects: 1 });
        let (plan, considered, diffed) = (gitops_core::PlanId::new(gitops_core::Digest::of(b"plan")), 1, 0);
        of.event(&Event::Planned { plan, considered, diffed, steps: 0, blocked: 0 });
        of.event(&Event::Blocked { key: key(), obstacle: Obstacle::Fault, reason: String::new() });
    }
    assert_eq!(of_shop(&metrics).len(), 4, "{}", metrics.text());
    of.leads(false);
    assert!(of_shop(&metrics).is_empty(), "{}", metrics.text());
    assert!(metrics.text().contains("gitops_leader{application=\"shop\"} 0"), "{}", metrics.text());
    // Its engine tells anew what blocks objects.
    of.leads(true);
    of.event(&Event::Blocked { key: key(), obstacle: Obstacle::Fault, reason: String::new() });
    assert!(of_shop(&metrics)[0].ends_with(" 1"), "{}", metrics.text());
    of.leads(false);
    metrics.forget("shop");
    let gauges: Vec<_> =
        metrics.text().lines().filter(|line| line.contains("leader{")).map(str::to_owned).collect();
    assert_eq!(gauges, ["gitops_leader{application=\"site\"} 1"]);
    assert!(metrics.text().contains("gitops_blocked_objects{application=\"site\",obstacle=\"fault\"} 1"));
}
