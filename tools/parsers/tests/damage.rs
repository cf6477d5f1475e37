//! No parser panics, whatever became of its examples.

use gitops_parsers::{PARSERS, Parser};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

/// What is done to an example, each place as a fraction of its length.
#[derive(Clone, Debug)]
enum Damage {
    Change(u16, u8),
    Insert(u16, Vec<u8>),
    Remove(u16, u8),
    Cut(u16),
    Double(u16, u8),
}

fn damage() -> impl Strategy<Value = Damage> {
    let place = any::<u16>();
    prop_oneof![
        (place, any::<u8>()).prop_map(|(at, byte)| Damage::Change(at, byte)),
        (place, prop::collection::vec(any::<u8>(), 1..5)).prop_map(|(at, bytes)| Damage::Insert(at, bytes)),
        (place, any::<u8>()).prop_map(|(at, count)| Damage::Remove(at, count)),
        place.prop_map(Damage::Cut),
        (place, any::<u8>()).prop_map(|(at, count)| Damage::Double(at, count)),
    ]
}

fn apply(bytes: &mut Vec<u8>, damage: &Damage) {
    let place = |at: u16| usize::from(at) * bytes.len() / (usize::from(u16::MAX) + 1);
    let range = |at: u16, count: u8| place(at)..(place(at) + usize::from(count)).min(bytes.len());
    match damage {
        Damage::Change(at, byte) => {
            let at = place(*at);
            bytes.splice(at..(at + 1).min(bytes.len()), [*byte]);
        }
        Damage::Insert(at, more) => {
            let at = place(*at);
            bytes.splice(at..at, more.iter().copied());
        }
        Damage::Remove(at, count) => drop(bytes.drain(range(*at, *count))),
        Damage::Cut(at) => bytes.truncate(place(*at)),
        Damage::Double(at, count) => {
            let part = bytes[range(*at, *count)].to_vec();
            let at = place(*at);
            bytes.splice(at..at, part);
        }
    }
}

#[test]
fn no_parser_breaks_on_damaged_examples_or_any_bytes() {
    for Parser { name, check, examples } in PARSERS {
        let examples = examples();
        examples.iter().for_each(|example| check(example));
        let damaged =
            (0..examples.len(), prop::collection::vec(damage(), 0..6)).prop_map(|(index, damages)| {
                let mut bytes = examples[index].clone();
                damages.iter().for_each(|damage| apply(&mut bytes, damage));
                bytes
            });
        let any = prop_oneof![4 => damaged, 1 => prop::collection::vec(any::<u8>(), 0..200)];
        let mut runner =
            TestRunner::new(Config { cases: 300, failure_persistence: None, ..Config::default() });
        let result = runner.run(&any, |bytes| {
            check(&bytes);
            Ok(())
        });
        result.unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}
