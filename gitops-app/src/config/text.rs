//! The configuration file as text.

use std::fs::File;
use std::io::{ErrorKind as Io, Read};
use std::path::Path;
use std::string::FromUtf8Error;

use gitops_core::Diagnostic;

/// How large a configuration file may be: 1 MiB.
pub const LIMIT: u64 = 1 << 20;

/// The text of a file.
///
/// # Errors
/// One fault, with the way out, if there is no such file, or it is a folder, too large, or not UTF-8.
pub fn read(path: &Path) -> Result<String, Box<Diagnostic>> {
    let fault = |code, message: String, help: &str| {
        Box::new(Diagnostic::error(code, path.display().to_string(), message).help(help))
    };
    let bytes = bytes(path).map_err(|error| match error.kind() {
        Io::NotFound => {
            let help = "write one with `gitops init`, or name another with `-f FILE`";
            fault("GO0101", "there is no such file".to_owned(), help)
        }
        Io::IsADirectory => {
            let help = "name the file in it, such as `-f FOLDER/gitops.yaml`";
            fault("GO0102", "this is a folder, not a file".to_owned(), help)
        }
        _ => {
            let help = "check its permissions, or name another with `-f FILE`";
            fault("GO0102", format!("the file can't be read: {error}"), help)
        }
    })?;
    if bytes.len() as u64 > LIMIT {
        let message = format!("the file is larger than {LIMIT} bytes (1 MiB)");
        return Err(fault("GO0104", message, "a configuration is a few lines: is this the right file?"));
    }
    String::from_utf8(bytes).map_err(|error| {
        let message = format!("the file is not UTF-8: line {} has other bytes", bad_line(&error));
        fault("GO0103", message, "save it as UTF-8")
    })
}

/// The file's bytes, and one more than the limit if there are more.
fn bytes(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(LIMIT + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn bad_line(error: &FromUtf8Error) -> usize {
    let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
    valid.split(|&byte| byte == b'\n').count()
}
