use std::ffi::OsStr;
use std::fs;
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use gitops_core::process::ProcessGroup;
use tempfile::TempDir;

use super::failure::Failure;

/// Bytes that a program may print.
const OUTPUT: u64 = 32 << 20;
/// Bytes of its complaints that are kept.
const COMPLAINTS: usize = 4 << 10;
/// What it may use: seconds of a processor, KiB of memory, and blocks of 512 bytes in one file.
const LIMITS: &str = "ulimit -t 60; ulimit -v 4194304; ulimit -f 131072; exec \"$@\"";

/// A folder of its own in which a program runs: with nothing of our environment, no way to the network by proxy or git,
/// a process group that is killed with all that it started, and limits on time, memory and output.
pub(super) struct Jail {
    folder: TempDir,
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
        let folder = tempfile::Builder::new().prefix("gitops-render-").tempdir()?;
        fs::create_dir(folder.path().join("home"))?;
        fs::create_dir(folder.path().join("tree"))?;
        Ok(Self { folder })
    }

    /// Where the files of the repository are.
    pub fn tree(&self) -> PathBuf {
        self.folder.path().join("tree")
    }

    /// Puts a file of the repository into the jail.
    pub fn write(&self, path: &str, bytes: &[u8]) -> Result<(), Failure> {
        let path = self.tree().join(path);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        Ok(fs::write(path, bytes)?)
    }

    /// Runs a program to its end and gives what it printed.
    ///
    /// # Errors
    /// It could not be started, failed, took too long or printed too much.
    pub fn run<A: AsRef<OsStr>>(
        &self,
        program: &Path,
        arguments: &[A],
        wall: Duration,
    ) -> Result<Printed, Failure> {
        let name = program.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let child = self.command(program, arguments).spawn();
        let child = child
            .map_err(|error| Failure::missing(format!("`{name}` can't be started: {error}"), INSTALL))?;
        let ended = finish(child, &name, wall)?;
        let told = String::from_utf8_lossy(&ended.stderr).replace(&*self.folder.path().to_string_lossy(), "");
        if ended.status.success() {
            return Ok(Printed { answer: ended.stdout, aside: told });
        }
        let help = format!("it said: {}", told.trim());
        Err(Failure::run(format!("`{name}` failed ({})", ended.status), help))
    }

    fn command<A: AsRef<OsStr>>(&self, program: &Path, arguments: &[A]) -> Command {
        let mut command = Command::new("/bin/sh");
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

const INSTALL: &str = "install it, or name its path where the renderer is set up";

/// Waits for the end, on another thread so that the wait has an end of its own.
fn finish(child: Child, name: &str, wall: Duration) -> Result<Ended, Failure> {
    let group = ProcessGroup::led_by(Some(child.id()));
    let (sender, receiver) = mpsc::channel();
    let waiter = thread::spawn(move || sender.send(read(child, group)));
    let ended = receiver.recv_timeout(wall);
    if ended.is_err() {
        group.kill();
    }
    // After the kill, nothing holds the pipes any more and the thread ends.
    let _ = waiter.join();
    match ended {
        Err(_) => Err(Failure::run(
            format!("`{name}` took longer than {} seconds", wall.as_secs()),
            "render less at once",
        )),
        Ok(Err(failure)) => Err(failure),
        Ok(Ok(None)) => {
            Err(Failure::run(format!("`{name}` printed more than {OUTPUT} bytes"), "render less at once"))
        }
        Ok(Ok(Some(ended))) => Ok(ended),
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
