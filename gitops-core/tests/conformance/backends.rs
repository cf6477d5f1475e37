//! The backends of this crate, proven by the kit.

use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use gitops_core::backend::directory::{MAX_FILE_BYTES, file_body, file_kind};
use gitops_core::conformance::{self, Fault, Outside, Samples, Subject};
use gitops_core::*;

/// A memory at the end of a line on which one request may fail.
struct Line {
    memory: Memory,
    /// How many requests pass before the one that fails, and how.
    fails: Mutex<Option<(usize, Fault)>>,
}

impl Line {
    /// How this request fails, if it does.
    fn fault(&self) -> Option<Fault> {
        let mut fails = self.fails.lock().unwrap();
        let (passing, fault) = fails.take()?;
        if passing == 0 {
            return Some(fault);
        }
        *fails = Some((passing - 1, fault));
        None
    }
}

#[async_trait]
impl Target for Line {
    fn info(&self) -> TargetInfo {
        self.memory.info()
    }

    async fn observe(&self, cx: &Cx, scope: &Scope) -> Result<Vec<Live>> {
        match self.fault() {
            Some(_) => Err(Error::new(ErrorKind::Unavailable, "no connection")),
            None => self.memory.observe(cx, scope).await,
        }
    }

    async fn apply(&self, cx: &Cx, change: &Change) -> Result<Applied> {
        match self.fault() {
            Some(Fault::LostAnswer) => {
                let answer = self.memory.apply(cx, change).await;
                answer.and_then(|_| Err(Error::new(ErrorKind::Unavailable, "no answer").outcome_unknown()))
            }
            Some(_) => Err(Error::new(ErrorKind::Unavailable, "no connection")),
            None => self.memory.apply(cx, change).await,
        }
    }

    fn import(&self) -> Option<&dyn capability::Import> {
        self.memory.import()
    }
}

#[async_trait]
impl Outside for Line {
    async fn edit(&self, key: &Key, body: Option<&Value>) -> Result<()> {
        self.memory.edit(key, body.cloned());
        Ok(())
    }

    async fn fault_at(&self, passing: usize, fault: Fault) -> Result<()> {
        *self.fails.lock().unwrap() = Some((passing, fault));
        Ok(())
    }

    async fn mend(&self) -> Result<()> {
        *self.fails.lock().unwrap() = None;
        Ok(())
    }
}

fn note(namespace: &str, name: &str) -> Key {
    Key::new("memory", GroupKind::new("", "Note"), namespace, name)
}

pub fn notes() -> Samples {
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
        let line = Arc::new(Line { memory: Memory::new(), fails: Mutex::default() });
        Ok(Subject::new(line.clone(), notes()).outside(line))
    })
    .run()
    .await;
    report.assert_earned(RecoveryClass::Keyed);
    for number in ["C77", "C78", "C82"] {
        assert!(!report.skipped().contains(&number), "{number} is run: {report}");
    }
}

/// Another program that writes below the root; the folder goes with it.
struct Yard(tempfile::TempDir);

impl Yard {
    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn owner_label(&self, name: &str) -> PathBuf {
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

    async fn copy_owner_label(&self, from: &Key, to: &Key) -> Result<()> {
        fs::copy(self.path(from.name()), self.path(to.name()))?;
        fs::copy(self.owner_label(from.name()), self.owner_label(to.name()))?;
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
    report.assert_earned(RecoveryClass::Keyed);
}
