//! Which files are manifests.

use crate::declare::render::NAMES;
use crate::yaml::{Fault, Node, Place};

/// What to do with a YAML file in which no document has an `apiVersion` and a `kind`, such as the values of a chart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum NonManifests {
    /// It is refused, as by Flux: a manifest may have been cut short.
    #[default]
    Refuse,
    /// It is left out, as by Argo CD.
    Skip,
}

impl NonManifests {
    /// Whether a file's documents are to be left out.
    ///
    /// # Errors
    /// They are to be refused; a kustomization always is, for it is a file of another renderer.
    pub(super) fn are(self, nodes: &[Node], path: &str) -> Result<bool, Fault> {
        let has = |node: &Node, name: &str| node.get(name).is_some();
        // A file that is to be refused gets the better message if it has one of the two.
        let is_object = |node: &Node| match self {
            Self::Skip => has(node, "apiVersion") && has(node, "kind"),
            Self::Refuse => has(node, "apiVersion") || has(node, "kind"),
        };
        match nodes.first() {
            Some(first) if NAMES.contains(&file_name(path)) => Err(kustomization(first.place)),
            Some(first) if !nodes.iter().any(is_object) => match self {
                Self::Skip => Ok(true),
                Self::Refuse => Err(not_a_manifest(first.place, path)),
            },
            _ => Ok(false),
        }
    }
}

fn kustomization(place: Place) -> Fault {
    Fault::new("GO0405", place, "a kustomization, which is no manifest itself").help(
        "give its folder to the renderer of kustomizations, or leave the file out by the source's rules",
    )
}

fn not_a_manifest(place: Place, path: &str) -> Fault {
    let message = format!("`{}` holds no Kubernetes object", file_name(path));
    Fault::new("GO0405", place, message)
        .help("leave it out by the source's rules, or have files without objects skipped")
}

/// The comment by which a file asks to be left out, as Argo CD has it.
const LEFT_OUT: &str = "+argocd:skip-file-rendering";

/// Whether a file asks to be left out, in a comment.
pub(super) fn is_left_out(bytes: &[u8]) -> bool {
    let says_so = |line: &str| line.trim_start().starts_with('#') && line.contains(LEFT_OUT);
    std::str::from_utf8(bytes).is_ok_and(|text| text.contains(LEFT_OUT) && text.lines().any(says_so))
}

pub(super) fn is_manifest(path: &str) -> bool {
    let extension = file_name(path).rsplit_once('.').map(|(_, extension)| extension);
    matches!(extension, Some("yaml" | "yml" | "json"))
}

fn file_name(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(_, name)| name)
}
