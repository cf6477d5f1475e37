//! Changes the code that decides, one place at a time, and looks whether a test notices.
//!
//! `cargo mutants` finds and names the changes. All changes of a crate are built at once, each behind a switch, and a change
//! is tried on the tests that come by it only: so a change costs the time of a few tests, and no build.
//!
//! It works on a copy of the tracked files below the build folder, so that nothing is left changed when it is stopped.

mod build;
mod list;
mod parts;
mod real;
mod trial;
mod weave;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::failure::{At, Failure, Result};
use crate::programs::Program;
use crate::stage::{stage, stopwatch};
use crate::{cargo_tool, workspace};
use build::{Built, Package};
use list::Mutant;
use parts::{PARTS, Part};
use trial::{Test, Verdict};

const VERSION: &str = "27.1.0";

/// Tests that take long and say nothing about the code of any part: a disk that fails at each point, proofs of the simulator.
const SLOW: [&str; 2] = ["directory::crash", "simulate::"];

/// A run that ends before it is through has tried every so many-th mutant.
const SPREAD: usize = 16;

const EQUIVALENT: &str = include_str!("equivalent.txt");

/// What to change, and for how long.
#[derive(clap::Args)]
pub struct Options {
    /// No mutant is begun after so many minutes.
    #[arg(long, default_value_t = 60)]
    minutes: u64,
    /// Only mutants that the last run with these parts found unnoticed.
    #[arg(long)]
    again: bool,
    /// How long the tests of one mutant take together, in seconds; the quick ones and those that come by little are run first.
    #[arg(long, value_name = "SECONDS", default_value_t = 20)]
    budget: u64,
    /// Only on tests whose names hold this word; given several times, one of these words. It is for a second look at what
    /// survived once new tests are there: no score comes of it.
    #[arg(long, value_name = "WORD")]
    on: Vec<String>,
    /// How many are tried at the same time; as many as the machine has cores, if not given.
    #[arg(long)]
    jobs: Option<usize>,
    /// Parts; all, if none is named.
    parts: Vec<String>,
}

/// What came of the mutants of a part.
#[derive(Default)]
struct Score {
    all: usize,
    noticed: usize,
    explained: usize,
    left_out: usize,
    untried: usize,
    missed: Vec<String>,
    unreached: Vec<String>,
}

/// Tries the mutants of the parts, and fails if one survives that nobody explained.
pub fn run(options: &Options) -> Result<()> {
    let tool = cargo_tool::installed("cargo-mutants", VERSION, &[])?;
    let (clock, limit) = (stopwatch(), Duration::from_secs(options.minutes * 60));
    let goes_on = || clock() < limit;
    let mut packages: BTreeMap<&str, Vec<&Part>> = BTreeMap::new();
    chosen(&options.parts)?.into_iter().for_each(|part| packages.entry(part.package).or_default().push(part));
    let mut survivors = Vec::new();
    for (package, parts) in packages {
        // What is behind a switch in one crate must not stand there while another is tried.
        let tree = stage("copy of the tracked files", copy)?;
        let scores = try_package(&tool, &tree, package, &parts, options, &goes_on)?;
        for (part, score) in parts.iter().zip(scores) {
            eprintln!("    {}: {score}", part.name);
            survivors.extend(score.missed.into_iter().map(|mutant| format!("{mutant} (tests come by it)")));
            survivors
                .extend(score.unreached.into_iter().map(|mutant| format!("{mutant} (no test comes by it)")));
        }
    }
    match survivors.is_empty() {
        true => Ok(()),
        false => Err(Failure::new(format!("no test notices:\n  {}", survivors.join("\n  ")))
            .help("write a test that does, or say in `tools/xtask/src/mutants/equivalent.txt` why none can")),
    }
}

impl std::fmt::Display for Score {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { all, noticed, explained, left_out, untried, missed, unreached } = self;
        write!(f, "{all} mutants: {noticed} noticed, {} not noticed, ", missed.len())?;
        write!(f, "{} that no test comes by, {explained} explained, ", unreached.len())?;
        write!(f, "{left_out} that do not compile behind a switch, {untried} not tried")
    }
}

/// The scores of the parts of a package, in their order.
fn try_package(
    tool: &Path,
    tree: &Path,
    name: &str,
    parts: &[&Part],
    options: &Options,
    goes_on: &(impl Fn() -> bool + Sync),
) -> Result<Vec<Score>> {
    let jobs =
        options.jobs.or_else(|| std::thread::available_parallelism().ok().map(NonZero::get)).unwrap_or(1);
    let mut mutants: Vec<Mutant> = Vec::new();
    let mut numbers = Vec::new();
    for part in parts {
        let start = mutants.len();
        mutants.extend(list::mutants(tool, tree, part)?);
        numbers.push(start..mutants.len());
    }
    let target = tree.with_file_name("target");
    let package = Package { tree, target: &target, name };
    let trials = Trials::of(parts, options, jobs, goes_on);
    let named = trials.tests.iter().chain(&trials.real).copied().collect();
    let built = stage(&format!("{name} with {} mutants", mutants.len()), || package.build(&mutants, &named))?;
    let reasons = built.left_out.iter().map(|(number, why)| format!("{} | {why}\n", mutants[*number].name));
    let left_out = tree.with_file_name(format!("{name}-left-out.txt"));
    fs::write(&left_out, reasons.collect::<String>()).at(&left_out)?;
    let memory = tree.with_file_name(format!("{name}.txt"));
    let wanted = wanted(&mutants, &built, options, &memory)?;
    let mut verdicts = trials.quick(&package, &built, &wanted)?;
    trials.real(&package, &built, parts, &mutants, &mut verdicts)?;
    let scores: Vec<_> =
        numbers.into_iter().map(|part| Score::of(part, &mutants, &built, &verdicts)).collect();
    let left: Vec<&str> =
        scores.iter().flat_map(|s| s.missed.iter().chain(&s.unreached)).map(String::as_str).collect();
    fs::write(&memory, left.join("\n")).at(&memory)?;
    Ok(scores)
}

/// Which tests there are, and how they are run.
struct Trials<'a, G> {
    tests: BTreeSet<&'a str>,
    real: BTreeSet<&'a str>,
    options: &'a Options,
    jobs: usize,
    goes_on: &'a G,
}

impl<'a, G: Fn() -> bool + Sync> Trials<'a, G> {
    fn of(parts: &[&'a Part], options: &'a Options, jobs: usize, goes_on: &'a G) -> Self {
        let tests = parts.iter().flat_map(|part| part.tests.iter().copied()).collect();
        let real = parts.iter().flat_map(|part| part.real.iter().copied()).collect();
        Self { tests, real, options, jobs, goes_on }
    }

    /// Tries mutants on the tests that need no server.
    fn quick(
        &self,
        package: &Package<'_>,
        built: &Built,
        wanted: &[usize],
    ) -> Result<BTreeMap<usize, Verdict>> {
        let is_quick = |program: &Program, test: &str| {
            program.is_library || parts::is_named(&self.tests, &program.name, test)
        };
        let tests = self.survey(package, &built.programs, &is_quick, self.jobs)?;
        self.try_on(&tests, wanted, self.jobs, None)
    }

    /// Tries what is not noticed so far on the tests that need a server.
    fn real(
        &self,
        package: &Package<'_>,
        built: &Built,
        parts: &[&Part],
        mutants: &[Mutant],
        verdicts: &mut BTreeMap<usize, Verdict>,
    ) -> Result<()> {
        let is_open = |(number, verdict): &(&usize, &Verdict)| {
            matches!(verdict, Verdict::Missed | Verdict::Unreached)
                && !is_explained(&mutants[**number].name, EQUIVALENT)
        };
        let open: Vec<usize> = verdicts.iter().filter(is_open).map(|(number, _)| *number).collect();
        if open.is_empty() || self.real.is_empty() {
            return Ok(());
        }
        let servers = real::Servers::start(package, parts)?;
        // Tests of processes side by side would meet in what a server has only one of.
        let jobs = if servers.are_lent() { 1 } else { self.jobs };
        let is_real = |program: &Program, test: &str| parts::is_named(&self.real, &program.name, test);
        let tests = self.survey(package, &servers.tell(&built.programs), &is_real, jobs)?;
        let renew = || servers.renew();
        for (number, verdict) in self.try_on(&tests, &open, jobs, Some(&renew))? {
            if verdict != Verdict::Unreached {
                verdicts.insert(number, verdict);
            }
        }
        Ok(())
    }

    fn survey(
        &self,
        package: &Package<'_>,
        programs: &[Program],
        is_named: &dyn Fn(&Program, &str) -> bool,
        jobs: usize,
    ) -> Result<Vec<Test>> {
        let on = &self.options.on;
        let is_wanted = |program: &Program, test: &str| {
            is_named(program, test)
                && !SLOW.iter().any(|word| test.contains(word))
                && (on.is_empty() || on.iter().any(|word| test.contains(word.as_str())))
        };
        let scratch = package.tree.with_file_name("reached");
        stage("which tests come by which", || trial::survey(programs, is_wanted, &scratch, jobs))
    }

    fn try_on(
        &self,
        tests: &[Test],
        mutants: &[usize],
        jobs: usize,
        renew: trial::Renew<'_>,
    ) -> Result<BTreeMap<usize, Verdict>> {
        let budget = Duration::from_secs(self.options.budget);
        let verdicts = stage(&format!("{} mutants on {} tests", mutants.len(), tests.len()), || {
            trial::try_all(tests, mutants, jobs, budget, self.goes_on, renew)
        })?;
        Ok(mutants.iter().copied().zip(verdicts).collect())
    }
}

/// The mutants to try, spread over all.
fn wanted(mutants: &[Mutant], built: &Built, options: &Options, memory: &Path) -> Result<Vec<usize>> {
    let spread = (0..SPREAD).flat_map(|first| (first..mutants.len()).step_by(SPREAD));
    let built = spread.filter(|number| !built.left_out.contains_key(number));
    if !options.again {
        return Ok(built.collect());
    }
    let text = fs::read_to_string(memory).at(memory)?;
    let before: BTreeSet<_> = text.lines().filter_map(change).collect();
    Ok(built
        .filter(|number| change(&mutants[*number].name).is_some_and(|change| before.contains(&change)))
        .collect())
}

impl Score {
    fn of(
        part: std::ops::Range<usize>,
        mutants: &[Mutant],
        built: &Built,
        verdicts: &BTreeMap<usize, Verdict>,
    ) -> Self {
        let mut score = Self { all: part.len(), ..Self::default() };
        for number in part {
            let name = &mutants[number].name;
            match verdicts.get(&number) {
                _ if built.left_out.contains_key(&number) => score.left_out += 1,
                Some(Verdict::Noticed) => score.noticed += 1,
                Some(Verdict::Missed | Verdict::Unreached) if is_explained(name, EQUIVALENT) => {
                    score.explained += 1;
                }
                Some(Verdict::Missed) => score.missed.push(name.clone()),
                Some(Verdict::Unreached) => score.unreached.push(name.clone()),
                Some(Verdict::Untried) | None => score.untried += 1,
            }
        }
        score
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

/// A mutant's file and change, without the place: lines move, changes keep their names.
fn change(mutant: &str) -> Option<(&str, &str)> {
    let (path, rest) = mutant.split_once(':')?;
    Some((path, rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == ':').trim()))
}

/// Whether a file of equivalent mutants has this one, wherever in its file it is now.
fn is_explained(mutant: &str, explained: &str) -> bool {
    let Some((path, change)) = change(mutant) else { return false };
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
            for test in part.tests.iter().chain(part.real) {
                let of = |file: &str| workspace::root().join(part.package).join("tests").join(file);
                let test = test.replace("::", "/");
                assert!(of(&format!("{test}.rs")).exists() || of(&test).is_dir(), "{}: {test}", part.name);
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
