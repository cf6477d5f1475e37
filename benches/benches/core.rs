//! The parts of the core on their own: graph, first plan, digests.
#![allow(missing_docs, reason = "a benchmark has no callers")]

use gitops_core::{Graph, GroupKind, Key, Revision, Snapshot};

fn main() {
    divan::main();
}

fn key(index: usize) -> Key {
    Key::new("k8s", GroupKind::new("apps", "Deployment"), "shop", format!("object-{index:06}"))
}

/// A tree of needs: each node needs the one at a third of its number, and every seventh one more.
fn nodes(count: usize) -> Vec<(Key, Vec<Key>)> {
    let needs = |index: usize| match index {
        0 => Vec::new(),
        index if index.is_multiple_of(7) => vec![key(index / 3), key(index - 1)],
        index => vec![key(index / 3)],
    };
    (0..count).map(|index| (key(index), needs(index))).collect()
}

#[divan::bench(args = [1_000, 10_000, 100_000], sample_count = 10)]
fn graph_build_and_order(bencher: divan::Bencher<'_, '_>, count: usize) {
    bencher.with_inputs(|| nodes(count)).bench_values(|nodes| {
        let graph = Graph::new(nodes).expect("it has no cycle");
        graph.order().len()
    });
}

#[divan::bench(args = [1_000, 10_000], sample_count = 10)]
fn snapshot_from_files(bencher: divan::Bencher<'_, '_>, count: usize) {
    let files = || {
        (0..count).map(|index| (format!("f{:03}/{index}", index / 100), vec![b'x'; 200])).collect::<Vec<_>>()
    };
    bencher.with_inputs(files).bench_values(|files| {
        Snapshot::from_files("bench", Revision::new("1", ""), files).expect("the paths are plain")
    });
}
