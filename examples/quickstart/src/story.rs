use std::path::{Path, PathBuf};
use std::sync::Arc;

use gitops_core::backend::directory::{Directory, FileRender};
use gitops_core::{ApplyOptions, Cx, Engine, Error, ErrorKind, FileAudit, Plan, Report, Result, StateDir};
use gitops_git::{GitRef, GitSource};

use crate::repository::Repository;

/// How many steps of a plan are listed.
const LISTED: usize = 12;

/// The main job, told as it is done.
pub struct Story {
    cx: Cx,
    engine: Engine,
    repository: Repository,
    live: PathBuf,
    state: PathBuf,
    first: String,
}

impl Story {
    /// Opens an engine on a repository, a folder and a state of its own.
    pub async fn begin(folder: &Path, repository: Repository) -> Result<Self> {
        let cx = Cx::system();
        let (live, state) = (folder.join("live"), folder.join("state"));
        let source = GitSource::builder(repository.url())
            .reference(GitRef::branch(&repository.branch()?)?)
            .mirrors(folder.join("mirrors"))
            .build()?;
        let engine = Engine::builder("quickstart")
            .source(Arc::new(source))
            .render(Arc::new(FileRender::new("dir")))
            .target("dir", Arc::new(Directory::open(&live, "dir")?))
            .state(StateDir::open(&state, &cx)?)
            .open(&cx)
            .await?;
        let first = repository.head()?;
        println!("Source  {}", repository.url());
        println!("Target  {}", live.display());
        Ok(Self { cx, engine, repository, live, state, first })
    }

    /// Plans the first revision, applies exactly that plan, and shows that a second reconciliation does nothing.
    pub async fn first_apply(&mut self) -> Result<()> {
        chapter("1. Plan: what would be done, and why. Nothing is written.");
        let plan = self.engine.plan(&self.cx).await?;
        show(&plan);
        chapter("2. Apply exactly that plan.");
        let report = self.apply(&plan).await?;
        println!(
            "   {} files made; {} as declared.",
            report.applied(),
            report.plan.unchanged + report.applied()
        );
        let again = self.engine.reconcile(&self.cx).await?;
        println!("   A second pass finds nothing to do and writes nothing: {} steps.", again.results.len());
        Ok(())
    }

    /// Takes a new commit: only what it changed is read, compared and written.
    pub async fn new_commit(&mut self) -> Result<()> {
        chapter("3. A new commit arrives: one file changed, one added.");
        self.repository.change(&self.some_file("")?)?;
        let plan = self.engine.plan(&self.cx).await?;
        show(&plan);
        self.apply(&plan).await.map(|_| ())
    }

    /// Changes a file and removes another behind the engine's back, and repairs both.
    pub async fn drift(&mut self) -> Result<()> {
        chapter("4. Somebody edits one file by hand and removes another: drift.");
        let edited = self.some_file("")?;
        let removed = self.some_file(&edited).unwrap_or_else(|_| edited.clone());
        let (edited_path, removed_path) = (self.live.join(&edited), self.live.join(&removed));
        let declared = std::fs::read(&edited_path)?;
        std::fs::write(&edited_path, "edited by hand\n")?;
        std::fs::remove_file(&removed_path)?;
        let plan = self.engine.plan(&self.cx).await?;
        show(&plan);
        self.apply(&plan).await?;
        check(removed_path.exists(), "the removed file is back")?;
        check(edited == removed || std::fs::read(&edited_path)? == declared, "the edited file is as declared")
    }

    /// Goes back to the first revision and holds to it, then follows the branch again.
    pub async fn rollback(&mut self) -> Result<()> {
        chapter("5. Roll back to the first revision, and hold to it.");
        let pin = self.engine.pin(&self.cx, &self.first, "quickstart").await?;
        let plan = self.engine.plan(&self.cx).await?;
        show(&plan);
        self.apply(&plan).await?;
        println!(
            "   Pinned to {} until the rollback is ended; drift is still repaired.",
            pin.revision.short()
        );
        check(!self.live.join("quickstart-note.txt").exists(), "what the second commit added is gone")?;
        chapter("6. End the rollback: follow the branch again.");
        self.engine.unpin(&self.cx, "quickstart").await?;
        let plan = self.engine.plan(&self.cx).await?;
        self.apply(&plan).await?;
        check(self.live.join("quickstart-note.txt").exists(), "what the second commit added is back")
    }

    /// Verifies the audit log, and compares the folder with the repository.
    pub async fn end(mut self) -> Result<()> {
        chapter("7. Who did what: the audit log.");
        let report = self.engine.reconcile(&self.cx).await?;
        check(report.is_converged() && report.results.is_empty(), "everything is as declared")?;
        let audit = FileAudit::verify(self.state.join("audit.jsonl"))?;
        println!("   {} entries, each naming the hash of the one before; none was changed.", audit.entries);
        println!("\nDone. The folder equals the repository at {}.", &self.repository.head()?[..12]);
        println!("Next: `cargo run -p gitops -- init` for an application of your own.");
        Ok(())
    }

    async fn apply(&mut self, plan: &Plan) -> Result<Report> {
        let report = self.engine.apply(&self.cx, plan, &ApplyOptions::naming_the_plan("quickstart")).await?;
        check(report.is_converged(), "every step was done")?;
        Ok(report)
    }

    /// The first declared text file that is another than `other`.
    fn some_file(&self, other: &str) -> Result<String> {
        let owned = self.engine.inventory().entries().keys().map(|key| key.name().to_owned());
        let is_text = |name: &String| std::fs::read_to_string(self.live.join(name)).is_ok();
        owned.filter(|name| name != other && name != "quickstart-note.txt").find(is_text).ok_or_else(|| {
            Error::new(ErrorKind::Invalid, "the repository has no text file to play with")
                .help("use a repository with at least two text files")
        })
    }
}

fn chapter(title: &str) {
    println!("\n{title}");
}

/// A plan, as the `gitops` command shows it.
fn show(plan: &Plan) {
    println!("   Plan {} for {}", plan.id.short(), plan.revision);
    for step in plan.steps.iter().take(LISTED) {
        let fields: Vec<String> = step.diff.fields().iter().map(ToString::to_string).collect();
        let reason = if fields.is_empty() { step.reason.to_string() } else { fields.join(", ") };
        println!(
            "   {:<3} {:<8} {:<28} {reason}",
            step.action.symbol(),
            step.action.to_string(),
            step.key.name()
        );
    }
    if plan.steps.len() > LISTED {
        println!("   … and {} more", plan.steps.len() - LISTED);
    }
    println!("   {} unchanged", plan.unchanged);
}

fn check(holds: bool, what: &str) -> Result<()> {
    if holds {
        println!("   ✓ {what}");
        return Ok(());
    }
    Err(Error::new(ErrorKind::Internal, format!("expected that {what}, and it is not so")))
}
