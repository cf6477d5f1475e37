//! The servers that tests of mutants talk to. An API server takes seconds to start: one serves the processes of all mutants.

use std::io::{BufRead, BufReader};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;

use super::build::Package;
use super::parts::Part;
use crate::failure::{At, Failure, Result};
use crate::programs::Program;
use crate::servers;
use crate::stage::stage;

/// By which a test learns of the API server that it is lent.
const LENT: &str = "GITOPS_LENT_API_SERVER";

/// What the tests are told, and what runs meanwhile.
pub struct Servers {
    environment: Vec<(String, PathBuf)>,
    lent: Option<Lent>,
}

/// An API server, and the place that leads to its folder, whichever server that is by now.
struct Lent {
    program: PathBuf,
    place: PathBuf,
    running: Mutex<Child>,
}

impl Servers {
    /// Finds the programs that the tests of these parts need, and starts what is lent to them.
    pub fn start(package: &Package<'_>, parts: &[&Part]) -> Result<Self> {
        let mut environment = Vec::new();
        let names: Vec<&str> = parts.iter().flat_map(|part| part.servers.iter().copied()).collect();
        for name in &names {
            environment.extend(servers::environment(name)?);
        }
        let mut lent = None;
        if names.contains(&"kube-apiserver") {
            let program = package.testbed("api_server", "api-server")?;
            let place = package.tree.with_file_name("lent");
            let running = stage("an API server for all", || start(&program, &place, &environment))?;
            environment.push((LENT.to_owned(), place.clone()));
            lent = Some(Lent { program, place, running: Mutex::new(running) });
        }
        Ok(Self { environment, lent })
    }

    /// Whether tests of several processes use one server.
    pub fn are_lent(&self) -> bool {
        self.lent.is_some()
    }

    /// The programs with what their tests have to know.
    pub fn tell(&self, programs: &[Program]) -> Vec<Program> {
        let tell = |program: &Program| Program { environment: self.environment.clone(), ..program.clone() };
        programs.iter().map(tell).collect()
    }

    /// Starts a fresh server for the next tests.
    pub fn renew(&self) -> Result<()> {
        let Some(lent) = &self.lent else { return Ok(()) };
        let mut running = lent.running.lock().expect("no thread panics with it");
        end(&mut running);
        *running = start(&lent.program, &lent.place, &self.environment)?;
        Ok(())
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        if let Some(lent) = &self.lent {
            end(&mut lent.running.lock().expect("no thread panics with it"));
        }
    }
}

/// It ends with its input.
fn end(running: &mut Child) {
    drop(running.stdin.take());
    let _ = running.wait();
}

fn start(program: &Path, place: &Path, environment: &[(String, PathBuf)]) -> Result<Child> {
    let mut command = Command::new(program);
    command.envs(environment.iter().map(|(name, value)| (name, value)));
    let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let mut child =
        child.map_err(|error| Failure::new(format!("cannot start `{}`: {error}", program.display())))?;
    let mut folder = String::new();
    let answer = child.stdout.take().map(BufReader::new);
    answer.map_or(Ok(0), |mut answer| answer.read_line(&mut folder)).at(program)?;
    if folder.trim().is_empty() {
        return Err(Failure::new(format!("`{}` started no server", program.display())));
    }
    let _ = std::fs::remove_file(place);
    symlink(folder.trim(), place).at(place)?;
    Ok(child)
}
