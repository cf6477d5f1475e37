use std::collections::BTreeSet;
use std::fmt::Write;

use gitops_app::documents::document;
use gitops_app::documents::event::EventDocument;
use gitops_core::{Action, Event, GroupKind, Key, Time};

use super::{read, workspace};

const HEAD: &str = "\
# Reference: events

This page is made from the code, and a test compares the two.

`gitops run --output json` and `gitops serve --output json` write one event a line. An embedder gets the same events from
`EngineBuilder::events` and `Server`, and makes such a line of one by `EventDocument` or `ServerEventDocument`. Every line has `kind`, `schema_version`, `seq` (the number in the stream, without gaps), `time` and
`type`. An event never holds a value of an object or a secret. Readers ignore fields and types that they do not know.
";

const ENGINE: &str = "
## Of an engine

The kind is `Event` (schema `gitops-app/schemas/Event.json`), and each has `application` too. One line, folded here:

```json
@EXAMPLE@
```
";

const SERVER: &str = "
## Of a server

The kind is `ServerEvent` (schema `gitops-app/schemas/ServerEvent.json`).
";

/// A variant of an enum of events, as the source has it.
struct Variant {
    name: String,
    says: String,
    fields: Vec<Field>,
}

struct Field {
    name: String,
    of: String,
    says: String,
    may_be_left_out: bool,
}

/// The variants of an enum. Formatted source is enough: a line has one attribute, one sentence of a comment, one field.
fn variants(source: &str, name: &str) -> Vec<Variant> {
    let body = source.split_once(&format!("pub enum {name} {{\n")).expect("the enum is there").1;
    let body = body.split_once("\n}\n").expect("the enum has an end").0;
    let (mut found, mut says, mut may_be_left_out) = (Vec::<Variant>::new(), String::new(), false);
    for line in body.lines().map(str::trim) {
        if let Some(comment) = line.strip_prefix("/// ") {
            format!("{says} {comment}").trim().clone_into(&mut says);
        } else if line.starts_with("#[serde(skip_serializing_if") {
            may_be_left_out = true;
        } else if let Some((name, of)) = line.split_once(": ") {
            let (name, of) = (name.to_owned(), of.trim_end_matches(',').to_owned());
            let field = Field { name, of, says: std::mem::take(&mut says), may_be_left_out };
            found.last_mut().expect("a field has a variant").fields.push(field);
            may_be_left_out = false;
        } else if line.ends_with('{') || line.ends_with(',') && line.len() > 2 {
            let name = snake(line.trim_end_matches(['{', ',', ' ']));
            found.push(Variant { name, says: std::mem::take(&mut says), fields: Vec::new() });
        }
    }
    found
}

fn snake(name: &str) -> String {
    let mut snake = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.extend(letter.to_lowercase());
    }
    snake
}

/// What stands in JSON for a type.
fn json(field: &Field) -> String {
    let (inner, or_null) = match field.of.strip_prefix("Option<").and_then(|of| of.strip_suffix('>')) {
        Some(inner) => (inner, if field.may_be_left_out { ", or left out" } else { " or `null`" }),
        None => (field.of.as_str(), ""),
    };
    let name = match inner {
        "usize" | "u64" => "number",
        "bool" => "truth value",
        "String" => "text",
        "Vec<String>" => "list of texts",
        "Key" => "key of an object",
        "PlanId" => "id of a plan",
        "Action" => "`create`, `update`, `replace` or `delete`",
        "Obstacle" => "`fault`, `conflict`, `missing-rights`, `approval` or `wait`",
        "Diagnostic" => "diagnostic: code, severity, path, message, help",
        "Vec<Diagnostic>" => "list of diagnostics",
        other => panic!("say what `{other}` is in JSON"),
    };
    format!("{name}{or_null}")
}

fn write(page: &mut String, variants: &[Variant]) {
    for variant in variants {
        let _ = write!(page, "\n### `{}`\n\n{}\n", variant.name, variant.says);
        if !variant.fields.is_empty() {
            page.push_str("\n| Field | Is | Says |\n| --- | --- | --- |\n");
        }
        for field in &variant.fields {
            let _ = writeln!(page, "| `{}` | {} | {} |", field.name, json(field), field.says);
        }
    }
}

/// A line of a stream, as the program writes it.
fn example() -> String {
    let key = Key::new("k8s", GroupKind::new("apps", "Deployment"), "shop", "web");
    let event = Event::Applied { key, action: Action::Update };
    let document = EventDocument::new(17, Time::from_micros(1_796_141_761_000_000), "shop", &event);
    serde_json::to_string_pretty(&document::json(&document)).unwrap()
}

/// The types that a schema knows.
fn known(schema: &str) -> BTreeSet<String> {
    let schema: serde_json::Value = serde_json::from_str(&read(schema)).unwrap();
    let types = schema["properties"]["type"]["enum"].as_array().expect("the schema lists the types");
    types.iter().map(|word| word.as_str().unwrap().to_owned()).collect()
}

#[test]
fn the_page_on_events_and_the_schemas_have_every_event() {
    let engine = variants(&read("gitops-core/src/engine/event.rs"), "Event");
    let server = variants(&read("gitops-server/src/event.rs"), "ServerEvent");
    for (variants, schema) in
        [(&engine, "gitops-app/schemas/Event.json"), (&server, "gitops-app/schemas/ServerEvent.json")]
    {
        let names: BTreeSet<String> = variants.iter().map(|variant| variant.name.clone()).collect();
        assert!(names.len() > 10, "{names:?}");
        assert_eq!(names, known(schema), "{schema}");
    }
    let mut page = HEAD.to_owned() + &ENGINE.replace("@EXAMPLE@", &example());
    write(&mut page, &engine);
    page.push_str(SERVER);
    write(&mut page, &server);
    testbed::assert_kept(&workspace().join("docs/events.md"), &page);
}
