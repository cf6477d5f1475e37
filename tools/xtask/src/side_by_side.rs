//! Programs of tests, as many at the same time as the machine has cores: many of them wait for a server for a part of their time.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, Write};
use std::num::NonZero;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::thread;

use crate::failure::{At, Failure, Result};
use crate::programs::Program;
use crate::stage::stopwatch;

/// The programs that run long, the longest first. One of them that is begun last would end alone.
const LONG: [&str; 13] = [
    "forge",
    "targets",
    "terraform",
    "api",
    "git",
    "cli",
    "kept",
    "simulate",
    "deployment",
    "oracle",
    "gitops_core",
    "gitops_server",
    "requests",
];

/// Runs the tests of each program whose names contain `only`. What a program prints is kept in `folder` and printed in one
/// piece when it ends. Those that failed are named at the end, after all have run.
pub fn run(programs: Vec<Program>, only: Option<&str>, folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).at(folder)?;
    let left = Mutex::new(in_order(programs));
    let failed = Mutex::new(Vec::new());
    let work = || {
        while let Some((number, program)) = next(&left) {
            let file = folder.join(format!("{number}-{}.log", program.name));
            if let Err(failure) = run_one(&program, only, &file) {
                failed.lock().unwrap_or_else(PoisonError::into_inner).push(failure.to_string());
            }
        }
    };
    thread::scope(|scope| {
        let cores = thread::available_parallelism().map_or(1, NonZero::get);
        for _ in 0..cores {
            scope.spawn(work);
        }
    });
    let failed = failed.into_inner().unwrap_or_else(PoisonError::into_inner);
    match failed.is_empty() {
        true => Ok(()),
        false => {
            Err(Failure::new(format!("{} programs of tests failed\n{}", failed.len(), failed.join("\n"))))
        }
    }
}

fn in_order(mut programs: Vec<Program>) -> VecDeque<(usize, Program)> {
    let place = |program: &Program| LONG.iter().position(|name| *name == program.name).unwrap_or(LONG.len());
    programs.sort_by_key(place);
    programs.into_iter().enumerate().collect()
}

fn next(left: &Mutex<VecDeque<(usize, Program)>>) -> Option<(usize, Program)> {
    left.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
}

fn run_one(program: &Program, only: Option<&str>, output: &Path) -> Result<()> {
    let clock = stopwatch();
    let file = File::create(output).at(output)?;
    let mut command = Command::new(&program.path);
    command.args(only).current_dir(&program.folder).stdin(Stdio::null());
    command.envs(program.environment.iter().map(|(name, path)| (name, path)));
    command.stdout(file.try_clone().at(output)?).stderr(file);
    let status = command.status().at(&program.path)?;
    let name = name(program);
    print(&name, clock().as_secs(), &fs::read(output).at(output)?).at(output)?;
    match status.success() {
        true => Ok(()),
        false => Err(Failure::new(format!("{name}: {status}; what it printed is in {}", output.display()))),
    }
}

/// The program's name and that of its package.
fn name(program: &Program) -> String {
    let package = program.folder.file_name().unwrap_or_default();
    format!("{} of {}", program.name, package.to_string_lossy())
}

/// Prints what a program printed, under its name. Nothing of another comes between.
fn print(name: &str, seconds: u64, text: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "     Ran {name} in {seconds} s")?;
    out.write_all(text)?;
    out.flush()
}
