use std::collections::VecDeque;

use super::Lines;

/// Bytes of the latest lines that are kept.
const RING_BYTES: usize = 8 << 20;

/// The latest lines of a stream, up to a bound.
#[derive(Debug, Default)]
pub(super) struct Ring {
    lines: Lines,
    kept: VecDeque<Box<[u8]>>,
    bytes: usize,
}

impl Ring {
    /// Takes bytes of the stream.
    pub fn feed(&mut self, bytes: &[u8]) {
        let mut lines = std::mem::take(&mut self.lines);
        lines.feed(bytes, |line| self.keep(line));
        self.lines = lines;
    }

    /// The lines, oldest first, each ended by a line feed.
    pub fn finish(mut self) -> Vec<u8> {
        std::mem::take(&mut self.lines).finish(|line| self.keep(line));
        let mut whole = Vec::with_capacity(self.bytes);
        for line in self.kept {
            whole.extend_from_slice(&line);
            whole.push(b'\n');
        }
        whole
    }

    fn keep(&mut self, line: &[u8]) {
        self.bytes += line.len() + 1;
        self.kept.push_back(line.into());
        while self.bytes > RING_BYTES {
            let Some(oldest) = self.kept.pop_front() else { return };
            self.bytes -= oldest.len() + 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_lines_stay_and_the_memory_is_bounded() {
        let mut ring = Ring::default();
        (0..100_000).for_each(|number| ring.feed(format!("{number:0500}\n").as_bytes()));
        let kept = ring.finish();
        assert!(kept.len() <= RING_BYTES && kept.len() > RING_BYTES - 1000);
        assert!(kept.ends_with(b"99999\n"));
    }
}
