//! YAML and JSON as `kubectl` and `kustomize` read them, with the place of every value.
//!
//! What `0644`, `yes` or a key written twice mean depends on who reads: two readers of one repository that disagree
//! have already deployed something else than what was reviewed. So this reader has the rules of the two programs that
//! clusters are fed by today, as a [`Dialect`], and is tested against them. It refuses more than they do in a few
//! places where they guess or drop; `docs/kubernetes-manifests.md` lists each.
//!
//! ```
//! use gitops_k8s::yaml::{self, Data, Dialect, Limits};
//! let text = b"mode: 0644\nenabled: yes\n";
//! let documents = yaml::read("a.yaml", text, Dialect::KubectlV2, &Limits::default()).unwrap();
//! let enabled = documents[0].root.get("enabled").unwrap();
//! assert_eq!(enabled.data, Data::Bool(true));
//! assert_eq!((enabled.place.line, enabled.place.column), (2, 10));
//! ```

mod compose;
mod dialect;
mod differs;
mod fault;
mod float;
mod json;
mod limits;
mod mapping;
mod node;
mod scalar;
mod scan;
mod split;
mod tag;
mod time;
mod written;

use gitops_core::Diagnostic;

use crate::parallel;

pub use dialect::Dialect;
pub(crate) use fault::{Fault, File};
pub use limits::Limits;
pub use node::{Data, Document, Member, Node, Place};

/// Fewer bytes than these are read as fast on one core as on two.
pub(crate) const WORTH_A_CORE: usize = 64 << 10;

/// Reads every document of a file; a document without content is left out.
///
/// A file whose first character is `{` is JSON, or several JSON values one after the other, as for `kubectl`.
///
/// # Errors
/// All faults, each with its place: the first of each document, since what follows one in the same document can't be
/// trusted. No message and no excerpt holds a line of a file that may hold a Secret.
pub fn read(
    path: &str,
    bytes: &[u8],
    dialect: Dialect,
    limits: &Limits,
) -> Result<Vec<Document>, Vec<Diagnostic>> {
    let file = File::new(path, bytes, limits).map_err(|fault| vec![*fault])?;
    let text = file.text();
    let (found, faults) = match text.trim_start().starts_with('{') {
        true => json::documents(text, limits),
        false => yaml_documents(text, dialect, limits),
    };
    match faults.is_empty() {
        true => Ok(found),
        false => Err(faults.iter().map(|fault| file.show(fault)).collect()),
    }
}

/// Reads a text as a scalar without quotes at a place.
///
/// # Errors
/// JSON can't hold it.
pub(crate) fn plain(place: Place, text: &str, dialect: Dialect) -> Result<Node, Fault> {
    let rules = dialect.rules();
    let scalar = scalar::resolve(text, true, tag::Tag::None, rules).unwrap_or(scalar::Scalar::Text);
    written::Written { place, text: text.into(), scalar, is_tagged: false, differs: None }.node(rules)
}

/// Documents are read on all cores: none knows of another.
fn yaml_documents(text: &str, dialect: Dialect, limits: &Limits) -> (Vec<Document>, Vec<Fault>) {
    let mut parts: Vec<split::Part<'_>> =
        split::documents(text).take(limits.documents.saturating_add(1)).collect();
    let beyond = (parts.len() > limits.documents).then(|| parts.pop()).flatten();
    let (mut found, mut faults) = (Vec::with_capacity(parts.len()), Vec::new());
    let read = |part: split::Part<'_>| {
        part.check().and_then(|()| compose::document(part.text, part.line, dialect.rules(), limits))
    };
    for document in parallel::map(parts, text.len() / WORTH_A_CORE, read) {
        match document {
            Ok(document) => found.extend(document),
            Err(fault) => faults.push(fault),
        }
    }
    if let Some(split::Part { line, .. }) = beyond {
        faults.push(Fault::limit(Place { line, column: 1 }, "documents", limits.documents));
    }
    (found, faults)
}
