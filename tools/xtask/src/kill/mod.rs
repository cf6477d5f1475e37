//! Kills the `gitops` command at random moments and checks that the next run repairs everything.
//!
//! A round: commit, start an apply, kill it (sometimes its recovery too), apply again to the end, check.
//! What the checks are is in [`check`]; where a run is struck is in [`strike`].

mod check;
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

/// How many rounds, and the seed of all that is random but the clock.
#[derive(clap::Args)]
pub struct Options {
    /// Rounds of commit, kill, repair, check.
    #[arg(long, default_value_t = 60)]
    rounds: u32,
    /// Seed of the commits and the moments; a failure prints it.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Kill this program instead of the workspace's own `gitops`, which is built first.
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        Self { rounds: 60, seed: 1, program: None }
    }
}

/// Runs all rounds; the first that differs fails, names what differs, and keeps its folder.
pub fn run(options: &Options) -> Result<()> {
    let program = match &options.program {
        Some(program) => program.canonicalize().at(program)?,
        None => build()?,
    };
    let world = World::create(program, options.seed)?;
    let name = format!("kill: {} rounds, seed {}", options.rounds, options.seed);
    stage(&name, || rounds(options, &world))
        .map_err(|failure| failure.help(format!("the folder is kept: {}", world.folder().display())))?;
    world.remove()
}

fn build() -> Result<PathBuf> {
    process::run(workspace::cargo().args(["build", "--quiet", "--package", "gitops"]))?;
    let metadata = workspace::metadata()?;
    let target = metadata["target_directory"].as_str().expect("`cargo metadata` always names it");
    Ok(PathBuf::from(target).join("debug/gitops"))
}

fn rounds(options: &Options, world: &World) -> Result<()> {
    let mut dice = Dice::new(options.seed);
    let mut striker = Striker::new();
    check::check(world, world.apply()?).map_err(|failure| failure.during("the first apply"))?;
    for round in 1..=options.rounds {
        let name = format!("round {round} of seed {}", options.seed);
        play(world, &mut dice, &mut striker).map_err(|failure| failure.during(&name))?;
    }
    striker.report()
}

fn play(world: &World, dice: &mut Dice, striker: &mut Striker) -> Result<()> {
    let before = world.desired()?;
    world.commit(dice)?;
    for _ in 0..=dice.below(2) {
        striker.strike(world, dice)?;
        check::nothing_torn(world, &before)?;
    }
    check::check(world, world.apply()?)
}
