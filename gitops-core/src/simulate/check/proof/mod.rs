//! Each promise is seen to be breakable: a trace by hand that keeps it, and the same with one thing wrong.

mod durability;
mod end;
mod ownership;
mod scene;
mod sending;

use std::collections::BTreeSet;

use scene::Scene;

/// A checker, the number that it must name, and the trace: kept, or broken in one thing.
type Row = (&'static str, u8, fn(&mut Scene, bool));

fn rows() -> impl Iterator<Item = &'static Row> {
    [ownership::ROWS, sending::ROWS, durability::ROWS, end::ROWS].into_iter().flatten()
}

/// What a trace was seen to break, if that is not what it breaks.
fn wrong((checker, number, trace): &Row, breaks: bool) -> Option<String> {
    let mut scene = Scene::new();
    trace(&mut scene, breaks);
    let found = scene.world.violation;
    let number = breaks.then_some(*number);
    let is_right = found.as_ref().map(|violation| violation.invariant) == number;
    (!is_right).then(|| format!("{checker}: {number:?} was to break, and what broke is {found:?}"))
}

#[test]
fn every_checker_fails_where_its_promise_is_broken_and_nowhere_else() {
    let both = |row| [false, true].into_iter().filter_map(move |breaks| wrong(row, breaks));
    let wrong: Vec<String> = rows().flat_map(both).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn no_checker_is_without_a_trace_that_breaks_it() {
    let sources =
        [include_str!("../ownership.rs"), include_str!("../apply.rs"), include_str!("../durability.rs")];
    let words = sources.iter().flat_map(|source| source.split("fn ").skip(1));
    let names = words.filter_map(|word| word.split('(').next());
    let is_checker =
        |name: &&str| name.strip_prefix('i').is_some_and(|rest| rest.starts_with(char::is_numeric));
    let checkers: BTreeSet<&str> = names.filter(is_checker).collect();
    let proven: BTreeSet<&str> = rows().map(|(checker, ..)| *checker).collect();
    assert_eq!(checkers, proven);
    assert!(checkers.len() > 20, "{checkers:?}");
}
