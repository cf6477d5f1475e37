//! Plans in files, to be applied as they are.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use gitops_core::{Cx, Digest, Error, ErrorKind, Plan, Result};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// How large a saved plan may be: 256 MiB.
const LIMIT: u64 = 256 << 20;

/// The form in a file. What would be written is not in it: an apply plans again and compares.
#[derive(Serialize, Deserialize)]
struct SavedPlan<P> {
    kind: String,
    format: u32,
    /// The digest of the plan as it stands in the file: whoever edits the one must not forget the other, and then the
    /// plan's id is not that of its content.
    digest: Option<Digest>,
    plan: P,
}

const KIND: &str = "SavedPlan";
const EDITED: &str = "the file was edited after it was saved: its content is not the plan whose id it names";
const FORMAT: u32 = 2;

/// Saves a plan, for the owner alone to read: it names what is in the target. An older plan, or an empty file, is replaced whole; a
/// pipe or a device is written to.
///
/// # Errors
/// `Invalid` if another file is there: it may be the configuration, or the journal. `Storage` or `Forbidden` if the file can't be
/// written. What was there is then as it was.
pub fn save(cx: &Cx, path: &Path, plan: &Plan) -> Result<()> {
    let at = |error: std::io::Error| {
        Error::from(error).with("path", path.display()).help("name a file in a folder that can be written")
    };
    match std::fs::metadata(path) {
        Ok(there) if there.is_file() => {
            // The file that a link leads to, not the link.
            let path = path.canonicalize().map_err(at)?;
            match there.len() == 0 || begins_as_plan(&path).map_err(at)? {
                true => replace(cx, &path, plan).map_err(at),
                false => Err(Error::new(ErrorKind::Invalid, "a file is there that is no saved plan")
                    .with("path", path.display())
                    .help("name another file, or remove this one first")),
            }
        }
        Ok(there) if !there.is_dir() => {
            OpenOptions::new().write(true).open(path).and_then(|file| write(file, plan)).map_err(at)
        }
        _ => replace(cx, path, plan).map_err(at),
    }
}

/// Whether a file begins as [`write`] begins it.
fn begins_as_plan(path: &Path) -> std::io::Result<bool> {
    let head = format!(r#"{{"kind":"{KIND}""#);
    let mut found = Vec::new();
    File::open(path)?.take(head.len() as u64).read_to_end(&mut found)?;
    Ok(found == head.as_bytes())
}

fn replace(cx: &Cx, path: &Path, plan: &Plan) -> std::io::Result<()> {
    let temp = beside(cx, path);
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temp);
    let written = file.and_then(|mut file| {
        write(&mut file, plan)?;
        file.sync_all()
    });
    written.and_then(|()| std::fs::rename(&temp, path)).inspect_err(|_| {
        let _ = std::fs::remove_file(&temp);
    })
}

fn beside(cx: &Cx, path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.{:032x}", cx.random()))
}

fn write(mut to: impl Write, plan: &Plan) -> std::io::Result<()> {
    let digest = Some(Digest::of(&serde_json::to_vec(plan)?));
    let saved = SavedPlan { kind: KIND.to_owned(), format: FORMAT, digest, plan };
    to.write_all(&serde_json::to_vec(&saved)?)?;
    to.flush()
}

/// Loads a saved plan.
///
/// # Errors
/// `NotFound` if there is no such file, `Corrupt` if it is no saved plan or was edited, `Unsupported` if another version
/// wrote it.
pub fn load(path: &Path) -> Result<Plan> {
    let help = "save one with `gitops plan --out FILE`";
    let at = |error: Error| error.with("path", path.display()).help(help);
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|error| at(unopened(error)))?;
    file.take(LIMIT + 1).read_to_end(&mut bytes).map_err(|error| at(error.into()))?;
    if bytes.len() as u64 > LIMIT {
        return Err(at(Error::new(ErrorKind::Limit, format!("a saved plan has at most {LIMIT} bytes"))));
    }
    let not_a_plan = |error| at(Error::new(ErrorKind::Corrupt, "this is not a saved plan").because(error));
    let head: SavedPlan<&RawValue> = serde_json::from_slice(&bytes).map_err(not_a_plan)?;
    match (head.kind.as_str(), head.format) {
        (KIND, FORMAT) => {
            let plan: Plan = serde_json::from_str(head.plan.get()).map_err(not_a_plan)?;
            match head.digest == Some(Digest::of(head.plan.get().as_bytes())) && plan.has_its_id() {
                true => Ok(plan),
                false => Err(at(Error::new(ErrorKind::Corrupt, EDITED))),
            }
        }
        (KIND, ..FORMAT) => Err(at(Error::new(ErrorKind::Unsupported, "an older version saved this plan"))),
        (KIND, _) => Err(at(Error::new(ErrorKind::Unsupported, "a newer version saved this plan"))),
        _ => Err(at(Error::new(ErrorKind::Corrupt, "this is not a saved plan"))),
    }
}

fn unopened(error: std::io::Error) -> Error {
    match error.kind() {
        std::io::ErrorKind::NotFound => Error::new(ErrorKind::NotFound, "there is no such plan file"),
        _ => error.into(),
    }
}
