//! Work on the cores that there are, whose results do not depend on their number.

use std::num::NonZero;
use std::panic::resume_unwind;
use std::thread;

/// What becomes of each item, in the order of the items, worked out on so many cores at most.
///
/// A panic in one of them goes on here.
pub(crate) fn map<T: Send, R: Send>(items: Vec<T>, at_most: usize, act: impl Fn(T) -> R + Sync) -> Vec<R> {
    match at_most {
        0 | 1 => items.into_iter().map(act).collect(),
        _ => on(at_most.min(thread::available_parallelism().map_or(1, NonZero::get)), items, act),
    }
}

/// Each core takes a stretch of its own, this one the first.
fn on<T: Send, R: Send>(cores: usize, mut items: Vec<T>, act: impl Fn(T) -> R + Sync) -> Vec<R> {
    let share = items.len().div_ceil(cores.max(1)).max(1);
    let all = |items: Vec<T>| items.into_iter().map(&act).collect::<Vec<R>>();
    thread::scope(|scope| {
        let mut others = Vec::new();
        while items.len() > share {
            let last = items.split_off((items.len() - 1) / share * share);
            others.push(scope.spawn(|| all(last)));
        }
        let mut done = all(items);
        for other in others.into_iter().rev() {
            done.extend(other.join().unwrap_or_else(|panic| resume_unwind(panic)));
        }
        done
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_number_of_cores_gives_the_same(items in prop::collection::vec(any::<u16>(), 0..200), cores in 0..9usize) {
            let expected: Vec<u32> = items.iter().map(|item| u32::from(*item) + 1).collect();
            prop_assert_eq!(on(cores, items, |item| u32::from(item) + 1), expected);
        }
    }

    #[test]
    #[should_panic(expected = "the third")]
    fn a_panic_is_not_lost() {
        on(4, vec![1, 2, 3, 4], |item| assert!(item != 3, "the third"));
    }
}
