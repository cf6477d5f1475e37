//! Kills the `gitops` command, each time elsewhere, and checks that the next run repairs everything.
//!
//! A round: commit, start an apply, kill it, kill up to three of its recoveries too, apply again to the end, check.
//! What the checks are is in [`check`]; where a run is struck is in [`strike`]. On a cluster that is a test of the
//! command, of which this is the long run: see [`cluster`].

mod check;
mod cluster;
mod dice;
mod strike;
mod world;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use crate::failure::{At, Result};
use crate::stage::stage;
use crate::{process, workspace};

use dice::Dice;
use strike::Striker;
use world::World;

/// How many kills, and the seed of all that is random but the clock.
#[derive(clap::Args)]
pub struct Options {
    /// What the command applies to.
    #[arg(long, value_enum, default_value_t = Target::Directory)]
    target: Target,
    /// Kills in all; 10000 are a long run, of an hour or so.
    #[arg(long, default_value_t = KILLS)]
    kills: u32,
    /// Seed of the commits and the moments; a failure prints it.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Kill this program instead of the workspace's own `gitops`, which is built first.
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
    /// Kill at random moments only, where there is no strace to kill at a system call.
    #[arg(long)]
    without_strace: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Target {
    /// A folder of files.
    Directory,
    /// A real Kubernetes API server; only `--kills` and `--seed` count.
    Cluster,
}

/// The kills of an ordinary run.
const KILLS: u32 = 300;

/// After how many kills a line is printed.
const TOLD_EVERY: u32 = 50;

/// The most runs that are struck in a row before one is let end.
const STRIKES: u64 = 4;

impl Default for Options {
    fn default() -> Self {
        Self { target: Target::Directory, kills: KILLS, seed: 1, program: None, without_strace: false }
    }
}

/// Runs all rounds, on each processor a part of them; one that differs fails, names what differs, and keeps its folder.
pub fn run(options: &Options) -> Result<()> {
    match options.target {
        Target::Directory => directory(options),
        Target::Cluster => cluster::run(options.kills, options.seed),
    }
}

fn directory(options: &Options) -> Result<()> {
    let program = match &options.program {
        Some(program) => program.canonicalize().at(program)?,
        None => build()?,
    };
    let name = format!("{} kills, seed {}", options.kills, options.seed);
    stage(&name, || in_parts(options, &program))
}

/// Each part has a world and kinds of blows of its own, so that the seed and its number say what happens in it.
fn in_parts(options: &Options, program: &Path) -> Result<()> {
    let strikers = Striker::parts(options.without_strace, options.kills)?;
    let is_over = &AtomicBool::new(false);
    std::thread::scope(|scope| {
        let start = |(number, striker)| {
            let part = Part { seed: options.seed, number, striker, is_over };
            scope.spawn(move || part.run(program.to_owned()))
        };
        let parts: Vec<_> = (0..).zip(strikers).map(start).collect();
        let ends: Vec<_> = parts.into_iter().map(|part| part.join().expect("no part panics")).collect();
        ends.into_iter().collect()
    })
}

struct Part<'a> {
    seed: u64,
    number: u64,
    striker: Striker,
    /// Whether another part failed, so that this one can stop too.
    is_over: &'a AtomicBool,
}

impl Part<'_> {
    fn run(mut self, program: PathBuf) -> Result<()> {
        let world = World::create(program, &format!("{}-{}", self.seed, self.number))?;
        let ended = self.rounds(&world);
        self.is_over.fetch_or(ended.is_err(), Relaxed);
        ended.map_err(|failure| failure.help(format!("the folder is kept: {}", world.folder().display())))?;
        world.remove()
    }

    fn rounds(&mut self, world: &World) -> Result<()> {
        let mut dice = Dice::new(self.seed ^ (self.number << 32));
        check::check(world, world.apply()?).map_err(|failure| failure.during("the first apply"))?;
        for round in 1.. {
            if self.striker.is_done() || self.is_over.load(Relaxed) {
                break;
            }
            let name = format!("round {round} of part {} of seed {}", self.number, self.seed);
            let before = self.striker.struck();
            play(world, &mut dice, &mut self.striker).map_err(|failure| failure.during(&name))?;
            if before / TOLD_EVERY < self.striker.struck() / TOLD_EVERY {
                eprintln!("    part {}: {} kills, all repaired", self.number, self.striker.struck());
            }
        }
        self.striker.report()
    }
}

fn build() -> Result<PathBuf> {
    process::run(workspace::cargo().args(["build", "--quiet", "--package", "gitops"]))?;
    Ok(workspace::target()?.join("debug/gitops"))
}

fn play(world: &World, dice: &mut Dice, striker: &mut Striker) -> Result<()> {
    let before = world.desired()?;
    world.commit(dice)?;
    for _ in 0..=dice.below(STRIKES) {
        let strike = striker.strike(world, dice)?;
        check::nothing_torn(world, &before)
            .and_then(|()| check::nothing_forgotten(world))
            .map_err(|failure| failure.during(&strike.place))?;
        if strike.escaped {
            break;
        }
    }
    check::check(world, world.apply()?)
}
