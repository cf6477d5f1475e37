//! Changes the code that decides, one place at a time, and looks whether a test notices.
//!
//! It works on a copy of the tracked files below the build folder, so that nothing is left changed when it is stopped.

mod parts;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::failure::{At, Failure, Result};
use crate::stage::{stage, stopwatch};
use crate::{cargo_tool, process, workspace};
use parts::{PARTS, Part};

const VERSION: &str = "27.1.0";

/// About so many mutants are tried between two looks at the clock.
const SHARD: usize = 4;

/// Tests that take long and say nothing about the code of any part: a disk that fails at each point, proofs of the simulator.
const SLOW: [&str; 2] = ["directory::crash", "simulate::"];

/// How long the tests of one mutant may take, in seconds; one that takes longer hangs, and is noticed.
const TIMEOUT: &str = "300";

const EQUIVALENT: &str = include_str!("equivalent.txt");

/// What to change, and for how long.
#[derive(clap::Args)]
pub struct Options {
    /// No mutant is begun after so many minutes.
    #[arg(long, default_value_t = 60)]
    minutes: u64,
    /// The sample of each part to begin with, to go on where an earlier run ended; each is spread evenly over the part.
    #[arg(long, value_name = "SAMPLE", default_value_t = 1)]
    from: usize,
    /// Parts; all, if none is named.
    parts: Vec<String>,
}

/// What came of the mutants of a part.
#[derive(Default)]
struct Score {
    /// How many there are; not all of them are tried if the time is over.
    all: usize,
    /// In how many samples.
    samples: usize,
    /// The first of them that was tried, and how many.
    from: usize,
    taken: usize,
    caught: usize,
    unviable: usize,
    explained: usize,
    survivors: Vec<String>,
}

/// Tries the mutants of the parts, evenly over each, and fails if one survives that nobody explained.
pub fn run(options: &Options) -> Result<()> {
    let tool = cargo_tool::installed("cargo-mutants", VERSION, &[])?;
    let chosen = chosen(&options.parts)?;
    let tree = stage("copy of the tracked files", copy)?;
    let (clock, limit) = (stopwatch(), Duration::from_secs(options.minutes * 60));
    let mut survivors = Vec::new();
    for part in chosen {
        let score = try_part(&tool, &tree, part, options.from, || clock() < limit)?;
        eprintln!("    {}: {score}", part.name);
        survivors.extend(score.survivors);
    }
    match survivors.is_empty() {
        true => Ok(()),
        false => Err(Failure::new(format!("no test notices:\n  {}", survivors.join("\n  ")))
            .help("write a test that does, or say in `tools/xtask/src/mutants/equivalent.txt` why none can")),
    }
}

impl std::fmt::Display for Score {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { all, samples, from, taken, caught, unviable, explained, survivors } = self;
        let tried = caught + unviable + explained + survivors.len();
        let missed = survivors.len();
        write!(
            f,
            "{all} mutants in {samples} samples; {taken} samples from {from} on, {tried} mutants, tried: "
        )?;
        write!(f, "{caught} noticed, {missed} not noticed, ")?;
        write!(f, "{explained} explained, {unviable} do not compile")
    }
}

fn chosen(names: &[String]) -> Result<Vec<&'static Part>> {
    let known = || PARTS.iter().map(|part| part.name).collect::<Vec<_>>().join(", ");
    let find = |name: &String| {
        let unknown =
            || Failure::new(format!("there is no part `{name}`")).help(format!("the parts are: {}", known()));
        PARTS.iter().find(|part| part.name == name).ok_or_else(unknown)
    };
    if names.is_empty() { Ok(PARTS.iter().collect()) } else { names.iter().map(find).collect() }
}

/// A copy of the tracked files as they are now. What did not change keeps its time, so that little is built again.
fn copy() -> Result<PathBuf> {
    let tree = workspace::target()?.join("mutants/tree");
    let mut wanted = BTreeSet::new();
    for file in workspace::tracked_files()? {
        let (from, to) = (workspace::root().join(&file), tree.join(&file));
        let Ok(bytes) = fs::read(&from) else { continue };
        if fs::read(&to).ok().as_ref() != Some(&bytes) {
            let folder = to.parent().expect("a file of the tree is in a folder");
            fs::create_dir_all(folder).at(folder)?;
            fs::write(&to, &bytes).at(&to)?;
        }
        wanted.insert(to);
    }
    remove_others(&tree, &wanted)?;
    Ok(tree)
}

fn remove_others(folder: &Path, wanted: &BTreeSet<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder).at(folder)? {
        let path = entry.at(folder)?.path();
        if path.is_dir() {
            remove_others(&path, wanted)?;
        } else if !wanted.contains(&path) {
            fs::remove_file(&path).at(&path)?;
        }
    }
    Ok(())
}

fn try_part(tool: &Path, tree: &Path, part: &Part, from: usize, goes_on: impl Fn() -> bool) -> Result<Score> {
    let mutants = |what: &str| {
        let mut command = Command::new(tool);
        command.args(["mutants", what, "--package", part.package, "--all-features", "--colors", "never"]);
        command.args(part.files.iter().flat_map(|file| ["--file", file]));
        command.current_dir(tree).env("INSTA_UPDATE", "no");
        command
    };
    let all = process::output(mutants("--list").arg("--dir").arg(tree))?.lines().count();
    let shards = all.div_ceil(SHARD).max(1);
    let first = from.saturating_sub(1);
    let mut score = Score { all, samples: shards, from: first + 1, ..Score::default() };
    for shard in first..shards {
        if !goes_on() {
            break;
        }
        let out = tree.with_file_name("out");
        let mut command = mutants("--in-place");
        command.arg("--dir").arg(tree).arg("--output").arg(&out);
        command.env("CARGO_TARGET_DIR", tree.with_file_name("target")).env("CARGO_PROFILE_DEV_DEBUG", "0");
        command.args([
            "--shard",
            &format!("{shard}/{shards}"),
            "--sharding",
            "round-robin",
            "--timeout",
            TIMEOUT,
        ]);
        // That the tests pass on what is not changed is seen once, by the run that begins with the first sample.
        command.args(["--baseline", if shard == 0 { "run" } else { "skip" }, "--"]).args(part.tests);
        command.arg("--").args(SLOW.iter().flat_map(|tests| ["--skip", tests]));
        let name = format!("{}, {} of {shards}", part.name, shard + 1);
        // It exits otherwise than with 0 where a mutant survived; what counts is what it wrote.
        let status = stage(&name, || command.status().at(tool))?;
        if !matches!(status.code(), Some(0 | 2 | 3)) {
            return Err(Failure::new(format!("`{}`: {status}", process::line(&command)))
                .help("the tests of the part must pass before anything is changed"));
        }
        score.add(&out.join("mutants.out"))?;
        score.taken += 1;
    }
    Ok(score)
}

impl Score {
    /// Adds what one run of the tool wrote.
    fn add(&mut self, folder: &Path) -> Result<()> {
        let lines = |name: &str| {
            let path = folder.join(name);
            let text = fs::read_to_string(&path).at(&path)?;
            Ok::<_, Failure>(text.lines().map(str::to_owned).collect::<Vec<_>>())
        };
        self.caught += lines("caught.txt")?.len() + lines("timeout.txt")?.len();
        self.unviable += lines("unviable.txt")?.len();
        for mutant in lines("missed.txt")? {
            match is_explained(&mutant, EQUIVALENT) {
                true => self.explained += 1,
                false => self.survivors.push(mutant),
            }
        }
        Ok(())
    }
}

/// Whether a file of equivalent mutants has this one, wherever in its file it is now: lines move, changes keep their names.
fn is_explained(mutant: &str, explained: &str) -> bool {
    let Some((path, rest)) = mutant.split_once(':') else { return false };
    let change = rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == ':').trim();
    let rows = explained.lines().filter(|line| !line.starts_with('#'));
    let mut rows = rows.filter_map(|line| line.split_once(" | "));
    rows.any(|(known, why)| known == format!("{path}: {change}") && !why.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MUTANT: &str = "a/b.rs:48:9: replace < with <= in may_still_land";

    #[test]
    fn an_explanation_holds_wherever_the_line_is_now_and_for_no_other_change() {
        let explained = "# why\na/b.rs: replace < with <= in may_still_land | both ends are tested\n";
        assert!(is_explained(MUTANT, explained));
        assert!(is_explained(&MUTANT.replace("48:9", "50:1"), explained));
        for other in [MUTANT.replace("a/b.rs", "a/c.rs"), MUTANT.replace("<=", "=="), "a".to_owned()] {
            assert!(!is_explained(&other, explained), "{other}");
        }
        assert!(!is_explained(MUTANT, "a/b.rs: replace < with <= in may_still_land | \n"));
    }

    #[test]
    fn every_file_of_a_part_is_there_and_every_explanation_names_one() {
        for file in PARTS.iter().flat_map(|part| part.files) {
            let folder = file.rsplit_once('/').map_or("", |(folder, _)| folder);
            let path = workspace::root().join(if file.contains('*') { folder } else { file });
            assert!(path.exists(), "{file}");
        }
        for part in PARTS {
            for test in part.tests.iter().filter(|word| !word.starts_with("--")) {
                let of = |file: &str| workspace::root().join(part.package).join("tests").join(file);
                assert!(of(&format!("{test}.rs")).exists() || of(test).is_dir(), "{}: {test}", part.name);
            }
        }
        for line in EQUIVALENT.lines().filter(|line| !line.starts_with('#')) {
            let (path, _) = line.split_once(':').unwrap();
            assert!(workspace::root().join(path).is_file() && line.contains(" | "), "{line}");
        }
    }

    #[test]
    fn a_part_that_is_not_there_is_named_with_those_that_are() {
        let failure = chosen(&["plan".to_owned()]).err().unwrap().to_string();
        assert!(failure.contains("`plan`") && failure.contains("planner"), "{failure}");
    }
}
