//! Runs the tests that come by a mutant, the quick ones first, and says whether one of them notices it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::build::{CHOSEN, REACHED};
use crate::failure::{At, Failure, Result};
use crate::process;
use crate::programs::Program;
use crate::stage::stopwatch;

/// How much longer than without a change a test may take before it counts as hung, and what it may take in any case.
const PATIENCE: u32 = 10;
const LEAST: Duration = Duration::from_secs(20);

/// Tests that run in one process take about this long together; each next process takes four times as long.
const FIRST: Duration = Duration::from_millis(300);

/// After so many mutants a line says how many are done.
const REPORTED: usize = 100;

/// One test, how long it takes, and which mutants it comes by.
pub struct Test {
    program: Program,
    name: String,
    time: Duration,
    reached: BTreeSet<usize>,
}

/// How a server is replaced by a fresh one, where tests use one that goes on.
pub type Renew<'a> = Option<&'a (dyn Fn() -> Result<()> + Sync)>;

/// What came of a mutant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Noticed,
    /// Tests come by it, and none notices.
    Missed,
    /// No test comes by it.
    Unreached,
    /// The time was over before.
    Untried,
}

/// Several things done side by side, each with what came of it, in order.
fn side_by_side<T: Sync, R: Send>(jobs: usize, all: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        for _ in 0..jobs.max(1) {
            scope.spawn(|| {
                while let Some((at, one)) = take(&next, all) {
                    let result = work(one);
                    done.lock().expect("no thread panics with it").insert(at, result);
                }
            });
        }
    });
    done.into_inner().expect("no thread panics with it").into_values().collect()
}

fn take<'a, T>(next: &AtomicUsize, all: &'a [T]) -> Option<(usize, &'a T)> {
    let at = next.fetch_add(1, Ordering::Relaxed);
    all.get(at).map(|one| (at, one))
}

/// All tests of the programs that are wanted, each run once alone to see what it comes by. A test that fails without a change
/// fails the whole.
pub fn survey(
    programs: &[Program],
    is_wanted: impl Fn(&Program, &str) -> bool,
    scratch: &Path,
    jobs: usize,
) -> Result<Vec<Test>> {
    let mut found = Vec::new();
    for program in programs {
        let listed = process::output(command(program).args(["--list", "--format", "terse"]))?;
        let names = listed.lines().filter_map(|line| line.strip_suffix(": test"));
        let names = names.filter(|name| is_wanted(program, name));
        found.extend(names.map(|name| (program.clone(), name.to_owned())));
    }
    fs::create_dir_all(scratch).at(scratch)?;
    let numbered: Vec<_> = found.into_iter().enumerate().collect();
    let tests = side_by_side(jobs, &numbered, |(number, (program, name))| {
        let file = scratch.join(format!("reached-{number}"));
        look(program, name, &file)
    });
    tests.into_iter().collect()
}

fn look(program: &Program, name: &str, file: &PathBuf) -> Result<Test> {
    let clock = stopwatch();
    let mut command = command(program);
    process::output(command.args(["--exact", name, "--include-ignored"]).env(REACHED, file))
        .map_err(|failure| failure.help("the tests must pass before anything is changed"))?;
    let time = clock();
    let text = fs::read_to_string(file).unwrap_or_default();
    let _ = fs::remove_file(file);
    let reached = text.lines().filter_map(|line| line.parse().ok()).collect();
    Ok(Test { program: program.clone(), name: name.to_owned(), time, reached })
}

/// What comes of each of these mutants on tests that take so long together; those that the time does not suffice for are not tried.
pub fn try_all(
    tests: &[Test],
    mutants: &[usize],
    jobs: usize,
    budget: Duration,
    goes_on: impl Fn() -> bool + Sync,
    renew: Renew<'_>,
) -> Result<Vec<Verdict>> {
    let done = AtomicUsize::new(0);
    let verdicts = side_by_side(jobs, mutants, |mutant| {
        if !goes_on() {
            return Ok(Verdict::Untried);
        }
        let verdict = verdict(tests, *mutant, budget, renew);
        let done = done.fetch_add(1, Ordering::Relaxed) + 1;
        if done.is_multiple_of(REPORTED) {
            eprintln!("    {done} of {}", mutants.len());
        }
        verdict
    });
    verdicts.into_iter().collect()
}

fn verdict(tests: &[Test], mutant: usize, budget: Duration, renew: Renew<'_>) -> Result<Verdict> {
    let mut here: Vec<&Test> = tests.iter().filter(|test| test.reached.contains(&mutant)).collect();
    if here.is_empty() {
        return Ok(Verdict::Unreached);
    }
    // A test that comes by little is about what it comes by.
    here.sort_by_key(|test| test.time * u32::try_from(test.reached.len()).unwrap_or(u32::MAX));
    let mut share = FIRST;
    let mut spent = Duration::ZERO;
    let fits = |test: &&&Test| {
        spent += test.time;
        spent <= budget
    };
    let count = here.iter().take_while(fits).count().max(1);
    let mut rest = &here[..count];
    while !rest.is_empty() {
        let mut sum = Duration::ZERO;
        let fits = |test: &&&Test| {
            sum += test.time;
            sum <= share
        };
        let count = rest.iter().take_while(fits).count().max(1);
        let (now, later) = rest.split_at(count);
        if notice(now, mutant, renew)? {
            return Ok(Verdict::Noticed);
        }
        (rest, share) = (later, share * 4);
    }
    Ok(Verdict::Missed)
}

/// Whether one of the tests fails for the mutant alone. One may leave something on a server by which the next fails: that
/// is asked once more on a fresh one.
fn notice(tests: &[&Test], mutant: usize, renew: Renew<'_>) -> Result<bool> {
    if !fails(tests, Some(mutant))? {
        return Ok(false);
    }
    let Some(renew) = renew else { return Ok(true) };
    if !fails(tests, None)? {
        return Ok(true);
    }
    renew()?;
    if fails(tests, None)? {
        let names: Vec<_> = tests.iter().map(|test| test.name.as_str()).collect();
        return Err(Failure::new(format!(
            "without a change, one of these fails by now: {}",
            names.join(", ")
        )));
    }
    fails(tests, Some(mutant))
}

/// Whether one of the tests fails or hangs; those of one program run in one process.
fn fails(tests: &[&Test], mutant: Option<usize>) -> Result<bool> {
    let mut programs: BTreeMap<&Path, Vec<&Test>> = BTreeMap::new();
    tests.iter().for_each(|test| programs.entry(&test.program.path).or_default().push(test));
    for tests in programs.values() {
        let time: Duration = tests.iter().map(|test| test.time).sum();
        let limit = LEAST + time * PATIENCE;
        let mut bounded = Command::new("timeout");
        bounded.args(["--kill-after", "1", &limit.as_secs().to_string()]).arg(&tests[0].program.path);
        bounded.arg("--exact").args(tests.iter().map(|test| test.name.as_str()));
        prepare(&mut bounded, &tests[0].program);
        let silent = bounded.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let status = silent.envs(mutant.map(|mutant| (CHOSEN, mutant.to_string()))).status();
        let status = status.map_err(|error| Failure::new(format!("cannot start `timeout`: {error}")))?;
        if !status.success() {
            return Ok(true);
        }
    }
    Ok(false)
}

fn command(program: &Program) -> Command {
    let mut command = Command::new(&program.path);
    prepare(&mut command, program);
    command
}

fn prepare(command: &mut Command, program: &Program) {
    let tree = program.folder.parent().unwrap_or(&program.folder);
    command.current_dir(&program.folder).env("INSTA_UPDATE", "no").env("INSTA_WORKSPACE_ROOT", tree);
    command.envs(program.environment.iter().map(|(name, value)| (name, value)));
}
