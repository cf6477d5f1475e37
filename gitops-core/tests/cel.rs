//! Expressions in CEL: what they give, what bounds them, and gates made of them.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::collections::BTreeMap;
use std::sync::Arc;

use gitops_core::gate::cel::{CelGate, Expression, MAX_TEXT};
use gitops_core::*;
use proptest::prelude::*;
use support::World;

fn secret() -> Value {
    Value::Secret(Secret::new("canary-91c2", &SecretKey::new([9; 32])))
}

fn variables() -> BTreeMap<&'static str, Value> {
    let list = |range: std::ops::Range<i64>| Value::List(range.map(Value::from).collect());
    BTreeMap::from([
        ("n", Value::from(7)),
        ("big", Value::Number("18446744073709551615".parse().unwrap())),
        ("half", Value::Number("0.5".parse().unwrap())),
        ("text", "web-0".into()),
        ("secret", secret()),
        ("few", list(0..3)),
        ("many", list(0..3000)),
        ("object", Value::map([("name", Value::from("web")), ("ready", true.into()), ("none", Value::Null)])),
    ])
}

fn evaluate(text: &str) -> String {
    let value = Expression::parse(text).and_then(|expression| expression.evaluate(&variables()));
    value.map_or_else(|error| format!("{:?}: {}", error.kind(), error.message()), |value| value.to_string())
}

#[test]
fn expressions_give_what_cel_says() {
    let cases = [
        "n + 1",
        "big",
        "half * 3.0",
        "text + '!'",
        "text.matches('^web-[0-9]+$')",
        "few.map(x, x * 2)",
        "few.filter(x, x > 0)",
        "object",
        "object.name.startsWith('w') && object.ready",
        "has(object.nothing)",
        "secret",
        "{'a': few.size(), 'b': null}",
    ];
    let table: Vec<String> = cases.iter().map(|text| format!("{text} = {}", evaluate(text))).collect();
    insta::assert_snapshot!(table.join("\n"), @r#"
    n + 1 = 8
    big = "18446744073709551615"
    half * 3.0 = "1.5"
    text + '!' = "web-0!"
    text.matches('^web-[0-9]+$') = true
    few.map(x, x * 2) = [0,2,4]
    few.filter(x, x > 0) = [1,2]
    object = {"name":"web","none":null,"ready":true}
    object.name.startsWith('w') && object.ready = true
    has(object.nothing) = false
    secret = "(sensitive)"
    {'a': few.size(), 'b': null} = {"a":3,"b":null}
    "#);
}

#[test]
fn what_does_not_fit_is_an_error_that_says_so() {
    let cases = [
        "n +",
        "nowhere == 1",
        "object.nothing",
        "n + text",
        "text.matches(text)",
        "text.matches('(')",
        "text.matches('[a-z]{1000}{1000}')",
        "text.frobnicate()",
        "1 / 0",
    ];
    let table: Vec<String> = cases.iter().map(|text| format!("{text} = {}", evaluate(text))).collect();
    insta::assert_snapshot!(table.join("\n"), @r"
    n + = Invalid: the expression is no CEL: line 1, column 4: Syntax error: mismatched input '<EOF>'
    nowhere == 1 = Invalid: the expression does not fit: Undeclared reference to 'nowhere'
    object.nothing = Invalid: the expression does not fit: No such key: nothing
    n + text = Invalid: the expression does not fit: No such overload
    text.matches(text) = Invalid: the pattern of `matches` is not written down as a text
    text.matches('(') = Invalid: `(` can't be a pattern: unclosed group
    text.matches('[a-z]{1000}{1000}') = Invalid: `[a-z]{1000}{1000}` can't be a pattern: it becomes too large
    text.frobnicate() = Invalid: the expression does not fit: Undeclared reference to 'frobnicate'
    1 / 0 = Invalid: the expression does not fit: Division by zero of Int(1)
    ");
    assert!(
        Expression::parse("n")
            .unwrap()
            .holds(&variables())
            .unwrap_err()
            .to_string()
            .contains("neither true nor false")
    );
}

#[test]
fn each_limit_refuses_before_anything_runs() {
    let doubling = format!("[text]{}", ".map(x, x + x)".repeat(40));
    let nested = "many.all(a, many.all(b, many.all(c, a + b + c > 0)))";
    let long = format!("'{}'", "x".repeat(MAX_TEXT));
    let deep = format!("n{}", " + n".repeat(300));
    let brackets = format!("{}n{}", "(".repeat(1000), ")".repeat(1000));
    for text in [&*doubling, nested, &*long, &*deep] {
        assert!(evaluate(text).starts_with("Limit: "), "{text}: {}", evaluate(text));
    }
    assert!(evaluate(&brackets).starts_with("Invalid: "), "{}", evaluate(&brackets));
    assert_eq!(
        evaluate("many.all(a, many.exists(b, b >= a))"),
        "Limit: the expression could take more than 10000000 steps on these values"
    );
    assert_eq!(evaluate("few.all(a, many.exists(b, b >= a))"), "true");
}

#[test]
fn an_expression_at_the_limits_needs_no_large_stack_of_its_caller() {
    let deep = format!("n{} > 0", " + n".repeat(120));
    let nested = format!("{}n{} == n", "(".repeat(90), ")".repeat(90));
    let run = move || (evaluate(&deep), evaluate(&nested));
    let small = std::thread::Builder::new().stack_size(256 << 10).spawn(run).unwrap();
    assert_eq!(small.join().unwrap(), ("true".to_owned(), "true".to_owned()));
}

#[test]
fn no_expression_sees_a_secret() {
    for text in
        ["secret", "[secret].map(s, s + '')", "secret.size()", "secret == 'canary-91c2'", "secret + n"]
    {
        assert!(!evaluate(text).contains("canary"), "{text}");
    }
    assert_eq!(evaluate("secret == 'canary-91c2'"), "false");
}

/// Texts of the pieces that expressions are made of, in any order.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("n"),
        Just("few"),
        Just("many"),
        Just("text"),
        Just("object"),
        Just(".name"),
        Just("[0]"),
        Just("("),
        Just(")"),
        Just(".map(x, "),
        Just(".all(x, "),
        Just("x"),
        Just("+"),
        Just("?"),
        Just(":"),
        Just("'"),
        Just("\\"),
        Just("!"),
        Just("-"),
        Just("{"),
        Just("}"),
        Just(","),
        Just("1"),
        Just("9223372036854775807"),
        Just("\u{0}"),
    ];
    prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_text_ends_the_process(text in prop_oneof![pieces(), any::<String>()]) {
        let _ = evaluate(&text);
    }
}

async fn verdict(rule: &str) -> Verdict {
    let world = World::with(&[("a", "1"), ("b", "2"), ("c", "3")]);
    world.converge().await;
    world.declare(&[("a", "new"), ("b", "2"), ("d", "4")]);
    let gate =
        CelGate::new("rule", Expression::parse(rule).unwrap(), Verdict::needs_approval("rule", "ask first"));
    let target: Arc<dyn Target> = world.memory.clone();
    let builder = world.builder("test").target("t", target).gate(Arc::new(gate));
    let mut engine = builder.open(&world.cx).await.unwrap();
    let plan = engine.plan(&world.cx).await.unwrap();
    engine.verdict(&world.cx, &plan)
}

#[tokio::test]
async fn a_gate_sees_the_steps_and_the_counts() {
    let holds = [
        "plan.create == 1 && plan.update == 1 && plan.delete == 1 && plan.owned == 3 && plan.application == 'test'",
        "steps.exists(s, s.key.name == 'c' && s.action == 'delete' && s.risk == ['delete'] && s.path == 'c')",
        "steps.exists(s, s.fields.exists(f, f.path == '/content' && f.before == '1' && f.after == 'new'))",
        "steps.all(s, s.key.target == 't' && s.key.kind == 'K' && s.cause == 'this_change' && !s.preview)",
        "steps.exists(s, s.reason.code == 'differs' && s.reason.fields == 1)",
    ];
    for rule in holds {
        assert_eq!(verdict(rule).await, Verdict::Allow, "{rule}");
    }
    assert_eq!(verdict("steps.size() == 0").await, Verdict::needs_approval("rule", "ask first"));
}

/// The names of the steps that a rule's finding is about; none if it is about the whole plan.
async fn named(rule: &str) -> Vec<String> {
    let verdict = verdict(rule).await;
    let [found] = verdict.messages() else { panic!("{rule}: {verdict:?}") };
    assert!(matches!(verdict, Verdict::NeedsApproval { .. }), "{rule}: {verdict:?}");
    found.keys.iter().map(|key| key.name().to_owned()).collect()
}

/// Met with a rule of the file about deletions: one that waited for a colleague held up every other step.
#[tokio::test]
async fn a_rule_about_each_step_names_those_of_which_it_is_not_true() {
    let no_deletes = "steps.all(s, s.action != 'delete')";
    assert_eq!(named(no_deletes).await, ["c"]);
    assert_eq!(named("!steps.exists(s, s.action in ['delete', 'create'])").await, ["c", "d"]);
    assert_eq!(named("steps.all(s, s.key.name != 'a') && steps.all(s, s.key.name != 'd')").await, ["a", "d"]);
    assert_eq!(named("!commits.known && steps.all(s, s.action != 'delete')").await, ["c"]);
    for whole in [
        "plan.delete < 1",
        "steps.all(s, s.action != 'delete') && plan.delete < 1",
        "steps.all(s, s.action != 'delete' || plan.create < 1)",
        // Of one step alone it can't be told, though of all of them it can.
        "steps.all(s, s.key.name != 'a' && (s.action != 'create' || s.fields[99].path != 'x'))",
    ] {
        assert_eq!(named(whole).await, [] as [&str; 0], "{whole}");
    }
}

#[tokio::test]
async fn a_rule_that_can_not_be_evaluated_denies() {
    for rule in ["steps", "steps[99].key == 'x'", "nowhere"] {
        assert!(matches!(verdict(rule).await, Verdict::Deny { .. }), "{rule}");
    }
}

#[test]
fn another_rule_has_another_fingerprint() {
    let gate =
        |text: &str, verdict| CelGate::new("g", Expression::parse(text).unwrap(), verdict).fingerprint();
    let deny = || Verdict::deny("g", "no");
    assert_eq!(gate("true", deny()), gate("true", deny()));
    assert_ne!(gate("true", deny()), gate("1 == 1", deny()));
    assert_ne!(gate("true", deny()), gate("true", Verdict::warn("g", "no")));
}

/// Met with `plan.delete < 3 || plan.delet < 9`: CEL looks no further than it must, so the mistake let plans pass.
#[test]
fn a_rule_that_names_what_is_not_there_is_found_before_a_plan() {
    let check = |text: &str| {
        let error = CelGate::check_names(&Expression::parse(text).unwrap()).err()?;
        Some(format!("{}; {}", error.message(), error.help_text().unwrap_or_default()))
    };
    for fits in [
        "plan.delete < 3",
        "steps.all(s, s.key.kind != 'Namespace' || s.action != 'delete')",
        "steps.filter(s, s.action == 'delete').map(d, d.key.name).size() < 3",
        "steps.all(s, s.fields.all(f, !f.path.startsWith('/spec') || has(f.before)))",
        "!commits.known || commits.list.all(c, c.author.endsWith('@example.org>'))",
        "steps.size() == 0 || steps[0].path != ''",
        "!has(plan.later) && {'a': 1}.a == 1 && [1, 2].exists(x, x == plan.owned)",
    ] {
        assert_eq!(check(fits), None, "{fits}");
    }
    let faults = [
        ("true || unknown", "the expression has no `unknown`; there is plan, steps, commits"),
        ("plan.delete < 3 || plan.delet < 9", "`plan` has no `delet`; did you mean `delete`?"),
        ("steps.all(s, true || s.acton == 'x')", "`s` has no `acton`; did you mean `action`?"),
        ("steps.all(s, true || s.key.knd == 'x')", "`key` has no `knd`; did you mean `kind`?"),
        ("true || commits.list[0].athor == ''", "it has no `athor`; did you mean `author`?"),
        (
            "steps.all(s, s.action == 'x') || s.path == ''",
            "the expression has no `s`; there is plan, steps, commits",
        ),
    ];
    for (text, expected) in faults {
        assert_eq!(check(text).as_deref(), Some(expected), "{text}");
    }
}

/// The names that may be said of something, as the help for one that may not says them.
fn known(of: &str) -> Vec<String> {
    let error = CelGate::check_names(&Expression::parse(&format!("{of}.q9")).unwrap()).unwrap_err();
    let help = error.help_text().unwrap().strip_prefix("there is ").unwrap();
    help.split(", ").map(str::to_owned).collect()
}

/// The names that a rule may say are written down by hand, beside what makes the values.
#[tokio::test]
async fn the_names_that_a_rule_may_say_are_those_that_a_plan_has() {
    for of in ["plan", "steps[0]", "steps[0].key", "commits"] {
        let names = known(of);
        let all: Vec<_> = names.iter().map(|name| format!("'{name}' in {of}")).collect();
        let rule = format!("size({of}) == {} && {}", names.len(), all.join(" && "));
        assert_eq!(verdict(&rule).await, Verdict::Allow, "{rule}");
    }
    let commit = Commit::new("1", "a <a@example.org>", "b <b@example.org>", Time::from_micros(0), "s");
    let commit = serde_json::to_value(&commit).unwrap();
    let mut names = known("commits.list[0]");
    names.sort_unstable();
    let mut serialised: Vec<_> = commit.as_object().unwrap().keys().cloned().collect();
    serialised.sort_unstable();
    assert_eq!(names, serialised);
}
