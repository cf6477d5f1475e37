//! What must hold after a kill, and after the run that follows it.

use std::process::Output;

use serde_json::Value;

use crate::failure::{Failure, Result};

use super::world::{FOREIGN, Files, World};

/// After a repair: live is desired, nothing is left over, nothing of others was touched, the audit log holds, and
/// the inventory has each object once, with nothing open.
pub fn check(world: &World, apply: Output) -> Result<()> {
    succeeds("apply --yes", &apply)?;
    let desired = world.desired()?;
    same(&expected(&desired), &world.live()?)?;
    succeeds("audit verify", &world.gitops(&["audit", "verify"])?)?;
    let status = status(world)?;
    let count = |name: &str| status[name].as_u64();
    let owned = (count("owned"), count("claimed"), count("deleting"), count("unconfirmed"));
    match status["sync"] == "Synced" && owned == (Some(desired.len() as u64), Some(0), Some(0), Some(0)) {
        true => Ok(()),
        false => {
            Err(Failure::new(format!("{} objects are desired, and the status is {status}", desired.len())))
        }
    }
}

/// After a kill: each file is whole, either as it was or as it shall be.
pub fn nothing_torn(world: &World, before: &Files) -> Result<()> {
    let after = world.desired()?;
    for (path, content) in world.live()?.iter().filter(|(path, _)| !is_bookkeeping(path)) {
        let whole = [before, &after].iter().any(|files| files.get(path) == Some(content));
        if !whole && !is_foreign(path, content) {
            return Err(Failure::new(format!("after the kill, {path} is neither the old file nor the new")));
        }
    }
    Ok(())
}

/// After a kill: what was created is in the inventory or in an open intent.
pub fn nothing_forgotten(world: &World) -> Result<()> {
    let live = world.live()?;
    let ours = live.keys().filter(|path| !is_bookkeeping(path) && live.contains_key(&mark(path))).count();
    let status = status(world)?;
    let known = ["owned", "unconfirmed"].iter().filter_map(|name| status[name].as_u64()).sum::<u64>();
    match ours as u64 <= known {
        true => Ok(()),
        false => Err(Failure::new(format!("{ours} files are ours, and the status knows {known}: {status}"))),
    }
}

fn status(world: &World) -> Result<Value> {
    let output = world.gitops(&["status", "--output", "json"])?;
    succeeds("status", &output)?;
    serde_json::from_slice(&output.stdout).map_err(|error| Failure::new(format!("`gitops status`: {error}")))
}

fn succeeds(verb: &str, output: &Output) -> Result<()> {
    match output.status.success() {
        true => Ok(()),
        false => Err(Failure::new(format!(
            "`gitops {verb}` ended with {}\n{}{}",
            output.status,
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        ))),
    }
}

/// Desired files, each with its owner label, whose content is not ours to say, and those of others.
fn expected(desired: &Files) -> Files {
    let mut files = desired.clone();
    let marks: Vec<String> = files.keys().map(|path| mark(path)).collect();
    files.extend(marks.into_iter().map(|path| (path, Vec::new())));
    files.extend(FOREIGN.map(|(path, content)| (path.to_owned(), content.into())));
    files
}

fn same(expected: &Files, live: &Files) -> Result<()> {
    let missing =
        expected.keys().filter(|path| !live.contains_key(*path)).map(|path| format!("missing {path}"));
    let surplus =
        live.keys().filter(|path| !expected.contains_key(*path)).map(|path| format!("left over {path}"));
    let differs = expected
        .iter()
        .filter(|(path, content)| {
            !is_bookkeeping(path) && live.get(*path).is_some_and(|live| live != *content)
        })
        .map(|(path, _)| format!("differs {path}"));
    let all: Vec<String> = missing.chain(surplus).chain(differs).collect();
    match all.is_empty() {
        true => Ok(()),
        false => Err(Failure::new(format!("live is not desired\n  {}", all.join("\n  ")))),
    }
}

/// The owner label beside a file.
fn mark(path: &str) -> String {
    match path.rsplit_once('/') {
        Some((folder, name)) => format!("{folder}/.{name}.gitops"),
        None => format!(".{path}.gitops"),
    }
}

/// Marks, pending marks and temporary files.
fn is_bookkeeping(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.starts_with('.') && name.contains(".gitops")
}

fn is_foreign(path: &str, content: &[u8]) -> bool {
    FOREIGN.iter().any(|(theirs, text)| *theirs == path && text.as_bytes() == content)
}

#[cfg(test)]
mod tests {
    use super::{Files, is_bookkeeping, mark, same};

    fn files(paths: &[&str]) -> Files {
        paths.iter().map(|path| ((*path).to_owned(), path.as_bytes().to_vec())).collect()
    }

    #[test]
    fn a_missing_a_surplus_and_a_changed_file_are_each_named() {
        let mut live = files(&["left", "both"]);
        live.insert("both".into(), Vec::new());
        let said = same(&files(&["gone", "both"]), &live).expect_err("they differ").to_string();
        for line in ["missing gone", "left over left", "differs both"] {
            assert!(said.contains(line), "{said}");
        }
    }

    #[test]
    fn a_stray_temporary_file_is_not_excused_as_bookkeeping() {
        let live = files(&["a", ".a.gitops", ".a.gitops-tmp"]);
        let said = same(&files(&["a", ".a.gitops"]), &live).expect_err("one is left over").to_string();
        assert!(said.contains("left over .a.gitops-tmp"), "{said}");
    }

    #[test]
    fn the_mark_lies_beside_its_file() {
        assert_eq!(mark("d/f.conf"), "d/.f.conf.gitops");
        assert_eq!(mark("f"), ".f.gitops");
        assert!(is_bookkeeping(&mark("d/f.conf")));
    }
}
