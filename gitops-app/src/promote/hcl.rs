//! The modules of a file of Terraform, as far as their source and version are plain texts.

use hcl_edit::Span;
use hcl_edit::structure::{Block, Body};

use super::edit::Words;

/// A module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Module {
    /// Its name.
    pub name: String,
    /// Where it comes from.
    pub source: Option<Literal>,
    /// Its version.
    pub version: Option<Literal>,
}

/// A plain text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Literal {
    /// What it says.
    pub text: String,
    /// Where it is written, with its quotes.
    pub words: Words,
    /// The line, from 1.
    pub line: u32,
}

/// The modules of a text; nothing if it can't be read.
pub fn modules(text: &str) -> Option<Vec<Module>> {
    let body: Body = text.parse().ok()?;
    let modules = body.blocks().filter(|block| block.ident.as_str() == "module");
    let module = |block: &Block| {
        let name = block.labels.first()?.as_str().to_owned();
        let of = |key: &str| literal(block, key, text);
        Some(Module { name, source: of("source"), version: of("version") })
    };
    Some(modules.filter_map(module).collect())
}

/// A text that is written as it is meant: what has escapes, templates or brackets around it is none.
fn literal(block: &Block, key: &str, text: &str) -> Option<Literal> {
    let attribute = block.body.get_attribute(key)?;
    let (value, span) = (attribute.value.as_str()?, attribute.value.span()?);
    let words = Words { start: span.start, end: span.end };
    let written = text.get(span)?;
    let line = 1 + text[..words.start].matches('\n').count();
    (written == format!("\"{value}\"")).then(|| Literal {
        text: value.to_owned(),
        words,
        line: u32::try_from(line).unwrap_or(u32::MAX),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(text: &str) -> Option<Vec<String>> {
        let of = |literal: &Option<Literal>| {
            literal.as_ref().map_or_else(|| "-".to_owned(), |found| format!("{}:{}", found.line, found.text))
        };
        let line =
            |module: &Module| format!("{} {} {}", module.name, of(&module.source), of(&module.version));
        Some(modules(text)?.iter().map(line).collect())
    }

    #[test]
    fn modules_are_found_among_everything_else() {
        let text = r#"
# module "no" { version = "0" }
module "network" {
  source  = "acme/network/aws" // from the registry
  version = "1.2.3"
  name    = "a-${var.name == "x" ? "}" : "b"}"
  tags    = { version = "9" }
}
resource "x" "module" { version = "8" }
locals {
  x = <<EOF
module "heredoc" {
EOF
}
module "git" { source = "git::https://example.org/a?ref=v1" }
module "made" {
  source = "../${var.from}"
  version = ("1")
}
"#;
        let expected =
            ["network 4:acme/network/aws 5:1.2.3", "git 15:git::https://example.org/a?ref=v1 -", "made - -"];
        assert_eq!(shown(text).unwrap(), expected);
        assert_eq!(shown("module \"a\" {"), None);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[a-z\"{}$%=/*#<\\n\\\\ é]{0,60}") {
            for module in modules(&text).unwrap_or_default() {
                for literal in module.source.iter().chain(&module.version) {
                    prop_assert!(text.get(literal.words.start..literal.words.end).is_some());
                }
            }
        }
    }
}
