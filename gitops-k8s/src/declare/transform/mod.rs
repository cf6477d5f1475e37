//! Steps between documents and objects.

mod expression;
mod substitute;

use std::cell::OnceCell;
use std::fmt;

use gitops_core::{Cx, Diagnostic, Digest};

use crate::declare::render::Origins;
use crate::yaml::{Dialect, Document, Fault, File, Place};

pub use substitute::Substitute;

/// A step that changes documents after they were read and before they become objects, such as substitution or decryption.
///
/// # Guarantees asked of an implementation
/// The same documents give the same documents: whatever else it depends on is in the
/// [`fingerprint`](Self::fingerprint). What it decrypts, it puts in as [`Data::Secret`](crate::yaml::Data::Secret).
pub trait Transform: fmt::Debug + Send + Sync {
    /// Changes the documents of a file. It runs on a thread that may be blocked; what takes long looks at the context now
    /// and then, and ends what it started.
    ///
    /// # Errors
    /// All faults, each with its place.
    fn transform(
        &self,
        cx: &Cx,
        sheet: &Sheet<'_>,
        documents: &mut [Document],
    ) -> Result<(), Vec<Diagnostic>>;

    /// The digest of all that it depends on; no secret can be guessed from it.
    fn fingerprint(&self) -> Digest;
}

/// The file whose documents are changed.
pub struct Sheet<'a> {
    file: &'a File<'a>,
    dialect: Dialect,
    lines: OnceCell<Vec<&'a str>>,
    origins: Option<&'a Origins<'a, 'a>>,
}

impl<'a> Sheet<'a> {
    pub(crate) fn new(file: &'a File<'a>, dialect: Dialect, origins: Option<&'a Origins<'a, 'a>>) -> Self {
        Self { file, dialect, lines: OnceCell::new(), origins }
    }

    /// How its scalars are read.
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// Whether the scalar at a place is written without quotes: in the file that it comes from, where a program printed it
    /// and that is known, for `kustomize` leaves out quotes that it needs not.
    pub fn is_plain(&self, place: Place) -> bool {
        let first = self.line(place).chars().nth((place.column as usize).saturating_sub(1));
        let is_plain = !matches!(first, None | Some('"' | '\'' | '|' | '>' | '!' | '&'));
        is_plain && !self.origins.is_some_and(|origins| origins.is_quoted(place))
    }

    fn line(&self, place: Place) -> &'a str {
        let lines = self.lines.get_or_init(|| self.file.text().lines().collect());
        lines.get((place.line as usize).saturating_sub(1)).copied().unwrap_or_default()
    }

    /// A fault of the file.
    pub fn fault(
        &self,
        code: &'static str,
        place: Place,
        message: impl Into<String>,
        help: impl Into<String>,
    ) -> Diagnostic {
        self.show(&Fault::new(code, place, message).help(help))
    }

    pub(crate) fn show(&self, fault: &Fault) -> Diagnostic {
        self.file.show(fault)
    }
}
