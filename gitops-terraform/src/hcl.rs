//! What is read of the configuration language: which local modules a file calls, which variables it declares, and how it
//! sets the tool up.

use serde_json::Value as Json;

/// A call of a local module: the path as it is written, and its line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ModuleCall {
    pub source: String,
    pub line: u32,
}

impl ModuleCall {
    fn local(source: &str, line: u32) -> Option<Self> {
        let is_local = source.starts_with("./") || source.starts_with("../");
        is_local.then(|| Self { source: source.to_owned(), line })
    }
}

/// The calls of a file in the configuration language's JSON form; none for what is not JSON: the tool will say so.
pub(crate) fn calls_in_json(text: &str) -> Vec<ModuleCall> {
    let Ok(Json::Object(document)) = serde_json::from_str(text) else { return Vec::new() };
    let mut found = Vec::new();
    document.get("module").into_iter().for_each(|modules| sources(modules, 3, &mut found));
    found
}

/// Blocks may be objects or lists of objects, with their labels as names.
fn sources(value: &Json, depth: u8, found: &mut Vec<ModuleCall>) {
    match value {
        _ if depth == 0 => {}
        Json::Array(items) => items.iter().for_each(|item| sources(item, depth - 1, found)),
        Json::Object(members) => match members.get("source") {
            Some(Json::String(source)) => found.extend(ModuleCall::local(source, 0)),
            _ => members.values().for_each(|member| sources(member, depth - 1, found)),
        },
        _ => {}
    }
}

/// The calls of a file in the configuration language itself.
///
/// It is cut into words, texts and signs, no more: what is not understood is the tool's to refuse.
pub(crate) fn calls_in_hcl(text: &str) -> Vec<ModuleCall> {
    let (mut words, mut found) = (Words { rest: text, line: 1 }, Vec::new());
    let mut blocks = Blocks::default();
    while let Some((word, line)) = words.next() {
        found.extend(blocks.take(word, line));
    }
    found
}

/// The variables that a file in the configuration language itself declares.
pub(crate) fn variables_in_hcl(text: &str) -> Vec<String> {
    let (mut words, mut found, mut depth) = (Words { rest: text, line: 1 }, Vec::new(), 0_usize);
    let mut before = None;
    while let Some((word, _)) = words.next() {
        match word {
            Word::Sign('{') => depth += 1,
            Word::Sign('}') => depth = depth.saturating_sub(1),
            Word::Text(name) if depth == 0 && before == Some(Word::Name("variable")) => {
                found.push(name.to_owned());
            }
            _ => {}
        }
        before = Some(word);
    }
    found
}

/// The variables that a file in the JSON form declares.
pub(crate) fn variables_in_json(text: &str) -> Vec<String> {
    let Ok(Json::Object(document)) = serde_json::from_str(text) else { return Vec::new() };
    match document.get("variable") {
        Some(Json::Object(variables)) => variables.keys().cloned().collect(),
        _ => Vec::new(),
    }
}

/// The blocks `terraform { }` of a file in the configuration language itself, as they are written.
pub(crate) fn settings_in_hcl(text: &str) -> Vec<String> {
    let (mut words, mut found, mut depth) = (Words { rest: text, line: 1 }, Vec::new(), 0_usize);
    let (mut before, mut start) = (None, None);
    while let Some((word, _)) = words.next() {
        let at = text.len() - words.rest.len();
        match word {
            Word::Sign('{') => {
                if depth == 0 && before == Some(Word::Name("terraform")) {
                    start = Some(at);
                }
                depth += 1;
            }
            Word::Sign('}') => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    found.extend(start.take().map(|start| text[start..at].to_owned()));
                }
            }
            _ => {}
        }
        before = Some(word);
    }
    found
}

/// The same of a file in the JSON form.
pub(crate) fn settings_in_json(text: &str) -> Vec<String> {
    let Ok(Json::Object(document)) = serde_json::from_str(text) else { return Vec::new() };
    document.get("terraform").map(ToString::to_string).into_iter().collect()
}

/// Whether a file is configuration in the configuration language.
pub(crate) fn is_hcl(path: &str) -> bool {
    [".tf", ".tofu"].iter().any(|end| path.ends_with(end))
}

/// Whether a file is configuration in the JSON form.
pub(crate) fn is_json(path: &str) -> bool {
    [".tf.json", ".tofu.json"].iter().any(|end| path.ends_with(end))
}

/// Follows the nesting of blocks, and sees `source = "…"` directly in `module "…" { }`.
#[derive(Default)]
struct Blocks<'a> {
    depth: usize,
    latest: [Option<Word<'a>>; 2],
    in_module: bool,
}

impl<'a> Blocks<'a> {
    fn take(&mut self, word: Word<'a>, line: u32) -> Option<ModuleCall> {
        let [before, last] = self.latest;
        let mut call = None;
        match word {
            Word::Sign('{') => {
                if self.depth == 0 {
                    self.in_module =
                        before == Some(Word::Name("module")) && matches!(last, Some(Word::Text(_)));
                }
                self.depth += 1;
            }
            Word::Sign('}') => self.depth = self.depth.saturating_sub(1),
            Word::Text(source) if self.depth == 1 && self.in_module => {
                let assigned = before == Some(Word::Name("source")) && last == Some(Word::Sign('='));
                call = if assigned { ModuleCall::local(source, line) } else { None };
            }
            _ => {}
        }
        self.latest = [last, Some(word)];
        call
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Word<'a> {
    Name(&'a str),
    /// A quoted text, as written between the quotes.
    Text(&'a str),
    Sign(char),
}

struct Words<'a> {
    rest: &'a str,
    line: u32,
}

impl<'a> Words<'a> {
    fn next(&mut self) -> Option<(Word<'a>, u32)> {
        loop {
            let first = self.rest.chars().next()?;
            let line = self.line;
            let word = match first {
                '#' => self.comment("\n"),
                '/' if self.rest.starts_with("//") => self.comment("\n"),
                '/' if self.rest.starts_with("/*") => self.comment("*/"),
                '"' => Some(self.text()),
                '<' if self.rest.starts_with("<<") => self.heredoc(),
                _ if first.is_alphanumeric() || first == '_' => Some(self.name()),
                _ => {
                    self.skip(first.len_utf8());
                    (!first.is_whitespace()).then_some(Word::Sign(first))
                }
            };
            if let Some(word) = word {
                return Some((word, line));
            }
        }
    }

    fn skip(&mut self, bytes: usize) -> &'a str {
        let (skipped, rest) = self.rest.split_at(bytes);
        self.line += u32::try_from(skipped.matches('\n').count()).unwrap_or(u32::MAX);
        self.rest = rest;
        skipped
    }

    fn comment(&mut self, end: &str) -> Option<Word<'a>> {
        let bytes = self.rest.find(end).map_or(self.rest.len(), |at| at + end.len());
        self.skip(bytes);
        None
    }

    fn name(&mut self) -> Word<'a> {
        let is_part = |letter: char| letter.is_alphanumeric() || letter == '_' || letter == '-';
        let bytes = self.rest.find(|letter| !is_part(letter)).unwrap_or(self.rest.len());
        Word::Name(self.skip(bytes))
    }

    /// A quoted text; quotes within `${ }` belong to the expression there.
    fn text(&mut self) -> Word<'a> {
        let bytes = self.rest.as_bytes();
        let (mut at, mut nesting) = (1, 0_u32);
        while let Some(byte) = bytes.get(at) {
            match byte {
                b'\\' => at += 1,
                b'$' | b'%' if bytes.get(at + 1) == Some(&b'{') => {
                    nesting += 1;
                    at += 1;
                }
                b'}' => nesting = nesting.saturating_sub(1),
                b'"' if nesting == 0 => break,
                _ => {}
            }
            at += 1;
        }
        let mut end = (at + 1).min(bytes.len());
        while !self.rest.is_char_boundary(end) {
            end += 1;
        }
        let text = self.skip(end);
        Word::Text(text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or_default())
    }

    /// Lines up to the one that is the marker alone.
    fn heredoc(&mut self) -> Option<Word<'a>> {
        let first = self.rest.find('\n').unwrap_or(self.rest.len());
        let marker = self.rest[2..first].trim_start_matches('-').trim();
        let is_marker = |letter: char| letter.is_alphanumeric() || letter == '_' || letter == '-';
        if marker.is_empty() || !marker.chars().all(is_marker) {
            self.skip(1);
            return Some(Word::Sign('<'));
        }
        self.skip(first);
        while !self.rest.is_empty() {
            let end = self.rest[1..].find('\n').map_or(self.rest.len(), |at| at + 1);
            if self.skip(end).trim() == marker {
                break;
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn calls(text: &str) -> Vec<(String, u32)> {
        calls_in_hcl(text).into_iter().map(|call| (call.source, call.line)).collect()
    }

    #[test]
    fn local_calls_are_found_with_their_lines() {
        let text = "module \"a\" {\n  count = 2\n  source = \"../a\"\n}\nmodule \"b\" { source = \"./b\" }\n";
        assert_eq!(calls(text), [("../a".to_owned(), 3), ("./b".to_owned(), 5)]);
    }

    #[test]
    fn nothing_else_looks_like_a_call() {
        let texts = [
            "# module \"a\" { source = \"./a\" }",
            "/* module \"a\" {\n source = \"./a\" } */",
            "module \"a\" { source = \"registry/a\" }",
            "module \"a\" { nested { source = \"./a\" } }",
            "resource \"module\" \"a\" { source = \"./a\" }",
            "locals { x = \"module \\\"a\\\" { source = ./a\" }",
            "locals { x = <<EOT\nmodule \"a\" {\n source = \"./a\"\n}\nEOT\n}",
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
    fn declared_variables_are_found() {
        let text =
            "variable \"a\" {}\nmodule \"variable\" \"b\" {}\nvariable \"c\" { default = \"variable\" }\n";
        assert_eq!(variables_in_hcl(text), ["a", "c"]);
        assert_eq!(variables_in_json(r#"{"variable": {"x": {}}}"#), ["x"]);
    }

    #[test]
    fn the_settings_of_the_tool_are_found_as_they_are_written() {
        let text = "terraform {\n  backend \"http\" {}\n}\nresource \"terraform\" \"a\" { terraform { x = 1 } }\n\
                    terraform { required_version = \"}\" }\n";
        assert_eq!(settings_in_hcl(text), ["\n  backend \"http\" {}\n}", " required_version = \"}\" }"]);
        let json = r#"{"terraform": {"backend": {"http": {}}}, "resource": {}}"#;
        assert_eq!(settings_in_json(json), [r#"{"backend":{"http":{}}}"#]);
    }

    #[test]
    fn the_json_form_is_understood() {
        let text =
            r#"{"module": {"a": {"source": "../a"}, "b": [{"source": "./b"}]}, "x": {"source": "./c"}}"#;
        let sources: Vec<String> = calls_in_json(text).into_iter().map(|call| call.source).collect();
        assert_eq!(sources, ["../a", "./b"]);
    }

    proptest! {
        #[test]
        fn no_text_panics(text in r#"[a-z{}"\\$%<\-\n ü/*#=.]{0,60}"#) {
            calls_in_hcl(&text);
            calls_in_json(&text);
            variables_in_hcl(&text);
            variables_in_json(&text);
            settings_in_hcl(&text);
            settings_in_json(&text);
        }
    }
}
