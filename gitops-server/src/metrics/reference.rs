//! The page of the book about metrics, made from what a process answers.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;

use gitops_core::{Action, Cx, Digest, Event, EventSink, GroupKind, Key, Obstacle, PlanId};

use super::Metrics;

const HEAD: &str = "\
# Reference: metrics

This page is made from the code, and a test compares the two. `gitops serve` and the controller answer `/metrics` in the text format of
`OpenMetrics`; an embedder gets the same from `gitops_server::Metrics`. A metric is there from its first value on.
A process that does not work with an application,
because another one has the lease or it left the configuration, has no gauge that says how it stands.
No label holds the name of an object, a text of an error or a value.

| Metric | Type | Labels | Says |
| --- | --- | --- | --- |
";

const TAIL: &str = "
## Labels

| Label | Values |
| --- | --- |
| `application` | the name of the application |
| `action` | `create`, `update`, `replace`, `delete` |
| `obstacle` | `fault`, `conflict`, `missing-rights`, `approval`, `wait`: see [What is blocked](command.md#what-is-blocked) |
| `forge` | the last part of the webhook's path: `github`, `gitlab`, `gitea`; `unknown` where it is none of them |
| `repository` | the repository on the forge, `owner/name` |
| `route` | the path of the call with names in braces |
| `method` | `GET`, `POST` and so on |
| `status` | of the answer; `none` if none came |
| `command` | the name of a command in a comment: see [Commands](serve.md#commands) |

| `result` of | Values |
| --- | --- |
| `gitops_reconciliations_total` | `converged`; `incomplete`: something failed or is blocked; `failed`: it could not be made at all |
| `gitops_changes_total` | `sent`, then one of `done`, `differs` (the target holds something else than was declared), `failed`, `unknown` (nobody knows whether it was made) |
| `gitops_webhooks_total` | `taken`; `repeated`: it came before; `elsewhere`: it is of another repository; `forged`: its signature is not right; `unreadable`; `no-such-forge` |
| `gitops_reviews_total` | `told`: something was written to the forge; `unchanged`; `failed` |
| `gitops_commands_total` | `begun`: it is answered by a review; `done`; `refused` |

## Alerts to begin with

| Expression | Means |
| --- | --- |
| `time() - gitops_converged_timestamp_seconds > 3600` | for an hour the application was not found as declared |
| `sum by (application) (gitops_blocked_objects{obstacle!=\"wait\"}) > 0` | objects are blocked: `gitops status` says why |
| `increase(gitops_reconciliations_total{result=\"failed\"}[15m]) > 3` | reconciliations can't be made: look at the log |
| `increase(gitops_changes_total{result=\"unknown\"}[1h]) > 0` | a change had no answer; the next reconciliation looks it up |
| `gitops_config_last_reload_successful == 0` | the configuration was changed to one that can't be used, and the one before is at work: look at the log |
| `gitops_forge_calls_left < 100` | the forge will refuse calls soon: reviews come late |
| `sum by (application) (gitops_leader) != 1` | no process, or more than one, works with the application |
";

/// A process in which everything was counted once.
fn counted() -> String {
    let metrics = Arc::new(Metrics::new(Cx::system()));
    let of = metrics.of("shop");
    of.leads(true);
    let key = Key::new("dir", GroupKind::new("", "File"), "", "a");
    let plan = PlanId::new(Digest::of(b"plan"));
    for event in [
        Event::Rendered { parts: 1, objects: 1 },
        Event::Planned { plan, considered: 1, diffed: 0, steps: 0, blocked: 0 },
        Event::Started { key: key.clone(), action: Action::Update },
        Event::Journaled { records: 1 },
        Event::Blocked { key, obstacle: Obstacle::Fault, reason: String::new() },
        Event::Finished { applied: 0, failed: 0, blocked: 0, skipped: 0 },
    ] {
        of.event(&event);
    }
    metrics.webhook("gitea", "taken");
    metrics.review("platform/site", "told");
    metrics.command("plan", "done");
    metrics.called("platform/site", ("GET", "/repos/{owner}/{repo}"), Some(200), Some(4_000));
    metrics.text()
}

/// The names of the labels in a line such as `name{first="1",second="2"} 1`.
fn labels(line: &str) -> Vec<&str> {
    let labels =
        line.split_once('{').and_then(|(_, rest)| rest.rsplit_once('}')).map_or("", |(labels, _)| labels);
    labels.split(',').filter_map(|label| Some(label.split_once('=')?.0)).collect()
}

fn page() -> String {
    let text = counted();
    let (mut says, mut kinds) = (BTreeMap::new(), BTreeMap::new());
    let mut page = HEAD.to_owned();
    let mut seen = BTreeSet::new();
    for line in text.lines() {
        if let Some((name, help)) = line.strip_prefix("# HELP ").and_then(|rest| rest.split_once(' ')) {
            says.insert(name, help.trim_end_matches('.'));
        } else if let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|rest| rest.split_once(' '))
        {
            kinds.insert(name, kind);
        } else if let Some((name, _)) = line.split_once(['{', ' ']).filter(|(name, _)| *name != "#") {
            let family = name.strip_suffix("_total").unwrap_or(name);
            if seen.insert(family) {
                let labels: Vec<String> = labels(line).iter().map(|label| format!("`{label}`")).collect();
                let _ = writeln!(
                    page,
                    "| `{name}` | {} | {} | {} |",
                    kinds[family],
                    labels.join(", "),
                    says[family]
                );
            }
        }
    }
    let all = kinds.keys().copied().collect::<BTreeSet<_>>();
    assert_eq!(seen, all, "let the test count something of each metric");
    page + TAIL
}

#[test]
fn the_page_on_metrics_has_every_metric() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/metrics.md");
    testbed::assert_kept(&path, &page());
}

/// A metric that is registered is in the page: one without a value is not in the text.
#[test]
fn everything_that_is_registered_is_counted_by_the_test() {
    let source = include_str!("../metrics.rs");
    let register = source.split("fn register(").nth(1).and_then(|rest| rest.split("\n    }\n").next());
    let registered = register.expect("there is a function").matches("registry.register(").count();
    let types = counted().lines().filter(|line| line.starts_with("# TYPE ")).count();
    assert_eq!(types, registered);
}

/// The results that the page lists are the ones that the code counts.
#[test]
fn every_result_of_the_page_is_counted_somewhere() {
    let sources = [
        include_str!("../metrics.rs"),
        include_str!("../http/mod.rs"),
        include_str!("../reviews/review.rs"),
        include_str!("../reviews/look.rs"),
    ];
    let rows = TAIL.lines().filter(|line| line.starts_with("| `gitops_"));
    let words = rows.flat_map(|row| row.split('`').skip(3).step_by(2));
    let unknown: Vec<&str> =
        words.filter(|word| !sources.iter().any(|source| source.contains(&format!("\"{word}\"")))).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}
