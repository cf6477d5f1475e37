//! What a root declares is found in every form that the language has.

use gitops_core::*;
use gitops_terraform::{RootModule, TerraformRender};

use crate::support::*;

const CANARY: &str = "canary-5d1c2";

fn secret() -> Value {
    Value::Secret(Secret::new(CANARY, &SecretKey::new([3; 32])))
}

fn resource(variable: &str) -> String {
    format!("resource \"terraform_data\" \"a\" {{ input = var.{variable} }}\n")
}

/// Passwords were printed by the plan where the variable was declared in a form that was not foreseen (code reviews).
#[tokio::test]
async fn a_secret_is_hidden_however_its_variable_is_declared() {
    let forms = [
        ("app/main.tf", "variable pw {}\n"),
        ("app/main.tf", "locals { x = \"$${\" }\nvariable \"pw\" {}\n"),
        ("app/v.tf.json", r#"{"variable": [{"other": {"default": 1}}, {"pw": {}}]}"#),
        (
            "app/v.tf.json",
            r#"{"variable": {"other": {"default": 1}}, "variable": {"pw": [{"type": "string"}]}}"#,
        ),
    ];
    for (tool, (path, text)) in tools().into_iter().flat_map(|tool| forms.map(|form| (tool.clone(), form))) {
        let use_of_it = resource("pw");
        let world = World::new(&[(path, text), ("app/use.tf", &use_of_it)])
            .with_tool(tool)
            .rendered(TerraformRender::new("tf").variable("pw", secret()));
        let plan = world.plan().await;
        assert_eq!(plan.steps.len(), 1, "{text}: {:?}", plan.blocked);
        let shown = format!("{plan:?} {:?}", diff(&plan));
        assert!(!shown.contains(CANARY) && shown.contains("sensitive"), "{text}: {shown}");
    }
}

/// Who takes the mark off a secret by `nonsensitive` may put it where no value is: the key of a resource, the name of a member.
#[tokio::test]
async fn a_secret_is_hidden_in_keys_and_names_too() {
    let main = "variable \"pw\" {}\noutput \"m\" { value = { (nonsensitive(var.pw)) = \"a\" } }\n\
        resource \"terraform_data\" \"a\" {\n  for_each = toset([nonsensitive(var.pw)])\n  input = each.key\n}\n";
    let render = TerraformRender::new("tf").variable("pw", secret());
    for tool in tools() {
        let world = World::new(&[("app/main.tf", main)]).with_tool(tool).rendered(render.clone());
        let plan = world.plan().await;
        assert_eq!(plan.steps.len(), 1, "{:?}", plan.blocked);
        let shown = format!("{plan:?} {:?}", diff(&plan));
        assert!(
            !shown.contains(CANARY) && shown.contains("terraform_data.a[\\\"(sensitive)\\\"]"),
            "{shown}"
        );
        assert!(world.apply().await.is_converged(), "it is hidden from people, and not from the tool");
    }
}

/// A renderer of its own gives a secret to a variable that nobody declares: it could not be marked.
#[tokio::test]
async fn a_secret_without_a_variable_is_refused() {
    let world = World::new(&[]);
    let files = [("app/main.tf".to_owned(), Value::from("locals {}\n"))].into();
    let mut root = RootModule::new("app", files);
    root.variables.insert("pw".to_owned(), secret());
    let target = world.target();
    let at = Provenance::new("files", "1", "app/main.tf", 1);
    let object = Object::new(root_key("app"), root.into_body(), at);
    let error = target.dry_run().unwrap().preview(&world.cx, &object.key, Some(&object), None).await;
    let error = error.unwrap_err();
    assert!(error.to_string().contains("the variable `pw` gets a secret"), "{error}");
}

#[tokio::test]
async fn a_local_module_is_found_without_quotes_and_in_a_list() {
    let module = ("modules/m/main.tf", "resource \"terraform_data\" \"a\" {}\n");
    let calls = [
        ("app/main.tf", "module m {\n  source = \"../modules/m\"\n}\n"),
        ("app/main.tf.json", r#"{"module": [{"m": [{"source": "../modules/m"}]}]}"#),
    ];
    for (tool, call) in tools().into_iter().flat_map(|tool| calls.map(|call| (tool.clone(), call))) {
        let plan = World::new(&[call, module]).with_tool(tool).plan().await;
        assert_eq!(plan.steps.len(), 1, "{:?}", plan.blocked);
    }
}

/// A misspelt variable in a root's settings was ignored by the tool (environments by folder).
#[tokio::test]
async fn a_slip_in_the_variables_of_a_root_is_named_with_the_nearest() {
    let main = ("app/main.tf", "variable \"region\" { default = \"a\" }\n");
    let world = World::new(&[main, ("app/gitops.json", r#"{"variables": {"regoin": "b"}}"#)]);
    let target = world.target();
    let error = world.engine(&target).await.plan(&world.cx).await.unwrap_err();
    let said: Vec<String> = error.diagnostics().iter().map(ToString::to_string).collect();
    assert!(said[0].contains("no variable `regoin`; did you mean `region`?"), "{said:?}");
}

/// What was wrong in a root's settings was told without its line, and in the names of the program's own source.
#[tokio::test]
async fn what_is_wrong_in_the_settings_of_a_root_is_told_with_its_line() {
    let main = ("app/main.tf", "variable \"a\" { default = 1 }\n");
    let cases = [
        ("{\n  \"inputs\": { \"a\": \"net.x\" }\n}\n", 2, "\"root\""),
        ("{\n  \"inputs\": {\n    \"a\": { \"output\": \"x\" }\n  }\n}\n", 3, "either a `root` or a `key`"),
        ("{\n  \"variables\": {\n    \"b\": 1\n  }\n}\n", 3, "no variable `b`"),
        ("{\n  \"removal\": \"keep\"\n}\n", 2, "`keep`"),
        ("{\n  \"workspace\": one\n}\n", 2, "expected value"),
    ];
    for (settings, line, words) in cases {
        let world = World::new(&[main, ("app/gitops.json", settings)]);
        let target = world.target();
        let error = world.engine(&target).await.plan(&world.cx).await.unwrap_err();
        let [said] = error.diagnostics() else { panic!("{error:?}") };
        assert_eq!(said.span.as_ref().map(|span| span.line), Some(line), "{said:?}");
        assert!(said.message.contains(words) && !said.message.contains("struct"), "{said:?}");
    }
}
