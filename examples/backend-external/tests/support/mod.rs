//! The program behind one that fails on purpose, and another client of the same database.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use backend_external::SCRIPT;
use gitops_core::backend::service::{External, Program, ServiceTarget};
use gitops_core::conformance::{CountedPages, Fault, Outside};
use gitops_core::*;
use serde_json::{Value as Json, json};
use tempfile::TempDir;
use tokio::sync::Mutex;

const FAULTY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/faulty.py");

/// A database of flags of its own.
pub struct Flags {
    folder: TempDir,
    pub target: Arc<ServiceTarget<CountedPages<External>>>,
    later_pages: Arc<AtomicUsize>,
    other: Mutex<std::process::Child>,
}

impl Flags {
    pub async fn start() -> Result<Self> {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("flags.db").display().to_string();
        fs::write(folder.path().join("control"), "\n\n").unwrap();
        let settings = Value::map([("database", Value::from(database.as_str()))]);
        let program = Program::new(python()).arg(FAULTY).arg(folder.path().join("control")).arg(SCRIPT);
        let external = External::start(&Cx::system(), program.settings(settings)).await?;
        let later_pages = Arc::<AtomicUsize>::default();
        let target = Arc::new(ServiceTarget::new(CountedPages::new(external, later_pages.clone())));
        let other = Mutex::new(sqlite(&database));
        Ok(Self { folder, target, later_pages, other })
    }

    fn control(&self) -> PathBuf {
        self.folder.path().join("control")
    }

    /// Lets the other client run a statement; its rows.
    async fn sql(&self, statement: &str, values: &[Json]) -> Vec<Vec<Json>> {
        use std::io::{BufRead, BufReader, Write};
        let mut other = self.other.lock().await;
        writeln!(other.stdin.as_mut().unwrap(), "{}", json!([statement, values])).unwrap();
        let mut line = String::new();
        // One line is asked for and one is answered: nothing is left in the reader.
        BufReader::new(other.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap()
    }

    async fn fields(&self, key: &Key) -> Option<Json> {
        let rows = self.sql("SELECT fields FROM flags WHERE name = ?", &[key.name().into()]).await;
        serde_json::from_str(rows.first()?[0].as_str()?).ok()
    }

    async fn write(&self, key: &Key, fields: String) {
        let values = [fields.into(), key.name().into()];
        self.sql("UPDATE flags SET fields = ?, version = hex(randomblob(16)) WHERE name = ?", &values).await;
    }
}

impl Drop for Flags {
    fn drop(&mut self) {
        let other = self.other.get_mut();
        other.kill().and_then(|()| other.wait()).map(drop).unwrap_or_default();
    }
}

/// The interpreter itself: what is on the path may be a script that looks for it each time.
fn python() -> &'static str {
    static PYTHON: OnceLock<String> = OnceLock::new();
    PYTHON.get_or_init(|| {
        let print = ["-c", "import sys; print(sys.executable)"];
        let output = std::process::Command::new("python3").args(print).output();
        let output = output.expect("this test needs python3 on the PATH: install it");
        assert!(output.status.success(), "python3 does not run: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    })
}

/// A client that runs one statement a line.
fn sqlite(database: &str) -> std::process::Child {
    let script = "import json, sqlite3, sys
db = sqlite3.connect(sys.argv[1], timeout=10, isolation_level=None)
for line in sys.stdin:
    print(json.dumps(db.execute(*json.loads(line)).fetchall()), flush=True)";
    let mut command = std::process::Command::new(python());
    command.args(["-c", script, database]).stdin(std::process::Stdio::piped());
    command.stdout(std::process::Stdio::piped()).spawn().unwrap()
}

fn fault(fault: Fault) -> Result<Json> {
    let refusal = |kind: &str| json!({ "kind": kind, "message": kind });
    Ok(match fault {
        Fault::Throttled(wait) => {
            json!({ "kind": "unavailable", "message": "slow down", "retryAfterSeconds": wait.as_secs() })
        }
        Fault::Overloaded | Fault::Unreachable => refusal("unavailable"),
        Fault::Unauthenticated => refusal("unauthenticated"),
        Fault::Forbidden => refusal("forbidden"),
        Fault::Quoted => "quoted".into(),
        Fault::LostAnswer => "lost".into(),
        Fault::CutAnswer => "cut".into(),
        _ => return Err(Error::new(ErrorKind::Unsupported, "the program can't do this")),
    })
}

#[async_trait]
impl Outside for Flags {
    async fn edit(&self, key: &Key, body: Option<&Value>) -> Result<()> {
        let Some(body) = body else {
            self.sql("DELETE FROM flags WHERE name = ?", &[key.name().into()]).await;
            return Ok(());
        };
        // One statement: between two of them the backend's own change could come, and one of both would be lost.
        let statement = "INSERT INTO flags VALUES (?, ?, '', hex(randomblob(16)), hex(randomblob(16))) ON CONFLICT (name) DO
            UPDATE SET fields = json_patch(fields, excluded.fields), version = hex(randomblob(16))";
        let body: Json = serde_json::to_value(body).unwrap();
        self.sql(statement, &[key.name().into(), body.to_string().into()]).await;
        Ok(())
    }

    async fn add_field(&self, key: &Key) -> Result<()> {
        let mut fields = self.fields(key).await.unwrap();
        fields["owner"] = "of another client".into();
        self.write(key, fields.to_string()).await;
        Ok(())
    }

    async fn has_field(&self, key: &Key) -> Result<bool> {
        Ok(self.fields(key).await.unwrap()["owner"] == "of another client")
    }

    async fn copy_owner_label(&self, from: &Key, to: &Key) -> Result<()> {
        let statement = "INSERT INTO flags SELECT ?, fields, label, version, hex(randomblob(16)) FROM flags WHERE name = ?";
        self.sql(statement, &[to.name().into(), from.name().into()]).await;
        Ok(())
    }

    async fn damage(&self, key: &Key) -> Result<()> {
        self.write(key, "no JSON".to_owned()).await;
        Ok(())
    }

    async fn fault(&self, kind: Fault) -> Result<()> {
        fs::write(self.control(), format!("all\n{}\n", fault(kind)?)).unwrap();
        Ok(())
    }

    async fn fault_at(&self, passing: usize, kind: Fault) -> Result<()> {
        fs::write(self.control(), format!("{passing}\n{}\n", fault(kind)?)).unwrap();
        Ok(())
    }

    async fn fault_later_pages(&self, kind: Fault) -> Result<()> {
        fs::write(self.control(), format!("pages\n{}\n", fault(kind)?)).unwrap();
        Ok(())
    }

    async fn later_pages(&self) -> Result<usize> {
        Ok(self.later_pages.load(Ordering::Relaxed))
    }

    async fn mend(&self) -> Result<()> {
        fs::write(self.control(), "\n\n").unwrap();
        Ok(())
    }
}
