use std::sync::OnceLock;

/// How many cells are made at once.
const CHUNK: usize = 256;

/// As many cells as a table has rows, each filled when somebody asks for it: what nobody asks for costs next to nothing.
pub(crate) struct Cells<T> {
    chunks: Box<[OnceLock<Chunk<T>>]>,
    count: usize,
}

type Chunk<T> = Box<[OnceLock<T>]>;

impl<T> Cells<T> {
    pub fn new(count: usize) -> Self {
        Self { chunks: (0..count.div_ceil(CHUNK)).map(|_| OnceLock::new()).collect(), count }
    }

    /// What is in a cell, which is below the count.
    pub fn get_or_init(&self, index: usize, fill: impl FnOnce() -> T) -> &T {
        let first = index - index % CHUNK;
        let chunk = self.chunks[index / CHUNK].get_or_init(|| {
            // The last one has no more cells than there are rows: many applications are small.
            (first..self.count.min(first + CHUNK)).map(|_| OnceLock::new()).collect()
        });
        chunk[index % CHUNK].get_or_init(fill)
    }
}
