//! Runs seeded worlds, and tells of the first promise that an engine breaks in one of them.
//!
//! `cargo xtask simulate --help` says how.

use std::ops::Range;
use std::process::ExitCode;
use std::time::Duration;

use gitops_core::simulate::{Fault, Profile, Strike, World, explore};

const HELP: &str = "\
usage: cargo xtask simulate [OPTIONS]

  --seed N             run one world and print its trace
  --seeds N            run the worlds of the seeds 0 to N - 1 [default: 500]
  --from N             begin with this seed instead of 0
  --nodes A..B         how many objects, at least and at most
  --revisions A..B     how many revisions of the source
  --seconds N          how long faults last, in simulated time
  --faults F01,F05     which faults there may be, or `none`
  --all-faults         each of them in every world, not in every other
  --spare F05.3        strikes that are left out, as a shrunk failure names them
  --crash-at 12,40     crash points at which the engine dies
  --bug B38            put a mistake of the past back";

struct Options {
    seeds: Range<u64>,
    shows: bool,
    profile: Profile,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match parse(&arguments) {
        Ok(options) => run(&options),
        Err(message) => {
            eprintln!("{message}\n\n{HELP}");
            ExitCode::from(2)
        }
    }
}

fn run(options: &Options) -> ExitCode {
    if options.shows {
        let profile = options.profile.clone().keeping_the_trace();
        let outcome = World::new(options.seeds.start, &profile).run();
        outcome.trace.iter().for_each(|line| println!("{line}"));
        println!("{outcome}\ndigest {}", outcome.digest);
        return if outcome.violation.is_some() { ExitCode::FAILURE } else { ExitCode::SUCCESS };
    }
    match explore(options.seeds.clone(), &options.profile) {
        Ok(counts) => {
            println!("seeds {} to {}: nothing broken ({counts})", options.seeds.start, options.seeds.end);
            ExitCode::SUCCESS
        }
        Err(failure) => {
            println!("{failure}");
            ExitCode::FAILURE
        }
    }
}

fn parse(arguments: &[String]) -> Result<Options, String> {
    let mut options = Options { seeds: 0..500, shows: false, profile: Profile::default() };
    let mut arguments = arguments.iter().map(String::as_str);
    let (mut from, mut count) = (0, 500);
    while let Some(name) = arguments.next() {
        let profile = options.profile.clone();
        if name == "--all-faults" {
            options.profile = profile.all_faults();
            continue;
        }
        let value = arguments.next().ok_or_else(|| format!("`{name}` is not an option, or has no value"))?;
        options.profile = match name {
            "--seed" => {
                (from, count, options.shows) = (number(value)?, 1, true);
                profile
            }
            "--seeds" => {
                count = number(value)?;
                profile
            }
            "--from" => {
                from = number(value)?;
                profile
            }
            "--nodes" => range(value).map(|(least, most)| profile.nodes(least, most))?,
            "--revisions" => range(value).map(|(least, most)| profile.revisions(least, most))?,
            "--seconds" => profile.lasts(Duration::from_secs(number(value)?)),
            "--faults" => profile.faults(list(value, fault)?),
            "--spare" => profile.sparing(list(value, strike)?),
            "--crash-at" => profile.crash_at(list(value, number)?),
            "--bug" => profile.bug(value.parse().map_err(|error| format!("{error}"))?),
            _ => return Err(format!("`{name}` is not an option")),
        };
    }
    options.seeds = from..from.saturating_add(count);
    Ok(options)
}

fn number(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("`{text}` is not a number"))
}

fn range(text: &str) -> Result<(u64, u64), String> {
    let (least, most) = text.split_once("..").ok_or_else(|| format!("`{text}` is not like 1..40"))?;
    Ok((number(least)?, number(most)?))
}

fn fault(text: &str) -> Result<Fault, String> {
    text.parse().map_err(|error| format!("`{text}`: {error}"))
}

fn strike(text: &str) -> Result<Strike, String> {
    let (name, chance) = text.split_once('.').ok_or_else(|| format!("`{text}` is not like F05.3"))?;
    Ok((fault(name)?, number(chance)?))
}

fn list<T>(text: &str, parse: impl Fn(&str) -> Result<T, String>) -> Result<Vec<T>, String> {
    text.split(',').filter(|item| *item != "none").map(parse).collect()
}
