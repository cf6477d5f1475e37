use std::collections::BTreeSet;
use std::path::Path;

use gitops_core::{Error, ErrorKind, Result, Value};

use crate::declare::module::RootModule;
use crate::disk;

/// The most bytes that a file of ours may have when it is compared.
const FILE_BYTES: u64 = 64 << 20;

/// Makes the files be as declared. What is equal is not written again; what was declared before and no longer is,
/// is removed; what the tool wrote itself is left alone.
pub(crate) fn materialise(root: &RootModule, tree: &Path) -> Result<()> {
    let list = tree.with_extension("files.json");
    disk::private_folder(tree)?;
    let before: BTreeSet<String> = match disk::read(&list, FILE_BYTES)? {
        Some(bytes) => serde_json::from_slice(&bytes)?,
        None => BTreeSet::new(),
    };
    let now: BTreeSet<String> = root.files.keys().cloned().collect();
    if before != now {
        // Whatever is cut short, the list holds at least what was written.
        let both: BTreeSet<&String> = before.union(&now).collect();
        disk::replace(&list, &serde_json::to_vec(&both)?, false)?;
    }
    for path in before.difference(&now) {
        disk::remove(&tree.join(path))?;
    }
    disk::private_folder(&tree.join(&root.folder))?;
    for (path, content) in &root.files {
        write(&tree.join(path), content, root.executable.contains(path))?;
    }
    if before != now {
        disk::replace(&list, &serde_json::to_vec(&now)?, false)?;
    }
    Ok(())
}

fn write(path: &Path, content: &Value, executable: bool) -> Result<()> {
    let bytes = content.as_bytes().ok_or_else(|| {
        Error::new(ErrorKind::Invalid, format!("the file {} is neither text nor bytes", path.display()))
    })?;
    disk::private_folder(path.parent().unwrap_or(Path::new(".")))?;
    disk::place(path, bytes, executable)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::os::unix::fs::MetadataExt;

    use super::*;

    fn root(files: &[(&str, &str)]) -> RootModule {
        let files: BTreeMap<String, Value> =
            files.iter().map(|(path, text)| ((*path).to_owned(), Value::from(*text))).collect();
        RootModule::new("app", files)
    }

    #[test]
    fn files_become_as_declared_and_a_state_beside_them_stays() {
        let work = tempfile::tempdir().unwrap();
        let tree = work.path().join("tree");
        let first = root(&[("app/a.tf", "1"), ("app/b.tf", "2"), ("modules/m/m.tf", "3")]);
        materialise(&first, &tree).unwrap();
        let at = |path: &str| tree.join(path);
        std::fs::write(at("app/terraform.tfstate"), "state").unwrap();
        let inode = |path: &str| std::fs::metadata(at(path)).unwrap().ino();
        let before = inode("app/a.tf");
        materialise(&root(&[("app/a.tf", "1"), ("modules/m/m.tf", "4")]), &tree).unwrap();
        assert!(!at("app/b.tf").exists());
        assert_eq!(std::fs::read_to_string(at("modules/m/m.tf")).unwrap(), "4");
        assert_eq!(std::fs::read_to_string(at("app/terraform.tfstate")).unwrap(), "state");
        assert_eq!(inode("app/a.tf"), before, "an equal file is not written again");
    }
}
