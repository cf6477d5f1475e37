//! A program without a network: in a namespace of its own, in which not even the loopback is up.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// Where the program may be that starts others in a namespace of their own.
const PROGRAMS: [&str; 3] = ["/usr/bin/unshare", "/bin/unshare", "/usr/sbin/unshare"];

/// How it is asked for a network of its own: with the rights to it, or as a user of a namespace of its own.
const WAYS: [&[&str]; 3] =
    [&["--net"], &["--user", "--map-current-user", "--net"], &["--map-root-user", "--net"]];

/// A command that runs another one without a network.
#[derive(Debug)]
pub(super) struct Closed {
    program: PathBuf,
    arguments: &'static [&'static str],
}

/// The way to run a program without a network, if this system has one for us. Found out once.
pub(super) fn closed() -> Option<&'static Closed> {
    static FOUND: OnceLock<Option<Closed>> = OnceLock::new();
    FOUND.get_or_init(find).as_ref()
}

fn find() -> Option<Closed> {
    let program = PROGRAMS.map(Path::new).into_iter().find(|path| path.is_file())?.to_owned();
    let mut ways = WAYS.into_iter().map(|arguments| Closed { program: program.clone(), arguments });
    ways.find(Closed::works)
}

impl Closed {
    /// A command that runs a program; its arguments follow.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(&self.program);
        command.args(self.arguments).arg("--").arg(program);
        command
    }

    fn works(&self) -> bool {
        let mut command = self.command("/bin/sh");
        command.args(["-c", "exit 0"]).env_clear();
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    }
}
