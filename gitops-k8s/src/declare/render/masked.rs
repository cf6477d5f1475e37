//! What may be secret in the files that a program renders, kept out of what is told of the program's errors.

use std::collections::BTreeSet;
use std::fs;

use gitops_core::redact::{self, HIDDEN};

use super::copy::join;
use super::jail::Jail;
use crate::yaml::{self, Data, Dialect, Member, Node, YamlLimits};

/// Shorter texts are parts of too many words.
const SHORTEST: usize = 4;

/// A text as long as this is hidden wherever it stands, a shorter one where it stands alone.
const LONG: usize = 8;

/// Texts that may be secret.
#[derive(Debug, Default)]
pub(super) struct Texts(BTreeSet<String>);

impl Texts {
    /// All values that a chart is rendered with: nobody says of one that it is secret.
    pub fn of_values(jail: &Jail, files: &[String]) -> Self {
        let mut found = Self::default();
        for path in jail.paths() {
            let is_named = files.iter().any(|file| join("", file).as_deref() == Some(&*path));
            if is_named || path.ends_with("/values.yaml") || path == "values.yaml" {
                found.file(jail, &path, |_| true, Self::all);
            }
        }
        found
    }

    /// What Secrets are made of in the files of a kustomization: their own values, literals and files of generators, and patches.
    pub fn of_kustomization(jail: &Jail) -> Self {
        let mut found = Self::default();
        for path in jail.paths() {
            let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
            let read = |name: &str, found: &mut Self| found.lines_of(jail, folder, name);
            found.file(jail, &path, speaks_of_secrets, |found, root| found.secrets(root, &read));
        }
        found
    }

    /// What a program says, without them.
    pub fn hide(&self, told: &str) -> String {
        let mut texts: Vec<&str> = self.0.iter().map(String::as_str).collect();
        texts.sort_by_key(|text| std::cmp::Reverse(text.len()));
        let told = without_values_of_tags(told);
        texts.into_iter().fold(told, |told, text| match text.len() >= LONG {
            true => redact::hide(&told, &redact::forms(text)),
            false => redact::hide(&without_word(&told, text), &redact::forms(text)[1..]),
        })
    }

    /// Takes the documents of a file; of one that is not to be read as YAML, all lines, if it is such a file.
    fn file(
        &mut self,
        jail: &Jail,
        path: &str,
        is_such: fn(&str) -> bool,
        mut take: impl FnMut(&mut Self, &Node),
    ) {
        let Ok(bytes) = fs::read(jail.tree().join(path)) else { return };
        let found = yaml::read(path, &bytes, Dialect::KyamlV3, &YamlLimits::default());
        if let Ok(documents) = found {
            return documents.iter().for_each(|document| take(self, &document.root));
        }
        let text = String::from_utf8_lossy(&bytes);
        if is_such(&text) {
            self.lines(&text);
        }
    }

    fn take(&mut self, text: &str) {
        let text = text.trim();
        if text.len() >= SHORTEST {
            self.0.insert(text.to_owned());
        }
    }

    /// Every scalar below a node.
    fn all(&mut self, node: &Node) {
        match &node.data {
            Data::Text(text) => self.take(text),
            Data::Number(number) => self.take(&number.to_string()),
            Data::List(items) => items.iter().for_each(|item| self.all(item)),
            Data::Map(members) => members.iter().for_each(|member| self.all(&member.value)),
            _ => {}
        }
    }

    /// Every line, and what stands behind the sign that a name ends with.
    fn lines(&mut self, text: &str) {
        for line in text.lines() {
            self.take(line);
            for sign in ['=', ':'] {
                if let Some((_, value)) = line.split_once(sign) {
                    self.take(value.trim().trim_matches(['"', '\'']));
                }
            }
        }
    }

    fn lines_of(&mut self, jail: &Jail, folder: &str, name: &str) {
        let Some(path) = join(folder, name.rsplit('=').next().unwrap_or(name)) else { return };
        if let Ok(bytes) = fs::read(jail.tree().join(path)) {
            self.lines(&String::from_utf8_lossy(&bytes));
        }
    }

    fn secrets(&mut self, node: &Node, read: &dyn Fn(&str, &mut Self)) {
        match &node.data {
            Data::List(items) => items.iter().for_each(|item| self.secrets(item, read)),
            Data::Map(members) => {
                self.value_of_a_patch(node);
                members.iter().for_each(|member| self.member(node, member, read));
            }
            _ => {}
        }
    }

    fn member(&mut self, of: &Node, member: &Member, read: &dyn Fn(&str, &mut Self)) {
        match &*member.name.to_ascii_lowercase() {
            "data" | "stringdata" if is_secret(of) => self.all(&member.value),
            "stringdata" => self.all(&member.value),
            "secretgenerator" => self.generators(&member.value, read),
            "patch" if is_of_no_other_kind(of) => self.patch(&member.value, read),
            name if name.starts_with("patches") => {
                if let Data::List(items) = &member.value.data {
                    items.iter().for_each(|item| self.patch(item, read));
                }
                self.secrets(&member.value, read);
            }
            _ => self.secrets(&member.value, read),
        }
    }

    /// The literals, and the lines of the files, of which Secrets are made.
    fn generators(&mut self, node: &Node, read: &dyn Fn(&str, &mut Self)) {
        let Data::List(generators) = &node.data else { return self.all(node) };
        for generator in generators {
            let Data::Map(members) = &generator.data else { continue };
            for member in members {
                let mut texts = Self::default();
                match &*member.name {
                    "literals" => {
                        texts.all(&member.value);
                        texts.0.iter().for_each(|text| self.lines(text));
                    }
                    "env" | "envs" | "files" => {
                        texts.all(&member.value);
                        texts.0.iter().for_each(|name| read(name, self));
                    }
                    _ => {}
                }
            }
        }
    }

    /// A patch that is written down in place.
    fn patch(&mut self, node: &Node, read: &dyn Fn(&str, &mut Self)) {
        let Data::Text(text) = &node.data else { return };
        if !speaks_of_secrets(text) && !text.contains("/data") {
            return;
        }
        self.take(text);
        match yaml::read("patch", text.as_bytes(), Dialect::KyamlV3, &YamlLimits::default()) {
            Ok(documents) => documents.iter().for_each(|document| self.secrets(&document.root, read)),
            Err(_) => self.lines(text),
        }
    }

    /// What an operation of a JSON patch puts into a Secret.
    fn value_of_a_patch(&mut self, node: &Node) {
        let path = node.member("path").and_then(|path| text(&path.value)).unwrap_or_default();
        let is_secret = path.starts_with("/data") || path.starts_with("/stringData");
        if let Some(value) = node.member("value").filter(|_| is_secret) {
            self.all(&value.value);
        }
    }
}

fn speaks_of_secrets(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    lower.contains("secret") || lower.contains("stringdata")
}

fn text(node: &Node) -> Option<&str> {
    match &node.data {
        Data::Text(text) => Some(text),
        _ => None,
    }
}

fn is_secret(node: &Node) -> bool {
    kind(node).is_some_and(|kind| kind.eq_ignore_ascii_case("secret"))
}

fn kind(node: &Node) -> Option<&str> {
    node.member("kind").and_then(|kind| text(&kind.value))
}

/// Whether a patch is not said to be of another kind than Secrets.
fn is_of_no_other_kind(entry: &Node) -> bool {
    let target = entry.member("target").and_then(|target| kind(&target.value));
    target.is_none_or(|kind| kind.to_ascii_lowercase().contains("secret") || kind.contains(['*', '|', '.']))
}

/// A reader of YAML quotes the beginning of a value that has the wrong type: "cannot unmarshal !!str `hunter2...` into …".
fn without_values_of_tags(told: &str) -> String {
    let mut parts = told.split("!!");
    let mut found = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let mut pieces = part.splitn(3, '`');
        match (pieces.next(), pieces.next(), pieces.next()) {
            (Some(tag), Some(_), Some(rest))
                if tag.starts_with(char::is_alphabetic) && !tag.trim_end().contains(' ') =>
            {
                found.extend(["!!", tag, "`", HIDDEN, "`", rest]);
            }
            _ => found.extend(["!!", part]),
        }
    }
    found
}

/// A text without a word, where that stands alone.
fn without_word(told: &str, word: &str) -> String {
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '/');
    let mut found = String::with_capacity(told.len());
    let mut rest = told;
    while let Some(at) = rest.find(word) {
        let (before, after) = (&rest[..at], &rest[at + word.len()..]);
        let stands_alone = !before.chars().next_back().or(found.chars().next_back()).is_some_and(is_part)
            && !after.chars().next().is_some_and(is_part);
        found.push_str(before);
        found.push_str(if stands_alone { HIDDEN } else { word });
        rest = after;
    }
    found + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(words: &[&str]) -> Texts {
        Texts(words.iter().map(|word| (*word).to_owned()).collect())
    }

    #[test]
    fn short_values_are_hidden_where_they_stand_alone_and_long_ones_everywhere() {
        let texts = texts(&["prod", "hunterdate", "prod-password"]);
        let told =
            r#"prod/templates/a.yaml: parsing "hunterdate" of prod, x-hunterdate-y, "prod-password" 'prod'"#;
        let hidden = r#"prod/templates/a.yaml: parsing "(sensitive)" of (sensitive), x-(sensitive)-y, "(sensitive)" '(sensitive)'"#;
        assert_eq!(texts.hide(told), hidden);
    }

    #[test]
    fn the_beginning_of_a_value_is_not_quoted_either() {
        let told = "line 3: cannot unmarshal !!str `hunter2...` into map[string]interface {}";
        let hidden = "line 3: cannot unmarshal !!str `(sensitive)` into map[string]interface {}";
        assert_eq!(Texts::default().hide(told), hidden);
        assert_eq!(Texts::default().hide("wow!! `a` b"), "wow!! `a` b");
    }
}
