//! Where in its file an object is declared, from which line to which, and on which lines a field of it is.

use std::ops::RangeInclusive;

use gitops_k8s::yaml::{self, Data, Dialect, Node, YamlLimits};

/// An object in a file that was read.
pub struct Declaration {
    node: Node,
    /// The line of every value of the file, in order.
    lines: Vec<u32>,
    /// The lines of the object.
    pub range: RangeInclusive<u32>,
}

/// The object that begins on a line of a manifest. Nothing where the file is no manifest, or the place is not in it: of
/// an object that a program rendered, say.
pub fn declaration(path: &str, bytes: &[u8], line: u32) -> Option<Declaration> {
    let text = std::str::from_utf8(bytes).ok()?;
    let documents = yaml::read(path, bytes, Dialect::default(), &YamlLimits::default()).ok()?;
    let mut lines = Vec::new();
    documents.iter().for_each(|document| collect(&document.root, &mut lines));
    lines.sort_unstable();
    let node = documents.into_iter().find_map(|document| begins_at(document.root, line))?;
    let end = end(&node, &lines, text);
    Some(Declaration { node, lines, range: line..=end })
}

impl Declaration {
    /// The lines of a field, as a path of a difference has it: of the value, or of the nearest that holds it.
    pub fn field(&self, path: &str) -> RangeInclusive<u32> {
        let (mut node, mut begin) = (&self.node, None);
        for step in path.split('/').filter(|step| !step.is_empty()) {
            let Some((line, below)) = below(node, &step.replace("~1", "/").replace("~0", "~")) else { break };
            (node, begin) = (below, Some(line));
        }
        let Some(begin) = begin else { return self.range.clone() };
        let last = last(node).max(begin);
        let next = self.lines.iter().find(|line| **line > last).map_or(*self.range.end(), |line| line - 1);
        // A block of text goes on below its key; anything else ends where its last value is.
        let end = if matches!(node.data, Data::Text(_)) { next } else { last };
        begin..=end.clamp(begin, (*self.range.end()).max(begin))
    }
}

/// What a step of a path leads to, and the line on which it begins.
fn below<'n>(node: &'n Node, step: &str) -> Option<(u32, &'n Node)> {
    match &node.data {
        Data::Map(_) => node.member(step).map(|member| (member.place.line, &member.value)),
        Data::List(items) => {
            let is_meant = |item: &&Node| match item.as_text() {
                Some(text) => text == step,
                None => has_keys(item, step),
            };
            let by_index = || step.parse().ok().and_then(|index: usize| items.get(index));
            items.iter().find(is_meant).or_else(by_index).map(|item| (item.place.line, item))
        }
        _ => None,
    }
}

/// Whether an item of a list has the values that its path names: `name=web`, or several with a comma between.
fn has_keys(item: &Node, step: &str) -> bool {
    let has = |key: &str| {
        let (name, value) = key.split_once('=')?;
        let found = item.get(name)?;
        let text = match &found.data {
            Data::Text(text) => text.to_string(),
            Data::Number(number) => number.to_string(),
            Data::Bool(value) => value.to_string(),
            _ => return None,
        };
        (text == value).then_some(())
    };
    // A key that the manifest leaves to the server, such as a protocol, is no reason against it.
    step.contains('=') && step.split(',').any(|key| has(key).is_some())
}

fn begins_at(node: Node, line: u32) -> Option<Node> {
    // A list begins where its first item does, and is no object.
    if node.place.line == line && matches!(node.data, Data::Map(_)) {
        return Some(node);
    }
    match node.data {
        Data::List(items) => items.into_iter().find_map(|item| begins_at(item, line)),
        Data::Map(members) => members.into_iter().find_map(|member| match member.value.data {
            Data::List(_) => begins_at(member.value, line),
            _ => None,
        }),
        _ => None,
    }
}

fn collect(node: &Node, lines: &mut Vec<u32>) {
    lines.push(node.place.line);
    match &node.data {
        Data::List(items) => items.iter().for_each(|item| collect(item, lines)),
        Data::Map(members) => members.iter().for_each(|member| {
            lines.push(member.place.line);
            collect(&member.value, lines);
        }),
        _ => {}
    }
}

/// The last line on which a value of it begins.
fn last(node: &Node) -> u32 {
    let mut lines = Vec::new();
    collect(node, &mut lines);
    lines.into_iter().max().unwrap_or(node.place.line)
}

/// The last line of an object: up to what comes next in the file, without separators, comments and empty lines.
fn end(node: &Node, lines: &[u32], text: &str) -> u32 {
    let last = last(node);
    let next = lines.iter().find(|line| **line > last).copied();
    let texts: Vec<&str> = text.lines().collect();
    let mut end = next.map_or(u32::try_from(texts.len()).unwrap_or(u32::MAX), |next| next - 1);
    let says_nothing = |line: u32| {
        let text = texts.get(line as usize - 1).map_or("", |text| text.trim());
        text.is_empty() || text.starts_with('#') || text.starts_with("---") || text == "..."
    };
    while end > last && says_nothing(end) {
        end -= 1;
    }
    end
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "\
# A comment.
apiVersion: v1
kind: Service
metadata: { name: web }
spec:
  ports:
    - name: http
      port: 80
    - name: admin
      port: 81
---
# Another one.
apiVersion: v1
kind: ConfigMap
metadata: { name: web }
data:
  text: |
    one

    two
  last: x

---
apiVersion: v1
kind: List
items:
  - apiVersion: v1
    kind: ConfigMap
    metadata: { name: a }
  - apiVersion: v1
    kind: ConfigMap
    metadata: { name: b }
";

    fn at(line: u32) -> Declaration {
        declaration("a.yaml", FILE.as_bytes(), line).unwrap()
    }

    #[test]
    fn an_object_ends_where_the_next_begins() {
        assert_eq!((at(2).range, at(13).range), (2..=10, 13..=21));
        assert_eq!((at(27).range, at(30).range), (27..=29, 30..=32), "items of a list");
        assert!(declaration("a.yaml", FILE.as_bytes(), 3).is_none(), "no object begins there");
        assert!(declaration("a.yaml", b"\xff", 1).is_none());
    }

    #[test]
    fn a_field_is_found_by_its_path() {
        let service = at(2);
        assert_eq!(service.field("/spec/ports/name=admin,protocol=TCP/port"), 10..=10);
        assert_eq!(service.field("/spec/ports/0/port"), 8..=8);
        assert_eq!(service.field("/spec/ports"), 6..=10);
        assert_eq!(service.field("/spec/type"), 5..=10, "what is left out is changed where it would stand");
        let map = at(13);
        assert_eq!((map.field("/data/text"), map.field("/data/last")), (17..=20, 21..=21));
        assert_eq!(map.field("/nowhere"), 13..=21);
    }
}
