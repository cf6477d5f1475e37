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

use std::path::PathBuf;

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

/// Runs all rounds; the first that differs fails, names what differs, and keeps its folder.
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
    let mut striker = Striker::new(options.without_strace)?;
    let world = World::create(program, options.seed)?;
    let name = format!("{} kills, seed {}", options.kills, options.seed);
    stage(&name, || rounds(options, &world, &mut striker))
        .map_err(|failure| failure.help(format!("the folder is kept: {}", world.folder().display())))?;
    world.remove()
}

fn build() -> Result<PathBuf> {
    process::run(workspace::cargo().args(["build", "--quiet", "--package", "gitops"]))?;
    Ok(workspace::target()?.join("debug/gitops"))
}

fn rounds(options: &Options, world: &World, striker: &mut Striker) -> Result<()> {
    let mut dice = Dice::new(options.seed);
    check::check(world, world.apply()?).map_err(|failure| failure.during("the first apply"))?;
    for round in 1.. {
        if striker.struck() >= options.kills || striker.gives_up() {
            break;
        }
        let (name, before) = (format!("round {round} of seed {}", options.seed), striker.struck());
        play(world, &mut dice, striker).map_err(|failure| failure.during(&name))?;
        if before / TOLD_EVERY < striker.struck() / TOLD_EVERY {
            eprintln!("    {} kills, all repaired", striker.struck());
        }
    }
    striker.report()
}

fn play(world: &World, dice: &mut Dice, striker: &mut Striker) -> Result<()> {
    let before = world.desired()?;
    world.commit(dice)?;
    for _ in 0..=dice.below(STRIKES) {
        let struck = striker.strike(world, dice)?;
        check::nothing_torn(world, &before)
            .and_then(|()| check::nothing_forgotten(world))
            .map_err(|failure| failure.during(&struck))?;
    }
    check::check(world, world.apply()?)
}
