//! What the body of a file says: its content, and whether it may be run.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::value::{Error, ErrorKind, Result, Value};

/// The largest file that a directory reads or writes, in bytes: 100 MiB.
pub const MAX_FILE_BYTES: u64 = 100 * 1024 * 1024;

const CONTENT: &str = "content";
const EXECUTABLE: &str = "executable";

/// The body of a file object: `content` (text if it is UTF-8, else bytes) and `executable`.
///
/// Make every body with this function: the same file then has one body, and a comparison finds no difference
/// where there is none.
///
/// ```
/// use gitops_core::backend::directory::{FileBody, file_body};
/// let body = file_body(*b"#!/bin/sh\n", true);
/// let file = FileBody::read(&body)?;
/// assert_eq!((file.content, file.executable), (&b"#!/bin/sh\n"[..], true));
/// # Ok::<(), gitops_core::Error>(())
/// ```
pub fn file_body(content: impl Into<Arc<[u8]>>, executable: bool) -> Value {
    filled_body(Value::text_or_bytes(content), executable)
}

/// The body of a file whose content is yet to be filled.
pub(super) fn filled_body(content: Value, executable: bool) -> Value {
    Value::map([(CONTENT, content), (EXECUTABLE, Value::Bool(executable))])
}

/// What others may use of a file: its `content`, where that is text.
pub(super) fn outputs(body: &Value) -> BTreeMap<String, Value> {
    let content = body.get(CONTENT).filter(|content| content.as_text().is_some());
    content.map(|content| (CONTENT.to_owned(), content.clone())).into_iter().collect()
}

/// A file's body, read from its [`Value`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FileBody<'a> {
    /// The bytes of the file.
    pub content: &'a [u8],
    /// Whether it may be run.
    pub executable: bool,
}

impl<'a> FileBody<'a> {
    /// Reads a body; `executable` may be left out and is then false.
    ///
    /// # Errors
    /// `Invalid` if it is not a map, has no content or a member that a file does not have; `Unsupported` if the
    /// content is secret; `Limit` if it is larger than [`MAX_FILE_BYTES`].
    pub fn read(body: &'a Value) -> Result<Self> {
        let Value::Map(members) = body else { return Err(invalid("is not a map")) };
        if let Some(name) = members.keys().find(|name| ![CONTENT, EXECUTABLE].contains(name)) {
            return Err(invalid(&format!("has the unknown member `{name}`")));
        }
        let executable = match members.get(EXECUTABLE) {
            None => false,
            Some(value) => {
                value.as_bool().ok_or_else(|| invalid("has an `executable` that is no truth value"))?
            }
        };
        Ok(Self { content: content(members.get(CONTENT))?, executable })
    }
}

fn content(value: Option<&Value>) -> Result<&[u8]> {
    if let Some(Value::Secret(_)) = value {
        return Err(Error::new(ErrorKind::Unsupported, "a file can't hold a secret").help(
            "a directory keeps and shows its files in clear; put the secret into a target that guards it",
        ));
    }
    let bytes =
        value.and_then(Value::as_bytes).ok_or_else(|| invalid("has no `content` of text or bytes"))?;
    match bytes.len() as u64 > MAX_FILE_BYTES {
        true => Err(too_large(bytes.len() as u64)),
        false => Ok(bytes),
    }
}

pub(super) fn too_large(bytes: u64) -> Error {
    Error::new(ErrorKind::Limit, "the file is larger than a directory takes")
        .with("bytes", bytes)
        .with("limit", MAX_FILE_BYTES)
        .help("split the file, or keep it out of the directory target")
}

fn invalid(fault: &str) -> Error {
    Error::new(ErrorKind::Invalid, format!("the body of the file {fault}"))
        .help("a renderer of files makes such bodies: use it for this target")
}
