//! The configuration language itself.

use hcl_edit::Span;
use hcl_edit::expr::Expression;
use hcl_edit::structure::{Block, Body};

use super::{Configuration, ModuleCall, Unread};

/// Reads a file of it.
pub(super) fn read(text: &str) -> Result<Configuration, Unread> {
    let body: Body = text.parse().map_err(|error: hcl_edit::parser::Error| Unread {
        line: u32::try_from(error.location().line()).unwrap_or(0),
        message: error.message().to_owned(),
    })?;
    let mut found = Configuration::default();
    for block in body.blocks() {
        match block.ident.as_str() {
            "variable" => found.variables.extend(block.labels.first().map(|label| label.as_str().to_owned())),
            "module" => {
                found.calls.extend(call(block, text));
                found.made.extend(labels::<1>(block).map(|[name]| format!("module.{name}")));
            }
            "resource" => {
                found.made.extend(labels::<2>(block).map(|[kind, name]| format!("{kind}.{name}")));
            }
            "terraform" => {
                found.settings.extend(written(block, text));
                let keeps = |inner: &&Block| matches!(inner.ident.as_str(), "backend" | "cloud");
                let kept = block.body.blocks().filter(keeps);
                found.backends.extend(kept.filter_map(|inner| written(inner, text)));
            }
            _ => {}
        }
    }
    Ok(found)
}

/// The labels of a block that has at least so many.
fn labels<const N: usize>(block: &Block) -> Option<[&str; N]> {
    let labels: Vec<&str> =
        block.labels.iter().take(N).map(hcl_edit::structure::BlockLabel::as_str).collect();
    labels.try_into().ok()
}

/// A block as it is written.
fn written(block: &Block, text: &str) -> Option<String> {
    text.get(block.span()?).map(str::to_owned)
}

fn call(block: &Block, text: &str) -> Option<ModuleCall> {
    let source = block.body.get_attribute("source")?;
    let start = source.span().map_or(0, |span| span.start);
    let line = 1 + text.get(..start).map_or(0, |before| before.matches('\n').count());
    ModuleCall::local(literal(&source.value)?, u32::try_from(line).unwrap_or(u32::MAX))
}

/// The text of an expression that is one, whatever brackets are around it.
fn literal(expression: &Expression) -> Option<&str> {
    match expression {
        Expression::Parenthesis(inner) => literal(inner.inner()),
        other => other.as_str(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calls(text: &str) -> Vec<(String, u32)> {
        read(text).unwrap().calls.into_iter().map(|call| (call.source, call.line)).collect()
    }

    #[test]
    fn local_calls_are_found_with_their_lines() {
        let text = "module \"a\" {\n  count = 2\n  source = \"../a\"\n}\nmodule b { source = (\"./b\") }\n";
        assert_eq!(calls(text), [("../a".to_owned(), 3), ("./b".to_owned(), 5)]);
    }

    #[test]
    fn nothing_else_looks_like_a_call() {
        let texts = [
            "# module \"a\" { source = \"./a\" }",
            "/* module \"a\" {\n source = \"./a\" } */",
            "module \"a\" { source = \"registry/a\" }",
            "module \"a\" {\n nested { source = \"./a\" }\n}",
            "resource \"module\" \"a\" { source = \"./a\" }",
            "locals { x = \"module \\\"a\\\" { source = ./a\" }",
            "locals {\n x = <<EOT\nmodule \"a\" {\n source = \"./a\"\n}\nEOT\n}",
            "locals { x = \"${join(\"\", [\"}\"])} module\" }",
        ];
        texts.iter().for_each(|text| assert_eq!(calls(text), [], "{text}"));
    }

    #[test]
    fn a_call_after_a_heredoc_and_an_interpolation_is_found() {
        let text =
            "locals {\n a = <<-EOT\n  {\n  EOT\n b = \"${f(\"{\")}\"\n}\nmodule \"a\" { source = \"./a\" }";
        assert_eq!(calls(text), [("./a".to_owned(), 7)]);
    }

    #[test]
    fn the_settings_of_the_tool_and_the_place_of_the_state_are_found() {
        let text = "terraform {\n  backend \"http\" {}\n}\nresource \"terraform\" \"a\" {\n terraform { x = 1 }\n}\n\
                    terraform { required_version = \"}\" }\nterraform {\n cloud {\n  organization = \"o\"\n }\n}\n";
        let found = read(text).unwrap();
        assert_eq!(found.settings.len(), 3);
        assert_eq!(found.backends.len(), 2);
        assert!(found.backends[0].contains("http") && found.backends[1].contains("cloud"));
    }
}
