//! The backends of this crate, proven by the kit.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use gitops_core::conformance::{self, Outside, Samples, Subject};
use gitops_core::directory::{MAX_FILE_BYTES, file_body, file_kind};
use gitops_core::*;

struct Hands(Arc<Memory>);

#[async_trait]
impl Outside for Hands {
    async fn edit(&self, key: &Key, body: Option<&Value>) -> Result<()> {
        self.0.edit(key, body.cloned());
        Ok(())
    }
}

fn note(namespace: &str, name: &str) -> Key {
    Key::new("memory", GroupKind::new("", "Note"), namespace, name)
}

fn notes() -> Samples {
    let text = |text: &str| Value::map([("text", Value::from(text))]);
    Samples::new(|n| note("", &format!("note-{n:04}")), move |n| text(&format!("text {n}")))
        .text(text)
        .secret(|secret| Value::map([("secret", Value::Secret(secret))]))
        .neighbours([note("", "near"), note("", "near-by"), note("a", "near")])
        .narrowing(Value::map([("text", Value::from("a")), ("more", "b".into())]), text("a"))
}

#[tokio::test]
async fn memory_is_keyed() {
    let report = conformance::target(|| async {
        let memory = Arc::new(Memory::new());
        Ok(Subject::new(memory.clone(), notes()).outside(Arc::new(Hands(memory))))
    })
    .run()
    .await;
    report.assert_earned(Tier::Keyed);
}

/// Another program that writes below the root; the folder goes with it.
struct Yard(tempfile::TempDir);

impl Yard {
    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn mark(&self, name: &str) -> PathBuf {
        self.path(&format!(".{name}.gitops"))
    }
}

#[async_trait]
impl Outside for Yard {
    async fn edit(&self, key: &Key, body: Option<&Value>) -> Result<()> {
        match body.and_then(|body| body.get("content")).and_then(Value::as_bytes) {
            Some(content) => fs::write(self.path(key.name()), content)?,
            None => fs::remove_file(self.path(key.name()))?,
        }
        Ok(())
    }

    async fn copy_mark(&self, from: &Key, to: &Key) -> Result<()> {
        fs::copy(self.path(from.name()), self.path(to.name()))?;
        fs::copy(self.mark(from.name()), self.mark(to.name()))?;
        Ok(())
    }

    async fn damage(&self, key: &Key) -> Result<()> {
        fs::remove_file(self.path(key.name()))?;
        fs::create_dir(self.path(key.name()))?;
        Ok(())
    }
}

fn file(name: &str) -> Key {
    Key::new("dir", file_kind(), "", name)
}

fn files() -> Samples {
    let content = |text: &str| file_body(text.as_bytes(), false);
    Samples::new(|n| file(&format!("file-{n:04}")), move |n| content(&format!("content {n}")))
        .text(content)
        .neighbours([file("near"), file("near-by"), file("folder/near")])
        .unknown_kind(Key::new("dir", GroupKind::new("", "Folder"), "", "a"))
        .invalid(Value::Bool(true))
        .too_large(file_body(vec![b'x'; usize::try_from(MAX_FILE_BYTES).unwrap() + 1], false))
        .illegal_keys([file("../out"), file(".a.gitops"), file("/etc/passwd"), file(&"n".repeat(244))])
        .many(40)
}

#[tokio::test]
async fn a_directory_is_keyed() {
    let samples = files();
    let report = conformance::target(move || {
        let samples = samples.clone();
        async {
            let folder = tempfile::tempdir()?;
            let directory = Directory::open(folder.path(), "dir")?;
            Ok(Subject::new(Arc::new(directory), samples).outside(Arc::new(Yard(folder))))
        }
    })
    .run()
    .await;
    report.assert_earned(Tier::Keyed);
}
