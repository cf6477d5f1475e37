//! The configuration file as text.

use std::fs::File;
use std::io::{ErrorKind as Io, Read};
use std::path::Path;

use gitops_core::Diagnostic;

/// How large a configuration file may be: 1 MiB.
pub const LIMIT: u64 = 1 << 20;

/// The text of a file.
///
/// # Errors
/// One fault, with the way out, if there is no such file, or it is a folder, too large, or not UTF-8.
pub fn read(path: &Path) -> Result<String, Diagnostic> {
    let name = path.display().to_string();
    let bytes = bytes(path, &name)?;
    if bytes.len() as u64 > LIMIT {
        let message = format!("the file is larger than {LIMIT} bytes (1 MiB)");
        return Err(Diagnostic::error("GO0104", name, message)
            .help("a configuration is a few lines: is this the right file?"));
    }
    String::from_utf8(bytes).map_err(|error| {
        let (valid, _) = error.as_bytes().split_at(error.utf8_error().valid_up_to());
        let line = 1 + valid.split(|&byte| byte == b'\n').count().saturating_sub(1);
        Diagnostic::error("GO0103", name, format!("the file is not UTF-8: line {line} has other bytes"))
            .help("save it as UTF-8")
    })
}

fn bytes(path: &Path, name: &str) -> Result<Vec<u8>, Diagnostic> {
    let unreadable = |error: std::io::Error| match error.kind() {
        Io::NotFound => Diagnostic::error("GO0101", name, "there is no such file")
            .help("write one with `gitops init`, or name another with `-f FILE`"),
        _ => Diagnostic::error("GO0102", name, format!("the file can't be read: {error}"))
            .help("check its permissions, or name another with `-f FILE`"),
    };
    let file = File::open(path).map_err(unreadable)?;
    if file.metadata().map_err(unreadable)?.is_dir() {
        return Err(Diagnostic::error("GO0102", name, "this is a folder, not a file")
            .help("name the file in it, such as `-f FOLDER/gitops.yaml`"));
    }
    let mut bytes = Vec::new();
    file.take(LIMIT + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    Ok(bytes)
}
