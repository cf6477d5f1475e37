//! YAML and JSON as `kubectl` and `kustomize` read them, with the place of every value.
//!
//! What `0644`, `yes` or a key written twice mean depends on who reads: two readers of one repository that disagree
//! have already deployed something else than what was reviewed. So this reader has the rules of the two programs that
//! clusters are fed by today, as a [`Dialect`], and is tested against them. It refuses more than they do in a few
//! places where they guess or drop; `docs/kubernetes-manifests.md` lists each.
//!
//! ```
//! use gitops_k8s::yaml::{self, Data, Dialect, YamlLimits};
//! let text = b"mode: 0644\nenabled: yes\n";
//! let documents = yaml::read("a.yaml", text, Dialect::KubectlV2, &YamlLimits::default()).unwrap();
//! let enabled = documents[0].root.get("enabled").unwrap();
//! assert_eq!(enabled.data, Data::Bool(true));
//! assert_eq!((enabled.place.line, enabled.place.column), (2, 10));
//! ```

mod compose;
mod dialect;
mod differs;
mod encoding;
mod fault;
mod float;
mod json;
mod limits;
pub(crate) mod list;
mod mapping;
mod node;
pub(crate) mod parallel;
mod scalar;
mod scan;
mod split;
mod tag;
mod time;
mod written;

use gitops_core::Diagnostic;

pub use dialect::Dialect;
pub(crate) use encoding::utf8;
pub(crate) use fault::{Fault, File};
pub use limits::YamlLimits;
pub use node::{Data, Document, Member, Node, Place};

/// Fewer bytes than these are read as fast on one core as on two.
pub(crate) const WORTH_A_CORE: usize = 64 << 10;

/// Reads every document of a file; a document without content is left out.
///
/// A file whose first character is `{` is JSON, or several JSON values one after the other, as for `kubectl`.
///
/// # Errors
/// The first fault of each document, with its place, since what follows one in the same document can't be trusted; of a
/// file with more than a hundred faulty documents, the first hundred. No message and no excerpt holds a line of a file that may hold a Secret.
pub fn read(
    path: &str,
    bytes: &[u8],
    dialect: Dialect,
    limits: &YamlLimits,
) -> Result<Vec<Document>, Vec<Diagnostic>> {
    read_until(path, bytes, dialect, limits, &|| false)
}

/// Whether nobody wants the rest any more: it is asked before each event of a text, so also inside of a large document.
pub(crate) type Stop<'a> = &'a (dyn Fn() -> bool + Sync);

/// Once so many faults of a file are known, no more are shown.
pub(crate) const FAULTS: usize = 100;

/// The same, and less once `stop` says so; what it gives then is of no use.
///
/// # Errors
/// As for [`read`]; of more than a hundred faulty documents, the first.
pub(crate) fn read_until(
    path: &str,
    bytes: &[u8],
    dialect: Dialect,
    limits: &YamlLimits,
    stop: Stop<'_>,
) -> Result<Vec<Document>, Vec<Diagnostic>> {
    let file = File::new(path, bytes, limits).map_err(|fault| vec![*fault])?;
    let text = file.text();
    let (found, faults) = match text.trim_start().starts_with('{') {
        true => json::documents(text, limits, stop),
        false => yaml_documents(text, dialect, limits, stop),
    };
    match faults.is_empty() {
        true => Ok(found),
        false => Err(faults.iter().take(FAULTS).map(|fault| file.show(fault)).collect()),
    }
}

/// Reads a text as a scalar that was written without quotes at a place; it may bring quotes of its own.
///
/// # Errors
/// JSON can't hold it.
pub(crate) fn plain(place: Place, text: &str, dialect: Dialect) -> Result<Node, Fault> {
    let rules = dialect.rules();
    if let Some(data) = quoted(text, dialect) {
        return Ok(Node { place, data });
    }
    let scalar = scalar::resolve(text, true, tag::Tag::None, rules).unwrap_or(scalar::Scalar::Text);
    written::Written { place, text: text.into(), scalar, is_tagged: false, differs: None }.node(rules)
}

/// The text that is in quotes, if nothing else is there: quotes that were filled in are quotes.
fn quoted(text: &str, dialect: Dialect) -> Option<Data> {
    let is_quoted =
        text.len() > 1 && text.starts_with(['"', '\'']) && text.chars().next_back() == text.chars().next();
    let read =
        || compose::document(text, 1, dialect.rules(), &YamlLimits::default(), &|| false).ok().flatten();
    let data = is_quoted.then(read).flatten()?.root.data;
    matches!(data, Data::Text(_)).then_some(data)
}

/// Documents are read on all cores: none knows of another.
fn yaml_documents(
    text: &str,
    dialect: Dialect,
    limits: &YamlLimits,
    stop: Stop<'_>,
) -> (Vec<Document>, Vec<Fault>) {
    let mut parts: Vec<split::Part<'_>> =
        split::documents(text).take(limits.documents.saturating_add(1)).collect();
    let beyond = (parts.len() > limits.documents).then(|| parts.pop()).flatten();
    let (mut found, mut faults) = (Vec::with_capacity(parts.len()), Vec::new());
    let read = |part: split::Part<'_>| {
        part.check().and_then(|()| compose::document(part.text, part.line, dialect.rules(), limits, stop))
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

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

    use super::*;

    const MANY: usize = 16_000;

    /// How many events were asked for until all was read, or until `enough` were.
    fn work(text: &str, enough: usize) -> (usize, Result<usize, Vec<Diagnostic>>) {
        let asked = AtomicUsize::new(0);
        let stop = || asked.fetch_add(1, SeqCst) >= enough;
        let limits = YamlLimits { documents: 2 * MANY, ..YamlLimits::default() };
        let read = read_until("a.yaml", text.as_bytes(), Dialect::KubectlV2, &limits, &stop);
        (asked.into_inner(), read.map(|documents| documents.len()))
    }

    /// Met with 16,000 nested lists, which took half a minute: what is too deep is left at the limit.
    #[test]
    fn nested_lists_cost_what_the_limit_allows_and_no_more() {
        let depth = YamlLimits::default().depth;
        let blocks: String =
            (0..MANY).flat_map(|level| [" ".repeat(level.min(300)), "-\n".to_owned()]).collect();
        for text in [
            "[".repeat(MANY),
            format!("a: {}", "[".repeat(MANY)),
            format!("{{\"a\": {}", "[".repeat(MANY)),
            blocks,
        ] {
            let (work, read) = work(&text, usize::MAX);
            assert_eq!(read.unwrap_err().len(), 1);
            assert!(work <= depth + 8, "{work} events for a depth of {depth}");
        }
    }

    #[test]
    fn faulty_documents_cost_as_much_as_there_are_and_are_shown_up_to_a_bound() {
        let of = |many: usize| work(&"a: [1, 2\n---\n".repeat(many), usize::MAX);
        let (some, read) = of(MANY / 4);
        assert_eq!(read.unwrap_err().len(), FAULTS);
        let (all, _) = of(MANY);
        assert!(all <= 4 * some + 8, "{all} events for four times the documents of {some}");
    }

    #[test]
    fn a_cancel_ends_the_reading_of_many_documents_and_of_a_large_one() {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let one = format!("a:\n{}", "- {b: c}\n".repeat(MANY));
        let json = format!("{{\"a\": [{} 1]}}", "1,".repeat(MANY));
        for text in ["a: b\n---\n".repeat(MANY), one, json] {
            let (whole, read) = work(&text, usize::MAX);
            assert!(read.is_ok() && whole > MANY, "{whole}");
            let (work, read) = work(&text, 50);
            assert!(read.is_err());
            // Each document that is left asks once more.
            assert!(work <= 50 + cores * 2 + MANY + 2, "{work} events after it was cancelled at 50");
            assert!(work < whole, "{work} of {whole}");
        }
    }
}
