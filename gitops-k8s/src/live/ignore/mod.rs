//! Fields that are left to others: one list for comparing and for writing.

mod items;
mod leave;
mod managers;
mod path;
mod pattern;
mod shared;
mod sight;
#[cfg(test)]
mod tests;

use gitops_core::{ForeignField, Hasher, Key, Object, Result, Value};
use serde_json::Value as Json;

use crate::live::fields::FieldSet;
use crate::live::object::Seen;
use crate::live::owner_label;
use leave::{leave, leave_set};
use path::Path;
use pattern::Pattern;
pub(crate) use shared::Shared;
use sight::Owned;

/// Fields of some objects that are left to others although they are declared.
///
/// Such a field is written when its object, or the item of a list that it is in, is made. From then on nobody compares
/// it, and a write leaves it as it is: as others have it, or, as long as nobody else took it, as we wrote it.
///
/// ```
/// use gitops_k8s::Ignore;
/// // An autoscaler sets how many replicas there are.
/// let scaled = Ignore::of("apps", "Deployment").pointer("/spec/replicas")?;
/// let injected = Ignore::of("*", "*")
///     .namespace("shop-*")
///     .path(r#".spec.template.spec.containers[] | select(.name == "web") | .image"#)?;
/// let webhooks = Ignore::of("admissionregistration.k8s.io", "*").manager("cert-manager");
/// # let _ = (scaled, injected, webhooks);
/// # Ok::<(), gitops_core::Error>(())
/// ```
///
/// The names of group, kind, namespace and object are patterns, in which `*` stands for any text and `?` for one character.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Ignore {
    group: Pattern,
    kind: Pattern,
    namespace: Pattern,
    name: Pattern,
    paths: Vec<Path>,
    managers: Vec<String>,
}

impl Ignore {
    /// A rule for the objects of a group and a kind, in any namespace and of any name, that names no field yet.
    pub fn of(group: &str, kind: &str) -> Self {
        Self {
            group: Pattern::new(group),
            kind: Pattern::new(kind),
            namespace: Pattern::new("*"),
            name: Pattern::new("*"),
            paths: Vec::new(),
            managers: Vec::new(),
        }
    }

    /// Only objects in these namespaces. What lives in none has an empty one.
    pub fn namespace(mut self, pattern: &str) -> Self {
        self.namespace = Pattern::new(pattern);
        self
    }

    /// Only objects of these names.
    pub fn name(mut self, pattern: &str) -> Self {
        self.name = Pattern::new(pattern);
        self
    }

    /// The field at a JSON pointer (RFC 6901), and all below it. It goes through mappings only: an item of a list is named
    /// by what it holds, in a [`path`](Self::path).
    ///
    /// # Errors
    /// `Invalid` if it is no pointer, or names an item of a list by its position.
    pub fn pointer(mut self, pointer: &str) -> Result<Self> {
        self.paths.push(Path::pointer(pointer)?);
        Ok(self)
    }

    /// The fields at a path as `jq` writes it, and all below them: names, `[]` for each item of a list, and
    /// `select(.name == "web")` for some of them.
    ///
    /// # Errors
    /// `Invalid`, with the column, if it is no such path.
    pub fn path(mut self, path: &str) -> Result<Self> {
        self.paths.push(Path::parse(path)?);
        Ok(self)
    }

    /// Every field that this field manager owns, whether it applied or updated it.
    pub fn manager(mut self, name: &str) -> Self {
        self.managers.push(name.to_owned());
        self
    }

    /// Whether an object is declared of which the rule could leave a field. A rule for which that is true of no object
    /// has no effect.
    #[must_use]
    pub fn concerns(&self, object: &Object) -> bool {
        let declares = |path: &Path| path.is_in(&object.body);
        self.selects(Who::of(&object.key)) && (!self.managers.is_empty() || self.paths.iter().any(declares))
    }

    fn selects(&self, who: Who<'_>) -> bool {
        self.group.fits(who.group)
            && self.kind.fits(who.kind)
            && self.namespace.fits(who.namespace)
            && self.name.fits(who.name)
    }

    fn fields_of_managers(&self, seen: &Seen) -> FieldSet {
        let mut fields = FieldSet::default();
        let named = seen.managed.iter().filter(|entry| self.names(&entry.manager));
        named.for_each(|entry| fields.merge(&entry.fields));
        fields
    }

    fn names(&self, manager: &str) -> bool {
        self.managers.iter().any(|name| name == manager)
    }
}

/// Which object it is.
#[derive(Clone, Copy)]
pub(crate) struct Who<'a> {
    group: &'a str,
    kind: &'a str,
    namespace: &'a str,
    name: &'a str,
}

impl<'a> Who<'a> {
    pub fn of(key: &'a Key) -> Self {
        let kind = key.kind();
        Self { group: kind.group(), kind: kind.kind(), namespace: key.namespace(), name: key.name() }
    }

    /// As an object says of itself.
    pub fn seen(object: &'a Json) -> Self {
        let text = |value: &'a Json| value.as_str().unwrap_or_default();
        let group = text(&object["apiVersion"]).split_once('/').map_or("", |(group, _)| group);
        let [namespace, name] = ["namespace", "name"].map(|name| text(&object["metadata"][name]));
        Self { group, kind: text(&object["kind"]), namespace, name }
    }
}

/// All rules of a target.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rules(Vec<Ignore>);

impl Rules {
    pub fn new(rules: Vec<Ignore>) -> Self {
        Self(rules)
    }

    fn of<'a>(&'a self, who: Who<'a>) -> impl Iterator<Item = &'a Ignore> {
        self.0.iter().filter(move |rule| rule.selects(who))
    }

    /// Whether any rule is for an object.
    pub fn concern(&self, key: &Key) -> bool {
        self.of(Who::of(key)).next().is_some()
    }

    /// Stands for the rules that are for an object; empty if none is. Part of the object's version: where a rule goes,
    /// the objects that it was for have moved, and are compared anew.
    pub fn digest(&self, object: &Json) -> String {
        let mut rules = self.of(Who::seen(object)).peekable();
        if rules.peek().is_none() {
            return String::new();
        }
        let mut hasher = Hasher::new("gitops kubernetes ignore");
        for rule in rules {
            hasher.field(format!("{:?} {:?}", rule.paths, rule.managers));
        }
        format!("-{}", hasher.finish().short())
    }

    /// What is written as a whole and has a part that is left to others: a selector, say.
    pub fn shared(&self, seen: &Seen) -> Shared {
        let mut shared = Shared::default();
        for path in self.of(Who::seen(&seen.json)).flat_map(|rule| &rule.paths) {
            shared.look(&seen.json, &seen.managed, path.steps());
        }
        shared
    }

    /// The fields of an object that rules leave to the managers that they name.
    pub fn fields_of_managers(&self, seen: &Seen) -> FieldSet {
        let mut fields = FieldSet::default();
        let rules = self.of(Who::seen(&seen.json));
        rules.for_each(|rule| fields.merge(&rule.fields_of_managers(seen)));
        fields
    }

    /// The declared fields of an object that rules leave to managers, as long as those have them.
    pub fn left_to_managers(&self, seen: &Seen, declared: &Json) -> Vec<ForeignField> {
        self.of(Who::seen(&seen.json)).flat_map(|rule| rule.left(seen, declared)).collect()
    }

    /// An object without what is at the paths of rules.
    pub fn without_ignored(&self, mut object: Json) -> Json {
        let rules = self.0.iter().filter(|rule| rule.selects(Who::seen(&object)));
        let paths: Vec<&Path> = rules.flat_map(|rule| &rule.paths).collect();
        paths.into_iter().for_each(|path| shared::cut(&mut object, path.steps()));
        object
    }

    /// Takes fields out of a declaration that is about to be written over `seen`, as a rule would that names them.
    pub fn leave_fields(declared: &mut Json, seen: &Seen, mut ours: FieldSet, fields: &FieldSet) {
        owner_label::strip(&mut ours);
        leave_set(declared, &seen.json, Owned::of(&ours), fields);
    }

    /// Takes what is left to others out of a declaration that is about to be written over `seen`.
    ///
    /// What we own of it keeps the value that it has: a field of ours that a declaration leaves out would be removed.
    pub fn leave(&self, key: &Key, declared: &mut Json, seen: &Seen, mut ours: FieldSet) {
        owner_label::strip(&mut ours);
        for rule in self.of(Who::of(key)) {
            for path in &rule.paths {
                leave(declared, &seen.json, Owned::of(&ours), &seen.managed, path.steps());
            }
            leave_set(declared, &seen.json, Owned::of(&ours), &rule.fields_of_managers(seen));
        }
    }
}

/// The member of a mapping, or nothing.
fn member<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    match value {
        Value::Map(members) => members.get(name),
        _ => None,
    }
}
