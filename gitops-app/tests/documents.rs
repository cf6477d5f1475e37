//! A program that embeds the crate has the documents of the command, each as its schema says.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::path::Path;
use std::process::Command;

use gitops_app::Backends;
use gitops_app::config::Applications;
use gitops_app::documents::audit_trail::{AuditTrailDocument, Entry};
use gitops_app::documents::deployment::Outcome;
use gitops_app::documents::drift::{self, DriftDocument};
use gitops_app::documents::event::EventDocument;
use gitops_app::documents::graph::{self, Choice, GraphDocument};
use gitops_app::documents::history::{HistoryDocument, ReconciliationDocument};
use gitops_app::documents::list::ListDocument;
use gitops_app::documents::report::ReportDocument;
use gitops_app::documents::status::{StatusDocument, Sync};
use gitops_app::documents::why::{Next, WhyDocument};
use gitops_app::documents::{Document, document};
use gitops_app::lookup;
use gitops_app::session::{Access, Session};
use gitops_core::{ApplyOptions, Cx, Event};

const CONFIG: &str = "\
name: site
source: { git: { url: ./origin, ref: { branch: main }, path: site } }
target: { directory: { root: ./live } }
";

fn git(folder: &Path, arguments: &[&str]) {
    let person = ["-c", "user.name=Ana", "-c", "user.email=ana@example.org"];
    assert!(Command::new("git").args(person).args(arguments).current_dir(folder).status().unwrap().success());
}

#[track_caller]
fn assert_is_as_its_schema_says<D: Document>(document: &D) {
    let json = document::json(document);
    let path = format!("{}/schemas/{}.json", env!("CARGO_MANIFEST_DIR"), D::KIND);
    let schema = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let faults: Vec<String> = validator.iter_errors(&json).map(|fault| fault.to_string()).collect();
    assert!(faults.is_empty(), "{faults:#?}\n{json:#}");
}

#[tokio::test]
async fn a_session_tells_what_the_command_prints() {
    let (folder, cx) = (tempfile::tempdir().unwrap(), Cx::system());
    let (origin, config) = (folder.path().join("origin"), folder.path().join("gitops.yaml"));
    fs::create_dir_all(origin.join("site")).unwrap();
    fs::write(&config, CONFIG).unwrap();
    fs::write(origin.join("site/a.conf"), "one\n").unwrap();
    git(&origin, &["init", "-q", "-b", "main", "."]);
    git(&origin, &["add", "-A"]);
    git(&origin, &["commit", "-q", "-m", "First"]);
    let config = Applications::load(&config, &Backends::new()).unwrap().all.remove(0);
    let mut session = Session::builder(&config).access(Access::Write).open(&cx).await.unwrap();

    let plan = session.engine.plan(&cx).await.unwrap();
    let report = session.engine.apply(&cx, &plan, &ApplyOptions::naming_the_plan("ana")).await.unwrap();
    let document = ReportDocument::new(&report, None, &[], 0);
    assert_eq!((document.applied, document.results.len()), (1, 1));
    assert_is_as_its_schema_says(&document);

    fs::write(folder.path().join("live/a.conf"), "by hand\n").unwrap();
    let plan = session.engine.plan(&cx).await;
    let status = StatusDocument::new(&cx, &session, &plan).await.unwrap();
    assert_eq!((status.sync, status.owned), (Sync::Differs, 1));
    assert_eq!(status.commit.as_ref().map(|commit| &*commit.summary), Some("First"));
    assert_is_as_its_schema_says(&status);

    let plan = plan.as_ref().unwrap();
    let drift = DriftDocument::new(plan, drift::not_asked(&session, "nobody asked"));
    assert_eq!((drift.objects.len(), drift.corrected, drift.not_looked_at.len()), (1, true, 0));
    assert_is_as_its_schema_says(&drift);

    // The same while a commit for the object is pending.
    fs::write(origin.join("site/a.conf"), "two\n").unwrap();
    git(&origin, &["commit", "-q", "-am", "Second"]);
    let pending = session.engine.plan(&cx).await.unwrap();
    let drift = DriftDocument::new(&pending, Vec::new());
    assert_eq!((drift.objects.len(), drift.beside.len()), (0, 1));
    assert_is_as_its_schema_says(&drift);
    let key = lookup::meant(&cx, &session, "a.conf").await.unwrap();
    let why = WhyDocument::new(&cx, &session, &pending, &key).await.unwrap();
    assert_eq!(why.beside.as_ref().map(|part| part.beside.is_known()), Some(true));
    assert_is_as_its_schema_says(&why);
    git(&origin, &["reset", "-q", "--hard", "HEAD~1"]);
    session.engine.plan(&cx).await.unwrap();

    let key = lookup::meant(&cx, &session, "a.conf").await.unwrap();
    let why = WhyDocument::new(&cx, &session, plan, &key).await.unwrap();
    assert!(matches!(why.next, Next::Step { .. }), "{:?}", why.next);
    assert_eq!(why.last_change.as_ref().and_then(|change| change.result.as_deref()), Some("done"));
    assert_is_as_its_schema_says(&why);

    let history = HistoryDocument::new(&cx, &session, 10, false).await.unwrap();
    let [last] = &history.deployments[..] else { panic!("{:?}", history.deployments) };
    assert_eq!((last.result, last.author.as_deref()), (Outcome::Succeeded, Some("Ana <ana@example.org>")));
    assert_is_as_its_schema_says(&history);
    let whole = ReconciliationDocument::new(&cx, &session, last.number).await.unwrap();
    assert_eq!(whole.steps.len(), 1);
    assert_is_as_its_schema_says(&whole);
    assert!(ReconciliationDocument::new(&cx, &session, 999).await.unwrap_err().is_not_found());

    let changed = lookup::changed(&cx, session.audit(), "a.conf").await.unwrap();
    let trail = AuditTrailDocument::new(&cx, &session, Some(changed), None, 10).await.unwrap();
    let [shown] = &trail.entries[..] else { panic!("{:?}", trail.entries) };
    let Entry::Change(change) = &shown.what else { panic!("{shown:?}") };
    assert_eq!((change.key.name(), change.result.as_deref()), ("a.conf", Some("done")));
    assert_eq!(shown.commit.as_ref().map(|commit| &*commit.summary), Some("First"));
    assert_is_as_its_schema_says(&trail);
    assert!(lookup::changed(&cx, session.audit(), "b.conf").await.unwrap_err().is_not_found());

    let declared = graph::declared(&session).unwrap();
    assert!(Choice::of(&["Deployment".to_owned()], &[], &declared).unwrap_err().is_not_found());
    let components = graph::components(&cx, &session, &declared).await.unwrap();
    let graph = GraphDocument::new(&declared, &components);
    assert_eq!(graph.nodes.iter().map(|node| node.key.name()).collect::<Vec<_>>(), ["a.conf"]);
    assert_is_as_its_schema_says(&graph);

    assert_is_as_its_schema_says(&EventDocument::new(1, cx.now(), "site", &Event::Recovered { open: 1 }));
    let items = vec![document::json(&status), document::json(&history)];
    assert_is_as_its_schema_says(&ListDocument::new("status", 0, None, items, &[], vec!["other"]));
}
