//! C01 to C08: which object is which, and in which state.

use std::collections::BTreeMap;

use super::bench::{TargetBench, sample};
use crate::conformance::check::{Asked, Check, Checked, Stop, check, ensure};
use crate::value::{Key, Live, Value};

pub(super) const CHECKS: &[Check<TargetBench>] = &[
    check!(
        "C01",
        Asked::All,
        one_object_per_key,
        "What is asked under one key, alone or among others, is one object."
    ),
    check!("C02", Asked::All, keys_stay_apart, "Keys that differ in one part are different objects."),
    check!("C03", Asked::All, identity_stays, "An object keeps its identity over updates."),
    check!(
        "C04",
        Asked::All,
        identity_ends,
        "An object that is made again under its name has another identity."
    ),
    check!("C05", Asked::All, version_moves, "The version changes with each effective write."),
    check!("C06", Asked::All, version_stays, "Reading changes no version."),
    check!(
        "C07",
        Asked::All,
        round_trip,
        "Keys and bodies come back as they were written: empty, long, of all languages."
    ),
    check!("C08", Asked::All, one_name, "An object is shown under one name only, its canonical one."),
];

async fn one_object_per_key(bench: &TargetBench) -> Checked {
    let (first, other) = (bench.make().await?, bench.make().await?);
    let rebuilt: Key = first.key.to_string().parse().unwrap_or_else(|_| first.key.clone());
    let alone = bench.there(&rebuilt).await?;
    let among = bench.look(&[other.key.clone(), rebuilt, bench.key()]).await?;
    let found = among.iter().find(|live| live.key == first.key);
    ensure!(alone.uid == first.uid, "{} is {} and then {}", first.key, first.uid, alone.uid);
    ensure!(
        found.is_some_and(|live| live.uid == first.uid),
        "{} is {} alone, and among others {:?}",
        first.key,
        first.uid,
        found.map(|live| &live.uid)
    );
    Ok(())
}

async fn keys_stay_apart(bench: &TargetBench) -> Checked {
    let mut keys = bench.keys(2);
    keys.extend(bench.subject.samples.neighbours.iter().cloned());
    for (number, key) in keys.iter().enumerate() {
        bench.make_at(key, bench.body(number)).await?;
    }
    let mut seen = BTreeMap::new();
    for (number, key) in keys.iter().enumerate() {
        let live = bench.there(key).await?;
        bench.holds(&live, &bench.body(number)).await?;
        if let Some(other) = seen.insert(live.uid.clone(), key) {
            return Err(Stop::Fail(format!("{other} and {key} are two objects, and both are {}", live.uid)));
        }
    }
    Ok(())
}

async fn identity_stays(bench: &TargetBench) -> Checked {
    let made = bench.make().await?;
    let updated = bench.rewrite(&made, bench.body(1)).await?;
    let again = bench.rewrite(&updated, bench.body(2)).await?;
    for live in [&updated, &again] {
        ensure!(live.uid == made.uid, "{} was {} and is {} after an update", made.key, made.uid, live.uid);
    }
    Ok(())
}

async fn identity_ends(bench: &TargetBench) -> Checked {
    let first = bench.make().await?;
    bench.unmake(&first).await?;
    let second = bench.make_at(&first.key, bench.body(0)).await?;
    ensure!(second.uid != first.uid, "{} is {} again after it was deleted", first.key, first.uid);
    Ok(())
}

async fn version_moves(bench: &TargetBench) -> Checked {
    let mut live = bench.make().await?;
    for number in 1..=8 {
        let next = bench.rewrite(&live, bench.body(number)).await?;
        let version = &live.version;
        ensure!(next.version != *version, "update {number} of {} left the version at {version}", live.key);
        live = next;
    }
    Ok(())
}

async fn version_stays(bench: &TargetBench) -> Checked {
    let made = bench.make().await?;
    for read in 1..=10 {
        let live = bench.there(&made.key).await?;
        ensure!(
            live.version == made.version && live.uid == made.uid,
            "read {read} of {} found {} in the place of {}",
            made.key,
            live.version,
            made.version
        );
    }
    Ok(())
}

const ODD_TEXTS: [&str; 6] = [
    "",
    " ends with blanks  ",
    "line\nline\r\n\ttab",
    "naïve → 日本語 🜁",
    "e\u{301} is not \u{e9}",
    "\"'\\{}[]:#&*",
];

async fn round_trip(bench: &TargetBench) -> Checked {
    let text = sample(bench.subject.samples.text.as_ref(), "body that holds a text")?;
    let long = "long ".repeat(1000);
    for odd in ODD_TEXTS.into_iter().chain([&*long]) {
        let body: Value = text(odd);
        let live = bench.make_at(&bench.key(), body.clone()).await?;
        bench.holds(&live, &body).await?;
        let next = bench.rewrite(&live, bench.body(0)).await?;
        bench.holds(&next, &bench.body(0)).await?;
    }
    Ok(())
}

async fn one_name(bench: &TargetBench) -> Checked {
    let made = bench.make().await?;
    let mut spellings = bench.subject.samples.spellings.clone();
    if spellings.is_empty() {
        spellings.push(in_capitals(&made.key));
    }
    for spelling in spellings.iter().filter(|spelling| **spelling != made.key) {
        let found = bench.look(std::slice::from_ref(spelling)).await?;
        let is_the_same = |live: &Live| live.key == *spelling && live.uid == made.uid;
        ensure!(!found.iter().any(is_the_same), "{} is shown as {spelling} too", made.key);
    }
    Ok(())
}

fn in_capitals(key: &Key) -> Key {
    Key::new(key.target(), key.kind().clone(), key.namespace(), key.name().to_uppercase())
}
