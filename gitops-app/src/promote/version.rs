//! The versions that a file declares, each with what it is the version of.

use gitops_core::Value;
use gitops_k8s::yaml::{Data, Document, Node};

use super::edit::{Words, below, words};
use super::hcl;

/// A version that a file declares.
#[derive(Clone, Debug)]
pub struct Version {
    /// What is the same thing in both applications: an object and a container, a dependency, a key.
    pub identity: String,
    /// The same for people.
    pub what: String,
    /// The artefact without its version: only versions of one artefact are copied.
    pub artefact: String,
    /// The line, from 1.
    pub line: u32,
    /// Where it is written; nothing if that is not on one line.
    pub words: Option<Words>,
    /// Where it is in the documents, and its value; nothing in a file that is no YAML.
    pub yaml: Option<(String, Value)>,
    /// Whether it is a name that can move.
    pub can_move: bool,
}

/// Finds versions in a file.
struct Finder<'a> {
    path: &'a str,
    text: &'a str,
    found: Vec<Version>,
}

/// The lists of containers in a pod.
const CONTAINERS: [&str; 3] = ["containers", "initContainers", "ephemeralContainers"];

/// The versions of a YAML file.
pub fn of_yaml(path: &str, text: &str, documents: &[Document]) -> Vec<Version> {
    let mut finder = Finder { path, text, found: Vec::new() };
    let name = path.rsplit('/').next().unwrap_or_default();
    for (at, Document { root, .. }) in documents.iter().enumerate() {
        let (at, kind) = (at.to_string(), text_of(root, "kind"));
        let api = text_of(root, "apiVersion").unwrap_or_default();
        let is_kustomization = matches!(name, "kustomization.yaml" | "kustomization.yml" | "Kustomization");
        match kind {
            _ if name == "Chart.yaml" => finder.chart(&at, root),
            Some("Kustomization") if api.starts_with("kustomize.config.k8s.io/") => {
                finder.kustomization(&at, root);
            }
            None if is_kustomization => finder.kustomization(&at, root),
            Some("HelmRelease") => finder.helm_release(&at, root),
            Some(kind) => {
                let group = api.split_once('/').map_or("", |(group, _)| group);
                let name = root.at(&["metadata", "name"]).and_then(Node::as_text).unwrap_or_default();
                let kind = if group.is_empty() { kind.to_owned() } else { format!("{kind}.{group}") };
                finder.containers(&at, root, &format!("{kind} {name}"), "");
            }
            None => finder.values(&at, root, ""),
        }
    }
    finder.found
}

fn text_of<'a>(node: &'a Node, name: &str) -> Option<&'a str> {
    node.get(name).and_then(Node::as_text)
}

/// An image without its version, and whether that is a digest.
fn image(text: &str) -> (&str, bool) {
    let (name, digest) = text.split_once('@').map_or((text, None), |(name, digest)| (name, Some(digest)));
    let tag = name.rfind(':').filter(|colon| !name[*colon..].contains('/'));
    (&name[..tag.unwrap_or(name.len())], digest.is_some())
}

impl Finder<'_> {
    fn add(
        &mut self,
        identity: String,
        what: String,
        artefact: &str,
        path: String,
        node: &Node,
        can_move: bool,
    ) {
        self.found.push(Version {
            identity,
            what,
            artefact: artefact.to_owned(),
            line: node.place.line,
            words: words(self.text, node.place),
            yaml: Some((path, Value::from(node.clone()))),
            can_move,
        });
    }

    /// The containers anywhere in an object. `within` are the keys above.
    fn containers(&mut self, path: &str, node: &Node, object: &str, within: &str) {
        match &node.data {
            Data::Map(members) => {
                for member in members {
                    let (path, within) = (below(path, &member.name), below(within, &member.name));
                    if CONTAINERS.contains(&member.name.as_str()) {
                        self.images(&path, &member.value, object, &within);
                    } else {
                        self.containers(&path, &member.value, object, &within);
                    }
                }
            }
            Data::List(items) => {
                for (at, item) in items.iter().enumerate() {
                    self.containers(&below(path, &at.to_string()), item, object, within);
                }
            }
            _ => {}
        }
    }

    fn images(&mut self, path: &str, list: &Node, object: &str, within: &str) {
        let Data::List(items) = &list.data else { return };
        for (at, item) in items.iter().enumerate() {
            let (Some(name), Some(value)) = (text_of(item, "name"), item.get("image")) else { continue };
            let Some(text) = value.as_text() else { continue };
            let (repository, has_digest) = image(text);
            let path = below(&below(path, &at.to_string()), "image");
            let identity = format!("{object} {within} {name}");
            self.add(identity, format!("{object}, container {name}"), repository, path, value, !has_digest);
        }
    }

    /// The images of a kustomization: a tag or a digest for a name.
    fn kustomization(&mut self, path: &str, root: &Node) {
        let Some(Data::List(items)) = root.get("images").map(|images| &images.data) else { return };
        for (at, item) in items.iter().enumerate() {
            let Some(name) = text_of(item, "name") else { continue };
            let artefact = text_of(item, "newName").unwrap_or(name).to_owned();
            for key in ["newTag", "digest"] {
                let Some(value) = item.get(key) else { continue };
                let path = below(&below(&below(path, "images"), &at.to_string()), key);
                let identity = format!("{} images {name} {key}", self.path);
                self.add(identity, format!("image {name}, {key}"), &artefact, path, value, key == "newTag");
            }
        }
    }

    /// The dependencies of a chart.
    fn chart(&mut self, path: &str, root: &Node) {
        let Some(Data::List(items)) = root.get("dependencies").map(|list| &list.data) else { return };
        for (at, item) in items.iter().enumerate() {
            let (Some(name), Some(value)) = (text_of(item, "name"), item.get("version")) else { continue };
            let alias = text_of(item, "alias").unwrap_or(name);
            let artefact = format!("{} {name}", text_of(item, "repository").unwrap_or_default());
            let path = below(&below(&below(path, "dependencies"), &at.to_string()), "version");
            let identity = format!("{} dependency {alias}", self.path);
            self.add(identity, format!("chart {name}"), &artefact, path, value, is_range(value));
        }
    }

    /// The chart of a release of Flux.
    fn helm_release(&mut self, path: &str, root: &Node) {
        let Some(spec) = root.at(&["spec", "chart", "spec"]) else { return };
        let (Some(chart), Some(value)) = (text_of(spec, "chart"), spec.get("version")) else { return };
        let name = root.at(&["metadata", "name"]).and_then(Node::as_text).unwrap_or_default();
        let source = spec.at(&["sourceRef", "name"]).and_then(Node::as_text).unwrap_or_default();
        let path =
            ["spec", "chart", "spec", "version"].iter().fold(path.to_owned(), |path, key| below(&path, key));
        let (identity, what) = (format!("HelmRelease {name}"), format!("HelmRelease {name}, chart {chart}"));
        self.add(identity, what, &format!("{source} {chart}"), path, value, is_range(value));
    }

    /// A `tag` or a `digest` beside a `repository` in values.
    fn values(&mut self, path: &str, node: &Node, within: &str) {
        match &node.data {
            Data::Map(members) => {
                if let Some(repository) = text_of(node, "repository") {
                    let registry = text_of(node, "registry").unwrap_or_default();
                    let artefact = format!("{registry} {repository}");
                    for key in ["tag", "digest"] {
                        let Some(value) = node.get(key) else { continue };
                        if matches!(value.data, Data::Map(_) | Data::List(_) | Data::Null) {
                            continue;
                        }
                        let identity = format!("{} {within} {key}", self.path);
                        let what = format!("{}, {key} of {repository}", within.trim_start_matches('/'));
                        self.add(identity, what, &artefact, below(path, key), value, key == "tag");
                    }
                }
                for member in members {
                    self.values(&below(path, &member.name), &member.value, &below(within, &member.name));
                }
            }
            Data::List(items) => {
                for (at, item) in items.iter().enumerate() {
                    let at = at.to_string();
                    self.values(&below(path, &at), item, &below(within, &at));
                }
            }
            _ => {}
        }
    }
}

/// Whether a version of a chart is a range, which can mean another chart tomorrow.
fn is_range(value: &Node) -> bool {
    value.as_text().is_none_or(|text| text.contains(['^', '~', '>', '<', '*', ' ', '|']))
}

/// The versions of the modules in a file of Terraform; nothing for a file whose form is not understood.
pub fn of_terraform(path: &str, text: &str) -> Option<Vec<Version>> {
    let mut found = Vec::new();
    for module in hcl::modules(text)? {
        let what = format!("module {}", module.name);
        let source = module.source.as_ref().map(|source| source.text.clone()).unwrap_or_default();
        let (plain, reference) = source.split_once("?ref=").unwrap_or((&source, ""));
        let literals = [
            (module.version.as_ref(), "version", source.as_str()),
            (module.source.as_ref().filter(|_| !reference.is_empty()), "source", plain),
        ];
        for (literal, key, artefact) in literals {
            let Some(literal) = literal else { continue };
            let is_moving = match key {
                "version" => literal.text.contains(['^', '~', '>', '<', '*', ' ', ',']),
                _ => reference.len() != 40 || !reference.bytes().all(|byte| byte.is_ascii_hexdigit()),
            };
            found.push(Version {
                identity: format!("{path} {what} {key}"),
                what: what.clone(),
                artefact: artefact.to_owned(),
                line: literal.line,
                words: Some(literal.words),
                yaml: None,
                can_move: is_moving,
            });
        }
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::image;

    #[test]
    fn an_image_is_its_name_without_tag_and_digest() {
        for (text, expected) in [
            ("nginx", ("nginx", false)),
            ("nginx:1.2", ("nginx", false)),
            ("reg:5000/a/b", ("reg:5000/a/b", false)),
            ("reg:5000/a/b:1@sha256:ab", ("reg:5000/a/b", true)),
            ("a@sha256:ab", ("a", true)),
        ] {
            assert_eq!(image(text), expected, "{text}");
        }
    }
}
