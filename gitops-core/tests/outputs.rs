//! Outputs of objects that fill placeholders of others: over two targets, in the fewest reconciliations, never with old values.
// Long because each way in which an output comes, moves and goes is tried between the same two targets.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use gitops_core::*;
use support::World;

/// A target in memory whose objects have their content as output, secret if it begins so.
struct Echo(Arc<Memory>);

fn outputs(body: &Value) -> Vec<(String, Value)> {
    let content = body.get("content").cloned().unwrap_or(Value::Null);
    let echo = match content.as_text() {
        Some(text) if text.starts_with("canary") => {
            Value::Secret(Secret::new(text, &SecretKey::new([5; 32])))
        }
        _ => content,
    };
    let length =
        Value::from(body.get("content").and_then(Value::as_text).map_or(0, str::len).to_string().as_str());
    vec![
        ("echo".to_owned(), echo),
        ("length".to_owned(), length),
        ("list".to_owned(), Value::List([Value::Null].into())),
    ]
}

#[async_trait]
impl Target for Echo {
    fn info(&self) -> TargetInfo {
        self.0.info()
    }

    async fn observe(&self, cx: &Cx, scope: &Scope) -> Result<Vec<Live>> {
        let mut found = self.0.observe(cx, scope).await?;
        for live in &mut found {
            live.outputs = outputs(&live.body).into_iter().collect();
        }
        Ok(found)
    }

    async fn apply(&self, cx: &Cx, change: &Change) -> Result<Applied> {
        assert!(!change.body().is_some_and(Value::has_placeholder), "no target sees a placeholder");
        match change.body().and_then(|body| body.get("content")) {
            Some(content) if content.as_text() == Some("refused") => {
                Err(Error::new(ErrorKind::Forbidden, "refused for the test"))
            }
            _ => self.0.apply(cx, change).await,
        }
    }

    fn watch(&self) -> Option<&dyn capability::Watch> {
        self.0.watch()
    }
}

fn key(target: &str, name: &str) -> Key {
    Key::new(target, GroupKind::new("", "K"), "", name)
}

/// The file `T/NAME` is the object NAME of the target T; `${T:K/-/NAME#OUTPUT}` in it is an output.
fn render(part: &Part<'_>) -> Result<Vec<Object>, Vec<Diagnostic>> {
    let bytes = part.bytes()?;
    let (target, name) = part.path().split_once('/').unwrap();
    let body = Value::map([("content", content(std::str::from_utf8(&bytes).unwrap()))]);
    Ok(vec![Object::new(key(target, name), body, part.provenance(1))])
}

fn content(text: &str) -> Value {
    let mut parts = Vec::new();
    for (index, piece) in text.split("${").enumerate() {
        let rest = match piece.split_once('}') {
            Some((output, rest)) if index > 0 => {
                let (key, output) = output.split_once('#').unwrap();
                parts.push(PlaceholderPart::Output(OutputRef {
                    key: key.parse().unwrap(),
                    output: output.into(),
                }));
                rest
            }
            _ => piece,
        };
        parts.extend((!rest.is_empty()).then(|| PlaceholderPart::Text(rest.into())));
    }
    match &parts[..] {
        [PlaceholderPart::Text(text)] => Value::Text(text.clone()),
        _ => Placeholder { parts }.into(),
    }
}

/// Two targets of one engine.
struct Two {
    world: World,
    other: Arc<Memory>,
}

impl Two {
    fn with(files: &[(&str, &str)]) -> Self {
        Self { world: World::with(files), other: Arc::default() }
    }

    async fn engine(&self) -> Engine {
        let builder = self.world.builder("test").render(Arc::new(render_files("outputs 1", render)));
        let builder = builder.target("t", Arc::new(Echo(self.world.memory.clone())));
        builder.target("u", Arc::new(Echo(self.other.clone()))).open(&self.world.cx).await.unwrap()
    }

    async fn pass(&self, engine: &mut Engine) -> Report {
        let plan = engine.plan(&self.world.cx).await.unwrap();
        engine.apply(&self.world.cx, &plan, &support::yes()).await.unwrap()
    }

    fn content(&self, target: &str, name: &str) -> Option<Value> {
        let memory = if target == "t" { &self.world.memory } else { &self.other };
        memory.get(&key(target, name)).and_then(|live| live.body.get("content").cloned())
    }
}

const CHAIN: [(&str, &str); 3] =
    [("t/a", "10.0.0.7"), ("u/b", "http://${t:K/-/a#echo}:80"), ("t/c", "${u:K/-/b#echo}")];

fn blocked(report: &Report) -> Vec<String> {
    report.plan.blocked.iter().map(|blocked| format!("{}: {}", blocked.key, blocked.why)).collect()
}

#[tokio::test]
async fn a_chain_of_three_over_two_targets_converges_in_three_passes() {
    let two = Two::with(&CHAIN);
    let mut engine = two.engine().await;
    let mut seen = Vec::new();
    for _ in 0..3 {
        let report = two.pass(&mut engine).await;
        seen.push((report.applied(), blocked(&report), report.deferred(), report.is_converged()));
    }
    let awaits = |who: &str, of: &str| format!("{who} it awaits the output `echo` of {of}");
    let (b, c) = (awaits("u:K/-/b:", "t:K/-/a"), awaits("t:K/-/c:", "u:K/-/b"));
    assert_eq!(seen[0], (1, vec![c.clone(), b], 1, false));
    assert_eq!(seen[1], (1, vec![c], 1, false));
    assert_eq!(seen[2], (1, vec![], 0, true));
    assert_eq!(two.content("t", "c"), Some("http://10.0.0.7:80".into()));
    assert!(engine.plan(&two.world.cx).await.unwrap().is_empty());
}

/// Met with a producer that was renamed in the commit that changed its consumer: the first `apply` stopped half way.
#[tokio::test]
async fn a_producer_that_is_renamed_leads_on_to_its_consumers_and_to_the_end_of_its_old_name() {
    let two = Two::with(&CHAIN);
    let mut engine = two.engine().await;
    for _ in 0..3 {
        two.pass(&mut engine).await;
    }
    two.world.declare(&[
        ("t/z", "10.0.0.8"),
        ("u/b", "http://${t:K/-/z#echo}:80"),
        ("t/c", "${u:K/-/b#echo}"),
    ]);
    let mut report = two.pass(&mut engine).await;
    assert!(report.failed() > 0 && report.leads_on(), "{report:?}");
    let mut left = usize::MAX;
    while report.leads_on() && report.plan.blocked.len() < left {
        left = report.plan.blocked.len();
        report = report.followed_by(two.pass(&mut engine).await);
    }
    assert!(report.is_converged(), "nothing of it is told as failed: {report:?}");
    assert_eq!(two.content("t", "c"), Some("http://10.0.0.8:80".into()));
    assert_eq!(two.content("t", "a"), None);
    assert!(engine.plan(&two.world.cx).await.unwrap().is_empty());
    // What really fails leads nowhere.
    two.world.declare(&[("t/y", "10.0.0.9"), ("u/b", "${t:K/-/y#echo}"), ("t/c", "refused")]);
    assert!(!two.pass(&mut engine).await.leads_on());
}

/// Wants a plan with an update approved as a whole.
fn each_update(proposal: &Proposal<'_>) -> Verdict {
    match proposal.plan.count(Action::Update) {
        0 => Verdict::Allow,
        updates => Verdict::needs_approval("updates", format!("{updates} objects change")),
    }
}

/// What was approved to be filled with the output of one change was filled with that of another.
#[tokio::test]
async fn what_awaits_an_output_stays_approved_only_with_the_change_that_it_was_approved_with() {
    for is_changed in [false, true] {
        let two = Two::with(&CHAIN);
        let builder = two.world.builder("test").render(Arc::new(render_files("outputs 1", render)));
        let builder = builder.target("t", Arc::new(Echo(two.world.memory.clone())));
        let builder = builder.gate(Arc::new(gate("updates", 1, each_update)));
        let builder = builder.target("u", Arc::new(Echo(two.other.clone())));
        let mut engine = builder.open(&two.world.cx).await.unwrap();
        for _ in 0..3 {
            two.pass(&mut engine).await;
        }
        let changed = |text| [("t/a", text), CHAIN[1], CHAIN[2]];
        two.world.declare(&changed("10.0.0.8"));
        let cx = &two.world.cx;
        let approve = async |engine: &mut Engine| {
            let plan = engine.plan(cx).await.unwrap();
            let by = Approver::new("bob", Through::Terminal { uid: 7 });
            let approval = engine.approval_of(cx, &plan, by).unwrap();
            engine.approve(cx, approval).await.unwrap();
        };
        approve(&mut engine).await;
        if is_changed {
            two.world.declare(&changed("10.6.6.6"));
            let plan = engine.plan(cx).await.unwrap();
            // Somebody does just this, without the rest.
            engine.apply(cx, &plan, &support::yes()).await.unwrap();
        }
        let mut asks = 0;
        for _ in 0..3 {
            let refused = engine.reconcile(cx).await.err();
            asks += usize::from(refused.is_some_and(|error| error.kind() == ErrorKind::NeedsApproval));
        }
        assert_eq!(
            asks,
            if is_changed { 3 } else { 0 },
            "only placeholders were filled, or something else was"
        );
        let content = two.content("t", "c");
        let expected = if is_changed { "http://10.0.0.7:80" } else { "http://10.0.0.8:80" };
        assert_eq!(content, Some(expected.into()));
    }
}

#[tokio::test]
async fn nothing_is_planned_with_an_output_that_is_about_to_change() {
    let two = Two::with(&CHAIN);
    let mut engine = two.engine().await;
    for _ in 0..3 {
        two.pass(&mut engine).await;
    }
    two.world.declare(&[("t/a", "10.0.0.8"), ("u/b", "now ${t:K/-/a#echo}"), CHAIN[2]]);
    let plan = engine.replan(&two.world.cx).await.unwrap();
    assert_eq!(plan.steps.iter().map(|step| step.key.clone()).collect::<Vec<_>>(), [key("t", "a")]);
    assert_eq!(plan.blocked.len(), 2);
    for _ in 0..3 {
        engine.reconcile(&two.world.cx).await.unwrap();
    }
    assert_eq!(two.content("t", "c"), Some("now 10.0.0.8".into()));
    assert!(engine.reconcile(&two.world.cx).await.unwrap().results.is_empty());
}

#[tokio::test]
async fn drift_of_an_object_is_followed_by_what_uses_it_only_once_it_is_corrected() {
    let two = Two::with(&CHAIN);
    let mut engine = two.engine().await;
    for _ in 0..3 {
        two.pass(&mut engine).await;
    }
    two.world.memory.edit(&key("t", "a"), Some(support::body("6.6.6.6")));
    let report = engine.reconcile(&two.world.cx).await.unwrap();
    assert_eq!((report.applied(), report.plan.blocked.len()), (1, 2));
    let completed = || -> usize {
        let entries = two.world.audit.entries();
        entries.iter().filter(|entry| matches!(entry.what, AuditEvent::Completed { .. })).count()
    };
    assert!(engine.reconcile(&two.world.cx).await.unwrap().is_converged());
    assert_eq!((two.content("u", "b"), two.other.writes()), (Some("http://10.0.0.7:80".into()), 1));
    assert_eq!(completed(), 1, "what awaited the repair needed no change: the audit log says so once");
    engine.reconcile(&two.world.cx).await.unwrap();
    assert_eq!(completed(), 1);
}

/// Met with a network whose id is the same after its change: what uses the id was left for good, by the audit log.
#[tokio::test]
async fn an_output_that_stays_as_it_was_leaves_nothing() {
    let files = [("t/a", "1"), ("t/same", "x"), ("u/b", "${t:K/-/a#length}")];
    let two = Two::with(&files);
    let mut engine = two.engine().await;
    for _ in 0..2 {
        two.pass(&mut engine).await;
    }
    two.world.declare(&[("t/a", "2"), files[1], files[2]]);
    let report = two.pass(&mut engine).await;
    assert_eq!((report.applied(), report.deferred()), (1, 1));
    let another = &mut two.engine().await;
    assert!(two.pass(another).await.results.is_empty());
    let entries = two.world.audit.entries();
    let last =
        entries.iter().rev().find(|entry| !matches!(entry.what, AuditEvent::Recovered { .. })).unwrap();
    let revision = &report.plan.revision;
    assert!(matches!(&last.what, AuditEvent::Completed { revision: of } if of == revision), "{last:?}");
}

#[tokio::test]
async fn a_failure_keeps_back_exactly_what_uses_the_output() {
    let free = [("u/free", "x"), ("t/free", "${u:K/-/free#echo}")];
    let two = Two::with(&[("t/a", "refused"), CHAIN[1], CHAIN[2], free[0], free[1]]);
    let mut engine = two.engine().await;
    let report = two.pass(&mut engine).await;
    assert_eq!((report.applied(), report.failed(), report.deferred()), (1, 1, 1));
    let report = two.pass(&mut engine).await;
    assert_eq!((two.content("t", "free"), report.plan.blocked.len()), (Some("x".into()), 2));
    assert_eq!((two.content("u", "b"), two.content("t", "c")), (None, None));
    two.world.declare(&[CHAIN[0], CHAIN[1], CHAIN[2], free[0], free[1]]);
    for _ in 0..3 {
        engine.reconcile(&two.world.cx).await.unwrap();
    }
    assert_eq!(two.content("t", "c"), Some("http://10.0.0.7:80".into()));
}

#[tokio::test]
async fn an_output_of_something_undeclared_and_a_circle_are_faults_with_their_place() {
    let two = Two::with(&[("t/a", "${u:K/-/nowhere#echo}")]);
    let error = two.engine().await.plan(&two.world.cx).await.unwrap_err();
    insta::assert_snapshot!(error.diagnostics()[0], @"error[GO0303]: t/a:1: t:K/-/a uses the output `echo` of u:K/-/nowhere, which nobody declares (declare it, or write the value down)");
    two.world.declare(&[("t/a", "${u:K/-/b#echo}"), ("u/b", "${t:K/-/a#echo}"), ("t/c", "${t:K/-/c#echo}")]);
    let error = two.engine().await.plan(&two.world.cx).await.unwrap_err();
    insta::assert_snapshot!(error.diagnostics()[0], @"error[GO0304]: t/a:1: these objects need each other in a circle: t:K/-/a → u:K/-/b → t:K/-/a (remove one of these needs)");
}

#[tokio::test]
async fn a_user_is_told_when_what_it_uses_leaves_the_source() {
    let two = Two::with(&CHAIN[..2]);
    let mut engine = two.engine().await;
    for _ in 0..2 {
        two.pass(&mut engine).await;
    }
    two.world.declare(&CHAIN[1..2]);
    let error = engine.replan(&two.world.cx).await.unwrap_err();
    assert_eq!(error.diagnostics()[0].code, "GO0303");
    assert!(two.content("t", "a").is_some(), "nothing is deleted under its user");
}

#[tokio::test]
async fn a_misspelt_output_and_one_of_the_wrong_type_are_held_with_the_way_out() {
    let two = Two::with(&[("t/a", "x"), ("u/b", "${t:K/-/a#ecko}"), ("u/c", "x${t:K/-/a#list}")]);
    let mut engine = two.engine().await;
    two.pass(&mut engine).await;
    let report = two.pass(&mut engine).await;
    insta::assert_snapshot!(blocked(&report).join("\n"), @r"
    u:K/-/b: it awaits the output `ecko` of t:K/-/a, which has: echo, length, list
    u:K/-/c: the output `list` of t:K/-/a is a list and can't be a part of a text
    ");
}

#[tokio::test]
async fn a_secret_output_reaches_the_target_and_no_record() {
    let two = Two::with(&[("t/a", "canary-5a1e"), ("u/b", "password=${t:K/-/a#echo}")]);
    let mut engine = two.engine().await;
    two.pass(&mut engine).await;
    let before = two.world.journal().len();
    two.world.clear_events();
    let report = two.pass(&mut engine).await;
    assert!(report.is_converged());
    let Some(Value::Secret(secret)) = two.content("u", "b") else { panic!("the whole is secret") };
    assert_eq!(secret.expose(), "password=canary-5a1e");
    two.other.edit(&key("u", "b"), Some(support::body("edited")));
    let drift = engine.replan(&two.world.cx).await.unwrap();
    assert!(drift.steps[0].risk.contains(&Risk::Secret));
    let journal = String::from_utf8_lossy(&two.world.journal()[before..]).into_owned();
    let shown = format!(
        "{journal} {:?} {} {report:?} {drift:?} {} {:?}",
        two.world.events(),
        serde_json::to_string(&report).unwrap(),
        serde_json::to_string(&drift).unwrap(),
        two.world.audit.entries(),
    );
    assert!(!shown.contains("canary"), "{shown}");
}

#[tokio::test]
async fn one_user_of_a_much_used_output_costs_itself_and_the_output() {
    let names: Vec<String> = (0..300).map(|n| format!("u/o{n:03}")).collect();
    let mut files: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "${t:K/-/a#echo}")).collect();
    files.push(("t/a", "x"));
    let two = Two::with(&files);
    let mut engine = two.engine().await;
    for _ in 0..2 {
        two.pass(&mut engine).await;
    }
    assert!(engine.reconcile(&two.world.cx).await.unwrap().is_converged());
    files[7].1 = "changed: ${t:K/-/a#echo}";
    two.world.declare(&files);
    let observed = || two.world.memory.observed() + two.other.observed();
    let before = observed();
    let plan = engine.replan(&two.world.cx).await.unwrap();
    assert_eq!((plan.steps.len(), plan.unchanged, observed() - before), (1, 300, 2));
    two.world.memory.edit(&key("t", "a"), Some(support::body("x")));
    engine.reconcile(&two.world.cx).await.unwrap();
    engine.reconcile(&two.world.cx).await.unwrap();
    let before = observed();
    assert_eq!(engine.replan(&two.world.cx).await.unwrap().steps, []);
    assert_eq!(observed() - before, 0);
}

/// A clock that stands still. It ends the run at the first wait after a failure, and once the chain is through.
struct Standstill {
    run: Mutex<Option<Cx>>,
    last: Arc<Memory>,
}

#[async_trait]
impl Clock for Standstill {
    fn now(&self) -> Time {
        Time::from_micros(0)
    }

    async fn wait_until(&self, time: Time) {
        let is_back_off = time.since(self.now()) < Duration::from_secs(600);
        if is_back_off || self.last.get(&key("t", "c")).is_some() {
            self.run.lock().unwrap().as_ref().unwrap().cancel();
        }
        std::future::pending::<()>().await;
    }
}

#[tokio::test]
async fn a_running_engine_goes_through_a_chain_without_a_wait() {
    let two = Two::with(&CHAIN);
    let clock = Arc::new(Standstill { run: Mutex::default(), last: two.world.memory.clone() });
    let cx = Cx::new(clock.clone(), Arc::new(System));
    *clock.run.lock().unwrap() = Some(cx.clone());
    two.engine().await.run(&cx, Duration::from_secs(3600)).await.unwrap();
    assert_eq!(two.content("t", "c"), Some("http://10.0.0.7:80".into()));
}
