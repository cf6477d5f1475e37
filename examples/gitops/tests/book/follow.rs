//! Pages whose commands are run, one after the other in one folder, and compared with what they print.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::kubectl::Kubectl;
use crate::page;
use crate::transcript::{exchanges, matches};

/// Where a page is followed.
#[derive(Default)]
pub struct Place {
    /// More variables of the environment.
    pub env: Vec<(&'static str, OsString)>,
    /// More folders of programs.
    pub programs: Vec<PathBuf>,
    /// Who plays `kubectl`.
    pub kubectl: Option<Kubectl>,
    /// Whose commits those of the reader are, where the page does not say it.
    pub email: Option<&'static str>,
}

/// Runs the commands of a page, of which there are more than so many, one after the other in one folder.
pub fn follow(name: &str, commands: usize, place: &Place) {
    let folder = tempfile::tempdir().unwrap();
    let exchanges = exchanges(&page(name));
    assert!(exchanges.len() > commands, "{name} has only {} commands", exchanges.len());
    // As everybody has it, and no variable, which would go before what a page says of a repository.
    let identity = tempfile::NamedTempFile::new().unwrap();
    let email = place.email.unwrap_or("ada@example.org");
    std::fs::write(identity.path(), format!("[user]\nname = Ada\nemail = {email}\n")).unwrap();
    let (mut status, mut wrong) = (0, Vec::new());
    for exchange in &exchanges {
        let command = exchange.command.replace("$?", &status.to_string());
        let (printed, code) = match (command.strip_prefix("kubectl "), &place.kubectl) {
            (Some(arguments), Some(kubectl)) => (kubectl.play(arguments), 0),
            _ => place.run(folder.path(), identity.path(), &command),
        };
        status = code;
        if !matches(&exchange.expected, &printed) {
            let (command, expected) = (&exchange.command, &exchange.expected);
            wrong.push(format!("$ {command}\nshould print:\n{expected}\nand printed:\n{printed}"));
        }
    }
    // All of them at once: a page that is written anew is compared in one run.
    assert!(wrong.is_empty(), "{} of {name} print something else\n{}", wrong.len(), wrong.join("\n"));
}

impl Place {
    /// What a command prints, in the order of its writes, and its exit code.
    fn run(&self, folder: &Path, identity: &Path, command: &str) -> (String, i32) {
        let ours = Path::new(env!("CARGO_BIN_EXE_gitops")).parent().unwrap().to_owned();
        let path = std::env::var_os("PATH").unwrap_or_default();
        let programs = std::iter::once(ours).chain(self.programs.iter().cloned());
        let path = std::env::join_paths(programs.chain(std::env::split_paths(&path)));
        let output = Command::new("sh")
            .args(["-c", &format!("exec 2>&1\n{command}")])
            .current_dir(folder)
            .env("PATH", path.unwrap())
            .env("HOME", folder)
            .env("GITOPS_ACTOR", "ada")
            .env("GIT_CONFIG_GLOBAL", identity)
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .stdin(std::process::Stdio::null())
            .output()
            .unwrap();
        (String::from_utf8(output.stdout).unwrap(), output.status.code().unwrap_or(-1))
    }
}
