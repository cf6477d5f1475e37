use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};

use gitops_core::process::{AtLimit, ProcessGroup};
use gitops_core::redact;
use gitops_core::{Cx, Error, ErrorKind, Result, Secret};
use tokio::process::{Child, Command};

use super::environment::{self, Variable};
use super::output::{self, Output};
use super::running::{Running, stop};
use crate::credentials::Credentials;
use crate::url::GitUrl;

/// Bytes of a call's standard error that are kept.
pub(super) const STDERR_BYTES: usize = 16 << 10;

/// What holds for every call, whatever the user's own configuration says.
const CONFIG: [&str; 22] = [
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.attributesFile=/dev/null",
    "core.deltaBaseCacheLimit=64m",
    "core.packedGitLimit=256m",
    "core.packedGitWindowSize=32m",
    "credential.helper=",
    "fetch.fsckObjects=true",
    "fetch.recurseSubmodules=false",
    "fetch.unpackLimit=1",
    "fetch.writeCommitGraph=false",
    "gc.auto=0",
    "http.followRedirects=false",
    "http.lowSpeedLimit=1",
    "http.lowSpeedTime=60",
    "maintenance.auto=false",
    "pack.threads=2",
    "protocol.version=2",
    "push.recurseSubmodules=no",
    "submodule.recurse=false",
    "transfer.bundleURI=false",
    "transfer.fsckObjects=true",
];

/// Whom a call believes beside the authorities of the system.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trust {
    /// The file with the certificates of the authorities that count instead, for https.
    pub authorities: Option<PathBuf>,
}

/// One call of the `git` program: its arguments, its environment, its bounds.
pub(crate) struct Call {
    program: PathBuf,
    arguments: Vec<OsString>,
    environment: Vec<Variable>,
    secret: Option<Secret>,
    lock: Option<File>,
    stdout_bytes: usize,
    file_bytes: Option<u64>,
    memory_bytes: Option<u64>,
}

impl Call {
    /// A call of git with a clean environment.
    pub fn new(program: &Path) -> Self {
        Self::of(program).args(CONFIG.iter().flat_map(|setting| ["-c", setting]))
    }

    /// A call of any program with a clean environment.
    pub fn of(program: &Path) -> Self {
        Self {
            program: program.into(),
            arguments: Vec::new(),
            environment: environment::plain(),
            secret: None,
            lock: None,
            stdout_bytes: 64 << 10,
            file_bytes: None,
            memory_bytes: None,
        }
    }

    /// Lets it talk to the server of a URL, as somebody.
    pub fn with_server(mut self, url: &GitUrl, credentials: &Credentials, trust: &Trust) -> Self {
        self.environment = environment::for_server(url, credentials);
        if let Some(file) = &trust.authorities {
            // A setting of git's own, which each of the libraries that it may be built with takes.
            let mut setting = OsString::from("http.sslCAInfo=");
            setting.push(file);
            self = self.args([OsStr::new("-c"), &setting]);
        }
        if let Some(helper) = environment::credential_helper(url, credentials) {
            self = self.args(["-c", &helper]);
        }
        if let Credentials::Token { secret, .. } = credentials {
            self.secret = Some(secret.clone());
        }
        self
    }

    /// Adds arguments.
    pub fn args<A: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.arguments.extend(arguments.into_iter().map(|argument| argument.as_ref().into()));
        self
    }

    /// The repository to work in.
    pub fn in_repository(self, folder: &Path) -> Self {
        self.args([OsStr::new("--git-dir"), folder.as_os_str()])
    }

    /// Gives it a lock to hold for as long as it lives, even if this process is killed.
    pub fn holding(mut self, lock: File) -> Self {
        self.lock = Some(lock);
        self
    }

    /// Adds a variable to its environment.
    pub fn variable(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// Bounds what it may print.
    pub fn stdout_up_to(mut self, bytes: usize) -> Self {
        self.stdout_bytes = bytes;
        self
    }

    /// Bounds every file that it may write.
    pub fn files_up_to(mut self, bytes: u64) -> Self {
        self.file_bytes = Some(bytes);
        self
    }

    /// Bounds the memory of each process, so that what a server sends, or what it unpacks to, can't exhaust the machine.
    pub fn memory_up_to(mut self, bytes: u64) -> Self {
        self.memory_bytes = Some(bytes);
        // One object gets a quarter: git says plainly that it is too large then, and leaves nothing behind.
        self.variable("GIT_ALLOC_LIMIT", &(bytes / 4).to_string())
    }

    /// Runs it to its end.
    ///
    /// # Errors
    /// `Timeout` or `Cancelled` after the whole process group was stopped; `Limit` if it printed too much. A
    /// status that is not zero is no error here.
    ///
    /// # Cancel safety
    /// If the future is dropped, the whole process group is killed.
    pub async fn run(self, cx: &Cx) -> Result<Output> {
        let _turn = cx.program_turn().await?;
        let (stdout_bytes, memory_bytes, secret) =
            (self.stdout_bytes, self.memory_bytes, self.secret.clone());
        let mut call = self;
        let stdin = call.lock.take().map_or_else(Stdio::null, Stdio::from);
        let mut child = call.spawn(stdin, Stdio::piped(), "")?;
        let mut leash = ProcessGroup::led_by(child.id()).leash();
        match cx.bounded(finish(&mut child, stdout_bytes)).await {
            Ok((status, stdout, stderr)) => {
                leash.ended();
                let stderr = masked(&stderr, secret.as_ref()) + &at_limit(status, memory_bytes);
                Ok(Output { status, stdout, stderr })
            }
            Err(error) => {
                stop(leash, &mut child).await;
                Err(error)
            }
        }
    }

    /// Starts it and gives both of its ends; one that holds a lock prints nothing. The caller has the turn.
    pub fn start(mut self) -> Result<Running> {
        let (secret, memory_bytes) = (self.secret.clone(), self.memory_bytes);
        let child = match self.lock.take() {
            // Standard input is needed, so the lock takes another place; the shell hands it on.
            Some(lock) => self.spawn(Stdio::piped(), Stdio::from(lock), "3>&1 >/dev/null"),
            None => self.spawn(Stdio::piped(), Stdio::piped(), ""),
        };
        Running::new(child?, secret, memory_bytes)
    }

    fn spawn(self, stdin: Stdio, stdout: Stdio, redirection: &str) -> Result<Child> {
        let mut command = self.command(redirection);
        command.args(&self.arguments).env_clear().envs(self.environment).process_group(0).kill_on_drop(true);
        // In the root folder there is no repository whose configuration would count.
        command.current_dir("/").stdin(stdin).stdout(stdout).stderr(Stdio::piped());
        command.spawn().map_err(|error| {
            Error::new(ErrorKind::Unsupported, format!("{} could not be started", self.program.display()))
                .because(error)
                .help("install git 2.36 or newer")
        })
    }

    /// The program itself, or a shell that first limits it. The shell's units are 512 bytes of a file and 1 KiB of memory. A
    /// write beyond the limit then fails as on a full disk, so that git can say so and take its temporary file away. A
    /// system that knows no limit of memory goes without.
    fn command(&self, redirection: &str) -> Command {
        let files = self.file_bytes.map(|bytes| {
            let blocks = bytes.div_ceil(512);
            format!("trap '' XFSZ; ulimit -f {blocks} || true; ")
        });
        let memory = self.memory_bytes.map(|bytes| {
            let kibibytes = bytes.div_ceil(1024);
            format!("ulimit -v {kibibytes} 2> /dev/null || true; ")
        });
        let limits: String = files.into_iter().chain(memory).collect();
        if limits.is_empty() && redirection.is_empty() {
            return Command::new(&self.program);
        }
        let mut command = Command::new("/bin/sh");
        let script = format!("{limits}exec \"$@\" {redirection}");
        command.arg("-c").arg(script).arg("sh").arg(&self.program);
        command
    }
}

type Finished = (ExitStatus, Vec<u8>, Vec<u8>);

async fn finish(child: &mut Child, stdout_bytes: usize) -> Result<Finished> {
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let (Some(stdout), Some(stderr)) = (stdout, stderr) else {
        return Err(Error::new(ErrorKind::Internal, "the output of git is not piped"));
    };
    let read =
        async { tokio::try_join!(output::whole(stdout, stdout_bytes), output::tail(stderr, STDERR_BYTES)) };
    let (stdout, stderr) = read.await?;
    Ok((child.wait().await?, stdout, stderr))
}

/// What a program can't say itself that got no memory: it was killed for that, or by it.
pub(super) fn at_limit(status: ExitStatus, memory_bytes: Option<u64>) -> String {
    match (AtLimit::of(status), memory_bytes) {
        (Some(AtLimit::Memory), Some(bytes)) => {
            format!("\nOut of memory: it ended with {status}, and may use memory = {bytes} bytes")
        }
        _ => String::new(),
    }
}

pub(super) fn masked(stderr: &[u8], secret: Option<&Secret>) -> String {
    let text = String::from_utf8_lossy(stderr);
    match secret {
        Some(secret) => redact::hide(&text, &redact::forms(secret.expose())),
        None => text.into_owned(),
    }
}
