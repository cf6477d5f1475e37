//! Where a run is killed: at a random moment, or as it, or a `git` that it started, makes its n-th durable step.

use std::num::NonZero;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::{available_parallelism, sleep};
use std::time::Duration;

use crate::failure::{At, Failure, Result};
use crate::process::line;

use super::dice::Dice;
use super::world::World;

/// System calls after which the disk differs. The question mark: not every machine has each.
const STEPS: [&str; 6] = [
    "?write,?writev,?pwrite64",
    "?fsync,?fdatasync",
    "?rename,?renameat,?renameat2",
    "?link,?linkat",
    "?unlink,?unlinkat",
    "?mkdir,?mkdirat,?ftruncate,?fallocate",
];

/// The exit code of a run whose own child, `git`, was struck in its place.
const FAILURE: i32 = 1;

/// Kills runs, and counts.
pub struct Striker {
    blows: Vec<Blow>,
    /// How many runs to kill.
    due: u32,
}

/// What became of one run.
pub struct Strike {
    /// Where it was to be killed.
    pub place: String,
    /// It came to its end before that: nothing is left to be killed.
    pub escaped: bool,
}

/// One way to kill a run.
struct Blow {
    /// The system calls whose n-th is the end; without them, n counts microseconds.
    calls: Option<&'static str>,
    /// The next n: it goes up until a run escapes, then from the beginning again.
    next: u64,
    /// How far it goes up at most at once.
    stride: u64,
    /// How often it began anew.
    sweeps: u32,
    struck: u32,
    escaped: u32,
}

impl Striker {
    /// One for each processor; each has some of the ways to kill, and as large a share of the kills.
    pub fn parts(without_strace: bool, kills: u32) -> Result<Vec<Self>> {
        let mut blows = vec![Blow::new(None, 40_000)];
        if without_strace {
            eprintln!("WARNING: runs are killed at random moments only, NOT at their durable steps");
        } else {
            check_strace()?;
            blows.extend(STEPS.map(|calls| Blow::new(Some(calls), 3)));
        }
        let count = available_parallelism().map_or(1, NonZero::get).min(blows.len());
        let share = |blow: usize| share(kills, blow, blows.len());
        let due: Vec<u32> = (0..blows.len()).map(share).collect();
        let mut parts: Vec<Self> = (0..count).map(|_| Self { blows: Vec::new(), due: 0 }).collect();
        for (index, (blow, due)) in blows.into_iter().zip(due).enumerate() {
            parts[index % count].blows.push(blow);
            parts[index % count].due += due;
        }
        Ok(parts)
    }

    /// Whether all due runs are killed, or so many escape that there is no point in going on.
    pub fn is_done(&self) -> bool {
        self.struck() >= self.due || self.gives_up()
    }

    /// How many runs were killed.
    pub fn struck(&self) -> u32 {
        self.blows.iter().map(|blow| blow.struck).sum()
    }

    /// Whether so many runs escaped that going on shows nothing.
    fn gives_up(&self) -> bool {
        self.escaped() > 100 + 2 * self.struck()
    }

    fn escaped(&self) -> u32 {
        self.blows.iter().map(|blow| blow.escaped).sum()
    }

    /// Starts an apply and kills it. Fails if it ends by itself otherwise than well.
    pub fn strike(&mut self, world: &World, dice: &mut Dice) -> Result<Strike> {
        let index = dice.below(self.blows.len() as u64);
        let blow = &mut self.blows[usize::try_from(index).expect("below the length")];
        let n = blow.next;
        let status = match blow.calls {
            Some(calls) => at_step(world, calls, n)?,
            None => at_moment(world, n)?,
        };
        let escaped = match (status.code(), blow.calls) {
            (None, _) | (Some(FAILURE), Some(_)) => false,
            (Some(0), _) => true,
            (Some(code), _) => {
                return Err(Failure::new(format!("the apply to kill ended by itself with {code}")));
            }
        };
        match escaped {
            true => blow.missed(dice),
            false => blow.hit(dice),
        }
        Ok(Strike { place: format!("after {n} of {}", blow.name()), escaped })
    }

    /// Says how many runs died of what. Fails if too few did, for then nothing was shown.
    pub fn report(&self) -> Result<()> {
        for blow in &self.blows {
            let Blow { struck, escaped, sweeps, .. } = blow;
            eprintln!("    {struck:4} killed, {escaped:4} escaped, {sweeps:3} sweeps: {}", blow.name());
        }
        match self.gives_up() {
            false => Ok(()),
            true => Err(Failure::new("fewer than a third of the runs were killed, so little was shown")),
        }
    }
}

/// What the `index`-th of `count` gets of a whole, without a rest.
fn share(whole: u32, index: usize, count: usize) -> u32 {
    let upto = |index: usize| u64::from(whole) * index as u64 / count as u64;
    u32::try_from(upto(index + 1) - upto(index)).expect("a part is no more than the whole")
}

fn check_strace() -> Result<()> {
    let found = Command::new("strace").arg("-V").stdout(Stdio::null()).status();
    found.map(drop).map_err(|_| {
        Failure::new("there is no `strace`, which kills a run at a system call")
            .help("install strace, or pass --without-strace to kill at random moments only")
    })
}

impl Blow {
    const fn new(calls: Option<&'static str>, stride: u64) -> Self {
        Self { calls, next: 1, stride, sweeps: 0, struck: 0, escaped: 0 }
    }

    fn name(&self) -> String {
        self.calls.map_or("microseconds".into(), |calls| calls.replace('?', ""))
    }

    fn hit(&mut self, dice: &mut Dice) {
        self.struck += 1;
        self.next += 1 + dice.below(self.stride);
    }

    fn missed(&mut self, dice: &mut Dice) {
        self.escaped += 1;
        self.sweeps += 1;
        self.next = 1 + dice.below(self.stride);
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

#[cfg(test)]
mod tests {
    use super::share;

    #[test]
    fn shares_add_up_to_the_whole() {
        for whole in [0, 1, 6, 7, 300, 10_000] {
            assert_eq!((0..7).map(|index| share(whole, index, 7)).sum::<u32>(), whole);
        }
    }
}
