//! Where a run is killed: at a random moment, or as it makes its n-th durable step.

use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::Duration;

use crate::failure::{At, Failure, Result};
use crate::process::line;

use super::dice::Dice;
use super::world::World;

/// System calls after which the disk differs. The question mark: not every machine has each.
const STEPS: [&str; 5] = [
    "?write,?writev,?pwrite64",
    "?fsync,?fdatasync",
    "?rename,?renameat,?renameat2",
    "?link,?linkat",
    "?unlink,?unlinkat",
];

/// The exit code of a run whose own child, `git`, was struck in its place.
const FAILURE: i32 = 1;

/// Kills runs, and counts.
pub struct Striker {
    blows: Vec<Blow>,
}

/// One way to kill a run.
struct Blow {
    /// The system calls whose n-th is the end; without them, n counts microseconds.
    calls: Option<&'static str>,
    /// The n from which on a run is expected to be over.
    reach: u64,
    struck: u32,
    escaped: u32,
}

impl Striker {
    pub fn new() -> Self {
        let mut blows = vec![Blow::new(None, 500_000)];
        if Command::new("strace").arg("-V").stdout(Stdio::null()).status().is_ok() {
            blows.extend(STEPS.map(|calls| Blow::new(Some(calls), 40)));
        } else {
            eprintln!("NOTE: there is no strace, so runs are killed by time only, not at every durable step");
        }
        Self { blows }
    }

    /// Starts an apply and kills it. Fails if it ends by itself otherwise than well.
    pub fn strike(&mut self, world: &World, dice: &mut Dice) -> Result<()> {
        let index = dice.below(self.blows.len() as u64);
        let blow = &mut self.blows[usize::try_from(index).expect("below the length")];
        let n = 1 + dice.below(blow.reach);
        let status = match blow.calls {
            Some(calls) => at_step(world, calls, n)?,
            None => at_moment(world, n)?,
        };
        match (status.code(), blow.calls) {
            (None, _) | (Some(FAILURE), Some(_)) => blow.hit(n),
            (Some(0), _) => blow.missed(n),
            (Some(code), _) => {
                return Err(Failure::new(format!("the apply to kill ended by itself with {code}")));
            }
        }
        Ok(())
    }

    /// Says how many runs died of what. Fails if too few did, for then nothing was shown.
    pub fn report(&self) -> Result<()> {
        for Blow { calls, struck, escaped, .. } in &self.blows {
            eprintln!(
                "    {struck:4} killed, {escaped:4} escaped: {}",
                calls.map_or("at a random moment".into(), |calls| calls.replace('?', ""))
            );
        }
        let struck: u32 = self.blows.iter().map(|blow| blow.struck).sum();
        let escaped: u32 = self.blows.iter().map(|blow| blow.escaped).sum();
        match struck * 3 >= struck + escaped {
            true => Ok(()),
            false => Err(Failure::new("fewer than a third of the runs were killed, so little was shown")),
        }
    }
}

impl Blow {
    const fn new(calls: Option<&'static str>, reach: u64) -> Self {
        Self { calls, reach, struck: 0, escaped: 0 }
    }

    fn hit(&mut self, n: u64) {
        self.struck += 1;
        self.reach = self.reach.max(2 * n);
    }

    fn missed(&mut self, n: u64) {
        self.escaped += 1;
        self.reach = self.reach.min(n);
    }
}

/// The run is killed after `micros` microseconds. The moment is what is tested; nothing waits for it.
fn at_moment(world: &World, micros: u64) -> Result<ExitStatus> {
    let mut child = quiet(world.apply_under(&[]))?;
    sleep(Duration::from_micros(micros));
    child.kill().at(world.folder())?;
    child.wait().at(world.folder())
}

/// The kernel kills the run as it enters its n-th of `calls` in one thread.
fn at_step(world: &World, calls: &str, n: u64) -> Result<ExitStatus> {
    let inject = format!("inject={calls}:signal=SIGKILL:when={n}");
    let words = ["strace", "-f", "-qq", "--seccomp-bpf", "-o", "/dev/null", "-e", &inject];
    let mut child = quiet(world.apply_under(&words.map(str::to_owned)))?;
    child.wait().at(world.folder())
}

fn quiet(mut command: Command) -> Result<Child> {
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    child.map_err(|error| Failure::new(format!("cannot start `{}`: {error}", line(&command))))
}
