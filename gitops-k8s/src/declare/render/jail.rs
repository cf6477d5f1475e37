use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::Duration;

use futures::channel::oneshot;
use gitops_core::process::fs::unnamed;
use gitops_core::process::{AtLimit, ProcessGroup};
use gitops_core::redact::credentials;
use gitops_core::{Cx, Digest, Hasher};
use tempfile::TempDir;

use super::failure::Failure;
use super::network;

/// Bytes that a program may print.
const OUTPUT: u64 = 32 << 20;
/// Bytes of its complaints that are kept.
const COMPLAINTS: usize = 64 << 10;
/// What it may use: seconds of a processor, KiB of memory, and blocks of 512 bytes in one file.
const LIMITS: &str = "ulimit -t 60; ulimit -v 4194304; ulimit -f 131072; exec \"$@\"";

const SHELL: &str = "/bin/sh";

/// A folder of its own in which a program runs: with nothing of our environment, no network where
/// the system lets us take it away (and no way to it by proxy or git), a process group that is killed with all that it started, and limits on time, memory and output.
pub(super) struct Jail {
    folder: TempDir,
    /// What was put into it.
    files: RefCell<BTreeMap<String, Digest>>,
}

/// What a program printed that did what it was asked for.
pub(super) struct Printed {
    pub answer: Vec<u8>,
    /// The end of what it said besides.
    pub aside: String,
}

/// How a program ended, and what it printed.
struct Ended {
    status: ExitStatus,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

impl Jail {
    pub fn new() -> Result<Self, Failure> {
        let folder = tempfile::Builder::new().prefix("gitops-render-").tempdir().map_err(unnamed)?;
        fs::create_dir(folder.path().join("home"))?;
        fs::create_dir(folder.path().join("tree"))?;
        Ok(Self { folder, files: RefCell::default() })
    }

    /// Where the files of the repository are.
    pub fn tree(&self) -> PathBuf {
        self.folder.path().join("tree")
    }

    /// Puts a file of the repository into the jail.
    pub fn write(&self, path: &str, bytes: &[u8]) -> Result<(), Failure> {
        self.files.borrow_mut().insert(path.to_owned(), Digest::of(bytes));
        let path = self.tree().join(path);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        Ok(fs::write(path, bytes)?)
    }

    /// Has all that was put into it stand for itself.
    pub fn stand_for(&self, hasher: &mut Hasher) {
        for (path, content) in &*self.files.borrow() {
            hasher.field(path).field(content.as_bytes());
        }
    }

    /// The files that were put into it, by their paths.
    pub fn paths(&self) -> Vec<String> {
        self.files.borrow().keys().cloned().collect()
    }

    /// Runs a program to its end and gives what it printed. `hide` takes out of its complaints what may be secret.
    ///
    /// # Errors
    /// It could not be started, failed, took too long, printed too much, or was killed because the context is over.
    pub fn run<A: AsRef<OsStr>>(
        &self,
        cx: &Cx,
        program: &Path,
        arguments: &[A],
        wall: Duration,
        hide: &dyn Fn(&str) -> String,
    ) -> Result<Printed, Failure> {
        let name = program.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let _turn = cx.program_turn_blocking().map_err(|error| {
            Failure::run(format!("`{name}` was not started: {}", error.message()), "try again")
        })?;
        let child = self.command(program, arguments).spawn();
        let child = child
            .map_err(|error| Failure::missing(format!("`{name}` can't be started: {error}"), INSTALL))?;
        let ended = finish(cx, child, &name, wall)?;
        let told = String::from_utf8_lossy(&ended.stderr).replace(&*self.folder.path().to_string_lossy(), "");
        if ended.status.success() {
            return Ok(Printed { answer: ended.stdout, aside: told });
        }
        if let Some(limit) = limit(ended.status, &told) {
            let message = format!("`{name}` was ended at a limit that rendering has: {limit}");
            return Err(Failure::run(message, "render less at once"));
        }
        let why = complaint(&hide(whole_lines(&told))).unwrap_or_else(|| ended.status.to_string());
        // A chart may quote anything when it fails, and the error is shown on the request.
        let why = credentials(&why);
        Err(Failure::run(format!("`{name}` failed: {why}"), "run it on the folder to see more"))
    }

    fn command<A: AsRef<OsStr>>(&self, program: &Path, arguments: &[A]) -> Command {
        let mut command =
            network::closed().map_or_else(|| Command::new(SHELL), |closed| closed.command(SHELL));
        command.arg("-c").arg(LIMITS).arg("sh").arg(program).args(arguments);
        command.env_clear().envs(self.environment()).current_dir(self.tree()).process_group(0);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// All that the program knows of the world.
    fn environment(&self) -> Vec<(&'static str, PathBuf)> {
        let home = self.folder.path().join("home");
        let nowhere = PathBuf::from("http://127.0.0.1:9");
        let mut found: Vec<_> = ["HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"]
            .map(|name| (name, nowhere.clone()))
            .into();
        found.extend(
            ["HOME", "TMPDIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"]
                .map(|name| (name, home.clone())),
        );
        found.extend([
            ("PATH", home.join("none")),
            ("KUBECONFIG", "/dev/null".into()),
            ("GIT_ALLOW_PROTOCOL", "none".into()),
            ("LC_ALL", "C.UTF-8".into()),
        ]);
        found
    }
}

/// What programs say that get no more memory.
const OUT_OF_MEMORY: [&str; 5] =
    ["out of memory", "Out of memory", "annot allocate memory", "failed to reserve", "failed to map segment"];

/// The limit at which a program ended, by the signal that ended it or by its last words.
fn limit(status: ExitStatus, told: &str) -> Option<&'static str> {
    match AtLimit::of(status) {
        Some(AtLimit::Processor) => Some("it used a processor for more than 60 seconds"),
        Some(AtLimit::File) => Some("it wrote a file of more than 64 MiB"),
        Some(AtLimit::Memory) => Some(MEMORY),
        _ => OUT_OF_MEMORY.iter().any(|words| told.contains(words)).then_some(MEMORY),
    }
}

const MEMORY: &str = "it needed more than 4 GiB of memory";

/// What was kept of complaints, from its first whole line on: a secret that was cut could not be known again.
fn whole_lines(told: &str) -> &str {
    match told.len() < COMPLAINTS {
        true => told,
        false => told.split_once('\n').map_or("", |(_, rest)| rest),
    }
}

/// Characters of a complaint that are shown.
const SHOWN: usize = 1_000;

/// The program's own sentence: what it calls an error, else the last that it said.
fn complaint(told: &str) -> Option<String> {
    let lines: Vec<&str> = told.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let error = lines.iter().position(|line| line.starts_with("Error: "));
    let first = error.or(lines.len().checked_sub(1))?;
    let text = lines[first..].join(" ");
    Some(text.trim_start_matches("Error: ").chars().take(SHOWN).collect())
}

const INSTALL: &str = "install it, or name its path where the renderer is set up";

/// Waits for the end, which another thread reads, so that the wait has an end of its own.
fn finish(cx: &Cx, child: Child, name: &str, wall: Duration) -> Result<Ended, Failure> {
    let group = ProcessGroup::led_by(Some(child.id()));
    let (sender, receiver) = oneshot::channel();
    let waiter = thread::spawn(move || sender.send(read(child, group)));
    let ended = cx.block_on(wall, receiver);
    if ended.is_err() {
        group.kill();
    }
    // After the kill, nothing holds the pipes any more and the thread ends.
    let _ = waiter.join();
    match ended {
        Err(_) if cx.check().is_err() => {
            Err(Failure::run(format!("`{name}` was stopped before its end"), "try again"))
        }
        Err(_) | Ok(Err(_)) => Err(Failure::run(
            format!("`{name}` took longer than {} seconds", wall.as_secs()),
            "render less at once",
        )),
        Ok(Ok(Err(failure))) => Err(failure),
        Ok(Ok(Ok(None))) => {
            Err(Failure::run(format!("`{name}` printed more than {OUTPUT} bytes"), "render less at once"))
        }
        Ok(Ok(Ok(Some(ended)))) => Ok(ended),
    }
}

/// Reads both pipes to their ends; nothing if the program printed too much and was stopped.
fn read(mut child: Child, group: ProcessGroup) -> Result<Option<Ended>, Failure> {
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let complaints = thread::spawn(move || stderr.map(tail).unwrap_or_default());
    let mut printed = Vec::new();
    stdout.map_or(Ok(0), |stdout| stdout.take(OUTPUT + 1).read_to_end(&mut printed))?;
    let is_too_much = printed.len() as u64 > OUTPUT;
    if is_too_much {
        group.kill();
    }
    let status = child.wait()?;
    let stderr = complaints.join().unwrap_or_default();
    Ok((!is_too_much).then_some(Ended { status, stdout: printed, stderr }))
}

/// The last bytes of a pipe.
fn tail(mut from: impl Read) -> Vec<u8> {
    let (mut kept, mut buffer) = (Vec::new(), [0; 4096]);
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        kept.extend_from_slice(&buffer[..count]);
        kept.drain(..kept.len().saturating_sub(COMPLAINTS));
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fails(script: &str) -> String {
        let wall = Duration::from_secs(30);
        let ran =
            Jail::new().unwrap().run(&Cx::system(), Path::new(SHELL), &["-c", script], wall, &str::to_owned);
        format!("{:?}", ran.map(|_| ()).unwrap_err())
    }

    #[test]
    fn a_program_that_a_limit_ended_says_which() {
        for (script, limit) in [
            ("kill -XCPU $$", "a processor for more than 60 seconds"),
            ("kill -KILL $$", "more than 4 GiB of memory"),
            ("echo 'fatal error: runtime: out of memory' >&2; exit 2", "more than 4 GiB of memory"),
            // Of the limits themselves, as programs meet them; so little memory does not load a library.
            ("while :; do printf '%1048576s' x; done > big", "a file of more than 64 MiB"),
            ("ulimit -v 1000; exec /bin/cat /dev/null", "more than 4 GiB of memory"),
        ] {
            let said = fails(script);
            assert!(said.contains("ended at a limit") && said.contains(limit), "{script}: {said}");
        }
        assert!(!fails("echo 'Error: no such chart' >&2; exit 1").contains("limit"));
    }
}
