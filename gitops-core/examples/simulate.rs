//! Runs seeded worlds and tells of the first promise that an engine broke.

use std::time::Duration;
use gitops_core::simulate::{Profile, World, Fault};

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let from: u64 = args[0].parse().unwrap();
    let to: u64 = args[1].parse().unwrap();
    let mut profile = Profile::default();
    if let Some(f) = args.get(2) { if f != "all" {
        profile = profile.faults(f.split(',').filter(|s| !s.is_empty()).map(|n| Fault::from_number(n.parse().unwrap()).unwrap()));
    } }
    let one = to == from + 1;
    if one { profile = profile.keeping_the_trace(); }
    let _ = Duration::ZERO;
    let mut bad = 0;
    let mut hours = 0;
    for seed in from..to {
        let outcome = World::new(seed, &profile).run();
        hours += outcome.counts.hours;
        if one { for line in &outcome.trace { println!("{line}"); } }
        if outcome.violation.is_some() || one { println!("{outcome}"); bad += 1; }
    }
    println!("{bad} of {} in {hours} h", to-from);
}
