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

/// Saves a plan, for the owner alone to read: it names what is in the target. An older file is replaced whole.
///
/// # Errors
/// `Storage` or `Forbidden` if the file can't be written; an older one is then as it was.
pub fn save(cx: &Cx, path: &Path, plan: &Plan) -> Result<()> {
    let at = |error: std::io::Error| {
        Error::from(error).with("path", path.display()).help("name a file in a folder that can be written")
    };
    let temp = beside(cx, path);
    let written = write(&temp, plan).and_then(|()| std::fs::rename(&temp, path));
    written.map_err(|error| {
        let _ = std::fs::remove_file(&temp);
        at(error)
    })
}

fn beside(cx: &Cx, path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.{:032x}", cx.random()))
}

fn write(path: &Path, plan: &Plan) -> std::io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    let digest = Some(Digest::of(&serde_json::to_vec(plan)?));
    let saved = SavedPlan { kind: KIND.to_owned(), format: FORMAT, digest, plan };
    file.write_all(&serde_json::to_vec(&saved)?)?;
    file.sync_all()
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
