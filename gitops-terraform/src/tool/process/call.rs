use std::any::Any;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use gitops_core::process::ProcessGroup;
use gitops_core::{Cx, Error, ErrorKind, Result};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};
use tokio_util::sync::CancellationToken;

use super::ring::Ring;
use super::{Confinement, Environment, Program};

/// Bytes of the end of a run's standard error that are kept.
const STDERR_BYTES: usize = 64 << 10;

/// How long a run that was killed may take to be gone.
const GONE_WITHIN: Duration = Duration::from_secs(5);

/// One run of the program: its arguments, its environment, its bounds.
pub(crate) struct Call {
    program: Arc<Program>,
    arguments: Vec<OsString>,
    environment: Environment,
    folder: PathBuf,
    output: Output,
    patience: Duration,
    kept: Kept,
    confinement: Option<Confinement>,
}

/// What a run needs to be there for as long as it is at work.
type Kept = Option<Arc<dyn Any + Send + Sync>>;

/// Where the output of a run goes.
#[derive(Debug)]
pub(crate) enum Output {
    /// The latest lines are kept, up to 8 MiB.
    Lines,
    /// All of it is kept; more than so many bytes are an error.
    Document(usize),
    /// Into files, for standard output and error: the run goes on if this process ends.
    Files(File, File),
}

/// How a run ended, and what it printed.
#[derive(Debug)]
pub(crate) struct Ended {
    pub status: ExitStatus,
    pub stdout: Vec<u8>,
    pub stderr: String,
}

impl Call {
    /// A run in a folder, with an environment.
    pub fn new(program: &Arc<Program>, folder: &Path, environment: Environment) -> Self {
        Self {
            program: program.clone(),
            arguments: Vec::new(),
            environment,
            folder: folder.into(),
            output: Output::Lines,
            patience: Duration::from_secs(30),
            kept: None,
            confinement: None,
        }
    }

    /// Keeps something for as long as the run is at work.
    pub fn keep(mut self, kept: Arc<dyn Any + Send + Sync>) -> Self {
        self.kept = Some(kept);
        self
    }

    /// Keeps the run from reading what is ours.
    pub fn confined(mut self, confinement: Confinement) -> Self {
        self.confinement = Some(confinement);
        self
    }

    /// Adds arguments.
    pub fn args<A: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.arguments.extend(arguments.into_iter().map(|argument| argument.as_ref().into()));
        self
    }

    /// Says where the output goes.
    pub fn output(mut self, output: Output) -> Self {
        self.output = output;
        self
    }

    /// How long the run may take to end by itself after it was asked to.
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Starts it.
    ///
    /// # Errors
    /// `Unsupported` if the program can't be started.
    pub fn start(self) -> Result<Run> {
        self.program.count();
        let (stdout, stderr, document) = match self.output {
            Output::Lines => (Stdio::piped(), Stdio::piped(), None),
            Output::Document(limit) => (Stdio::piped(), Stdio::piped(), Some(limit)),
            Output::Files(out, err) => (Stdio::from(out), Stdio::from(err), None),
        };
        let mut command = Command::new(self.program.path());
        command.args(&self.arguments).current_dir(&self.folder).process_group(0).stdin(Stdio::null());
        command.env_clear().envs(self.environment.into_variables()).stdout(stdout).stderr(stderr);
        let spawned = match &self.confinement {
            Some(confinement) => {
                let (spawned, confined) = confinement.start(|| command.spawn())?;
                self.program.note(confined);
                spawned
            }
            None => command.spawn(),
        };
        let child = spawned.map_err(|error| not_started(self.program.path(), error))?;
        let group = ProcessGroup::led_by(child.id());
        Ok(Run { group, child, document, patience: self.patience, _kept: self.kept })
    }

    /// Runs it to its end. What is not begun when somebody asks to stop is not begun any more: also not the apply of a change
    /// that was sent and waits for its turn.
    ///
    /// # Errors
    /// `Timeout` or `Cancelled` after the run was interrupted and, if it took too long to end, killed; `Limit` if it
    /// printed too much. A status that is not zero is no error here.
    ///
    /// # Cancel safety
    /// If the future is dropped, the run is interrupted, and killed if it takes too long to end.
    pub async fn run(self, cx: &Cx) -> Result<Ended> {
        let _turn = cx.to_begin(cx.program_turn()).await?;
        self.start()?.finish(cx).await
    }
}

fn not_started(program: &Path, error: std::io::Error) -> Error {
    Error::new(ErrorKind::Unsupported, format!("`{}` could not be started: {error}", program.display()))
        .because(error)
        .help(format!("{}, or name the program's path", crate::tool::NEEDED))
}

/// A run that was started.
pub(crate) struct Run {
    child: Child,
    group: ProcessGroup,
    document: Option<usize>,
    patience: Duration,
    _kept: Kept,
}

impl Run {
    /// Waits for its end; see [`Call::run`].
    pub async fn finish(self, cx: &Cx) -> Result<Ended> {
        let (cx, stop) = (cx.clone(), CancellationToken::new());
        let guard = stop.clone().drop_guard();
        let ended = tokio::spawn(self.supervise(cx, stop)).await;
        drop(guard.disarm());
        ended.unwrap_or_else(|error| {
            Err(Error::new(ErrorKind::Cancelled, "the runtime is shutting down")
                .because(error)
                .outcome_unknown())
        })
    }

    async fn supervise(mut self, cx: Cx, stop: CancellationToken) -> Result<Ended> {
        let (group, patience) = (self.group, self.patience);
        // Nobody would hear of a run without files any more; one with files is found by the next process.
        let _leash = self.child.stdout.is_some().then(|| group.leash());
        let mut end = pin!(self.end());
        let why = tokio::select! {
            biased;
            ended = &mut end => {
                group.kill();
                return ended;
            }
            why = over(&cx, &stop) => why,
        };
        group.interrupt();
        if within(patience, &mut end).await.is_none() {
            group.kill();
            within(GONE_WITHIN, &mut end).await;
        }
        group.kill();
        Err(why)
    }

    /// Drains the pipes until they close, then waits for the status.
    async fn end(&mut self) -> Result<Ended> {
        let (stdout, stderr, document) = (self.child.stdout.take(), self.child.stderr.take(), self.document);
        let stdout = async move {
            match (stdout, document) {
                (None, _) => Ok(Vec::new()),
                (Some(pipe), None) => latest_lines(pipe).await,
                (Some(pipe), Some(limit)) => whole(pipe, limit).await,
            }
        };
        let stderr = async move {
            match stderr {
                Some(pipe) => tail(pipe, STDERR_BYTES).await,
                None => Ok(Vec::new()),
            }
        };
        let (stdout, stderr) = tokio::join!(stdout, stderr);
        let status = self.child.wait().await?;
        Ok(Ended { status, stdout: stdout?, stderr: String::from_utf8_lossy(&stderr?).into_owned() })
    }
}

/// Waits until the context ends or the caller went away, and says which.
async fn over(cx: &Cx, stop: &CancellationToken) -> Error {
    let ends = cx.bounded(std::future::pending::<Result<()>>());
    tokio::select! {
        biased;
        () = stop.cancelled() => Error::new(ErrorKind::Cancelled, "the caller went away").outcome_unknown(),
        ended = ends => ended.err().unwrap_or_else(|| Error::new(ErrorKind::Cancelled, "asked to stop")),
    }
}

/// A real process gets real time, whatever clock the context has.
async fn within<T>(patience: Duration, end: impl Future<Output = T>) -> Option<T> {
    Cx::system().within(patience).bounded(async { Ok(end.await) }).await.ok()
}

async fn latest_lines(mut from: impl AsyncRead + Unpin) -> Result<Vec<u8>> {
    let mut ring = Ring::default();
    drain(&mut from, |bytes| ring.feed(bytes)).await?;
    Ok(ring.finish())
}

/// Reads all, keeps at most `limit` bytes, and says so if there were more.
async fn whole(mut from: impl AsyncRead + Unpin, limit: usize) -> Result<Vec<u8>> {
    let (mut kept, mut total) = (Vec::new(), 0);
    drain(&mut from, |bytes| {
        total += bytes.len();
        kept.extend_from_slice(&bytes[..bytes.len().min(limit.saturating_sub(kept.len()))]);
    })
    .await?;
    match total > limit {
        true => Err(Error::new(ErrorKind::Limit, format!("the tool printed {total} bytes"))
            .with("limit", limit)
            .help("split the root module into smaller ones")),
        false => Ok(kept),
    }
}

async fn tail(mut from: impl AsyncRead + Unpin, limit: usize) -> Result<Vec<u8>> {
    let mut kept = Vec::new();
    drain(&mut from, |bytes| {
        kept.extend_from_slice(bytes);
        let surplus = kept.len().saturating_sub(limit);
        kept.drain(..surplus);
    })
    .await?;
    Ok(kept)
}

async fn drain(from: &mut (impl AsyncRead + Unpin), mut take: impl FnMut(&[u8])) -> Result<()> {
    let mut buffer = vec![0; 64 << 10];
    loop {
        match from.read(&mut buffer).await? {
            0 => return Ok(()),
            count => take(&buffer[..count]),
        }
    }
}
