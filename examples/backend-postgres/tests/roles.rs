//! Roles from a declaration to the server: by hand edited, with passwords, and adopted.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::sync::Arc;

use gitops_core::*;
use testbed::Postgres;

use support::Server;

const PASSWORDS: [&str; 2] = ["correct horse battery", "staple-of-the-second"];

/// What the application declares: `None` for nothing.
#[derive(Clone)]
struct Declared(Vec<(String, Value)>);

#[async_trait]
impl Source for Declared {
    fn info(&self) -> SourceInfo {
        SourceInfo::new("roles", "")
    }

    async fn resolve(&self, _: &Cx) -> Result<Revision> {
        let digests: Vec<String> =
            self.0.iter().map(|(name, body)| format!("{name} {}", body.digest())).collect();
        Ok(Revision::new(Digest::of(digests.join(" ").as_bytes()).to_string(), ""))
    }

    async fn fetch(&self, _: &Cx, revision: &Revision) -> Result<Snapshot> {
        let files = self.0.iter().map(|(name, body)| (name.as_str(), body.digest().to_string()));
        Snapshot::from_files("roles", revision.clone(), files)
    }
}

/// An application over one server, in a state folder of its own.
struct App {
    server: Server,
    state: tempfile::TempDir,
    key: SecretKey,
}

impl App {
    fn new(server: Server) -> Self {
        Self { server, state: tempfile::tempdir().unwrap(), key: SecretKey::new([5; 32]) }
    }

    fn role(&self, limit: i64, password: &str) -> Value {
        let password = Value::Secret(Secret::new(password, &self.key));
        Value::map([("login", Value::Bool(true)), ("connectionLimit", limit.into()), ("password", password)])
    }

    /// Plans and applies, in an engine of its own as the next process has it.
    async fn sync(&self, roles: &[(&str, Value)]) -> Report {
        let cx = Cx::system();
        let declared: Vec<(String, Value)> = roles
            .iter()
            .map(|(name, body)| (format!("{}{name}", self.server.prefix), body.clone()))
            .collect();
        let bodies = declared.clone();
        let render = move |part: &Part<'_>| -> Result<Vec<Object>, Vec<Diagnostic>> {
            let (name, body) = bodies.iter().find(|(name, _)| name == part.path()).unwrap();
            Ok(vec![Object::new(key(name), body.clone(), part.provenance(0))])
        };
        let mut engine = Engine::builder("roles")
            .source(Arc::new(Declared(declared)))
            .render(Arc::new(render_files("roles 1", render)))
            .target("postgres", Arc::new(self.server.target()))
            .state(StateDir::open(&self.state.path().join("state"), &cx).unwrap())
            .open(&cx)
            .await
            .unwrap();
        let plan = engine.plan(&cx).await.unwrap();
        engine.apply(&cx, &plan, &ApplyOptions::naming_the_plan("tester")).await.unwrap()
    }

    /// The value of an expression over `pg_authid`, of one role.
    async fn of(&self, role: &str, expression: &str) -> Option<String> {
        let name = format!("{}{role}", self.server.prefix);
        self.server.ask(&format!("SELECT {expression} FROM pg_authid WHERE rolname = '{name}'")).await
    }
}

fn key(name: &str) -> Key {
    Key::new("postgres", GroupKind::new("", "Role"), "", name)
}

/// What the plan said of each step.
fn shown(report: &Report) -> Vec<String> {
    let steps = report.plan.steps.iter();
    steps
        .map(|step| {
            format!(
                "{} {}",
                step.action,
                step.diff.fields().iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
            )
        })
        .collect()
}

#[tokio::test]
async fn a_connection_limit_set_by_hand_is_told_and_set_back() {
    let app = App::new(Server::of(Arc::new(Postgres::start())));
    let role = [("shop", app.role(5, PASSWORDS[0]))];
    assert!(app.sync(&role).await.is_converged());
    let name = format!("{}shop", app.server.prefix);
    app.server.other.run(&format!("ALTER ROLE \"{name}\" CONNECTION LIMIT 7")).await.unwrap();
    let report = app.sync(&role).await;
    assert_eq!(shown(&report), ["update connectionLimit 7 → 5"]);
    assert!(report.is_converged());
    assert_eq!(app.of("shop", "rolconnlimit").await.as_deref(), Some("5"));
    let again = app.sync(&role).await;
    assert!(again.is_converged() && again.plan.steps.is_empty());
}

#[tokio::test]
async fn a_password_is_changed_and_never_shown() {
    let app = App::new(Server::of(Arc::new(Postgres::start())));
    let first = app.sync(&[("shop", app.role(5, PASSWORDS[0]))]).await;
    let before = app.of("shop", "rolpassword").await.unwrap();
    assert!(before.starts_with("SCRAM-SHA-256$"), "the clear password never reaches the server");
    let same = app.sync(&[("shop", app.role(5, PASSWORDS[0]))]).await;
    assert!(same.plan.steps.is_empty(), "{:?}", shown(&same));
    let second = app.sync(&[("shop", app.role(5, PASSWORDS[1]))]).await;
    assert_eq!(shown(&second), ["update password (sensitive, changed)"]);
    assert!(second.is_converged());
    let after = app.of("shop", "rolpassword").await.unwrap();
    assert_ne!(after, before);
    let label = app.of("shop", "shobj_description(oid, 'pg_authid')").await.unwrap();
    let told = format!("{first:?} {second:?} {label}");
    for password in PASSWORDS {
        assert!(!told.contains(password), "a password is in what is told");
    }
}

#[tokio::test]
async fn a_field_that_leaves_git_goes_back_to_its_default_and_others_stay() {
    let app = App::new(Server::of(Arc::new(Postgres::start())));
    app.sync(&[("shop", app.role(5, PASSWORDS[0]))]).await;
    let name = format!("{}shop", app.server.prefix);
    app.server.other.run(&format!("ALTER ROLE \"{name}\" CREATEROLE")).await.unwrap();
    let report = app.sync(&[("shop", Value::map([("login", Value::Bool(true))]))]).await;
    assert_eq!(shown(&report), ["update connectionLimit 5 removed, password (sensitive) removed"]);
    assert!(report.is_converged());
    assert_eq!(app.of("shop", "rolconnlimit").await.as_deref(), Some("-1"));
    assert_eq!(app.of("shop", "rolpassword").await, None);
    assert_eq!(app.of("shop", "rolcreaterole").await.as_deref(), Some("t"), "it was never declared");
}

#[tokio::test]
async fn a_role_leaves_with_its_declaration_and_a_namesake_of_others_does_not() {
    let app = App::new(Server::of(Arc::new(Postgres::start())));
    app.sync(&[("shop", app.role(5, PASSWORDS[0])), ("other", app.role(1, PASSWORDS[0]))]).await;
    let name = format!("{}shop", app.server.prefix);
    app.server
        .other
        .run(&format!("DROP ROLE \"{name}\"; CREATE ROLE \"{name}\" CONNECTION LIMIT 9"))
        .await
        .unwrap();
    let report = app.sync(&[("other", app.role(1, PASSWORDS[0]))]).await;
    assert!(report.plan.steps.is_empty(), "{:?}", shown(&report));
    assert_eq!(app.of("shop", "rolconnlimit").await.as_deref(), Some("9"), "it is another role now");
    let report = app.sync(&[("third", app.role(1, PASSWORDS[0]))]).await;
    assert_eq!(report.results.len(), 2);
    assert_eq!(app.of("other", "1").await, None);
}
