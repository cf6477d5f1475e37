//! Feeds every parser of the workspace with what reaches more of its code, until the time is over.
//!
//! The fuzzer is libFuzzer, whose instrumentation a stable compiler has too; only its sanitizers need another one, and
//! there is no unsafe code here for them to look at.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failure::{At, Failure, Result};
use crate::stage::stage;
use crate::{process, workspace};

/// What the compiler is told, so that the fuzzer sees which code was reached and what was compared.
const FLAGS: [&str; 8] = [
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Cdebug-assertions",
    "-Coverflow-checks",
    "--cfg=fuzzing",
];

/// Bounds of each input: bytes, seconds, memory in MiB.
const BOUNDS: [&str; 3] = ["-max_len=65536", "-timeout=10", "-rss_limit_mb=2048"];

/// What to feed, and for how long.
#[derive(clap::Args)]
pub struct Options {
    /// Seconds for each parser; thousands are a long run.
    #[arg(long, default_value_t = 10)]
    seconds: u32,
    /// Names of parsers; all, if none is named.
    parsers: Vec<String>,
}

/// Runs the fuzzer for each parser; the first input that breaks one fails, and is kept.
pub fn run(options: &Options) -> Result<()> {
    let folder = workspace::target()?.join("fuzz");
    let corpus = folder.join("corpus");
    let known = examples(&corpus)?;
    let chosen = chosen(&known, &options.parsers)?;
    let program = stage("build the fuzzer", || build(&folder))?;
    for name in chosen {
        let executed = feed(&program, &corpus.join(name), name, options.seconds)?;
        eprintln!("    {executed:>10} inputs: {name}");
    }
    Ok(())
}

/// Writes the examples of all parsers; gives their names.
fn examples(corpus: &Path) -> Result<Vec<String>> {
    let mut run = workspace::cargo();
    run.args(["run", "--quiet", "--package", "gitops-parsers", "--"]).arg(corpus);
    Ok(process::output(&mut run)?.lines().map(str::to_owned).collect())
}

fn chosen<'a>(known: &'a [String], wanted: &'a [String]) -> Result<&'a [String]> {
    match wanted.iter().find(|name| !known.contains(name)) {
        Some(unknown) => Err(Failure::new(format!("there is no parser `{unknown}`"))
            .help(format!("one of: {}", known.join(", ")))),
        None if wanted.is_empty() => Ok(known),
        None => Ok(wanted),
    }
}

fn build(folder: &Path) -> Result<PathBuf> {
    // The workspace's versions hold; what the fuzzer needs beside them is pinned in its manifest, and added to the copy.
    let [versions, copy] = ["Cargo.lock", "fuzz/Cargo.lock"].map(|file| workspace::root().join(file));
    fs::copy(&versions, &copy).at(&copy)?;
    // With a target named, the flags do not hold for what runs during the build.
    let host = host()?;
    let mut build = workspace::cargo();
    build.args(["build", "--quiet", "--release", "--target", &host, "--manifest-path", "fuzz/Cargo.toml"]);
    build.arg("--target-dir").arg(folder).env("CARGO_ENCODED_RUSTFLAGS", FLAGS.join("\u{1f}"));
    process::run(&mut build)?;
    Ok(folder.join(host).join("release/gitops-fuzz"))
}

fn host() -> Result<String> {
    let said = process::output(Command::new("rustc").arg("-vV"))?;
    let line = said.lines().find_map(|line| line.strip_prefix("host: "));
    line.map(str::to_owned).ok_or_else(|| Failure::new("`rustc -vV` names no host"))
}

/// Feeds one parser; gives how many inputs it took.
fn feed(program: &Path, corpus: &Path, name: &str, seconds: u32) -> Result<u64> {
    let found = format!("{}-", corpus.display());
    let mut fuzzer = Command::new(program);
    fuzzer.arg(corpus).args(BOUNDS).env("GITOPS_FUZZ", name);
    fuzzer.args([format!("-max_total_time={seconds}"), format!("-artifact_prefix={found}")]);
    let output = fuzzer.arg("-print_final_stats=1").output().at(program)?;
    let said = String::from_utf8_lossy(&output.stderr);
    if output.status.success() {
        return Ok(executed(&said));
    }
    let last = said.lines().rev().take(40).collect::<Vec<_>>();
    let last = last.into_iter().rev().collect::<Vec<_>>().join("\n");
    Err(Failure::new(format!("the parser `{name}` broke\n{last}")).help(format!(
        "the input is kept: {found}*; feed it again: GITOPS_FUZZ={name} {} FILE",
        program.display()
    )))
}

fn executed(said: &str) -> u64 {
    let count = said.lines().find_map(|line| line.strip_prefix("stat::number_of_executed_units:"));
    count.and_then(|count| count.trim().parse().ok()).unwrap_or(0)
}
