use std::sync::OnceLock;

/// How many cells are made at once.
const CHUNK: usize = 256;

/// As many cells as a table has rows, each filled when somebody asks for it: what nobody asks for costs next to nothing.
pub(crate) struct Cells<T>(Box<[OnceLock<Chunk<T>>]>);

type Chunk<T> = Box<[OnceLock<T>]>;

impl<T> Cells<T> {
    pub fn new(count: usize) -> Self {
        Self((0..count.div_ceil(CHUNK)).map(|_| OnceLock::new()).collect())
    }

    /// What is in a cell, which is below the count.
    pub fn get_or_init(&self, index: usize, fill: impl FnOnce() -> T) -> &T {
        let chunk = self.0[index / CHUNK].get_or_init(|| (0..CHUNK).map(|_| OnceLock::new()).collect());
        chunk[index % CHUNK].get_or_init(fill)
    }
}
