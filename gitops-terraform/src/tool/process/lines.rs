/// Bytes of a line that are kept; a longer line is left out whole.
const LINE_BYTES: usize = 1 << 20;

/// Cuts a stream of bytes into lines of bounded length, however the stream was chunked.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    line: Vec<u8>,
    too_long: bool,
    left_out: u64,
}

impl Lines {
    /// Takes bytes and gives each line that they end, without its line feed.
    pub fn feed(&mut self, mut bytes: &[u8], mut line: impl FnMut(&[u8])) {
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            self.extend(&bytes[..end]);
            self.end(&mut line);
            bytes = &bytes[end + 1..];
        }
        self.extend(bytes);
    }

    /// Ends the stream: what is left is a line too.
    pub fn finish(mut self, mut line: impl FnMut(&[u8])) -> u64 {
        if !self.line.is_empty() || self.too_long {
            self.end(&mut line);
        }
        self.left_out
    }

    fn extend(&mut self, bytes: &[u8]) {
        if self.too_long || self.line.len() + bytes.len() > LINE_BYTES {
            self.too_long = true;
            self.line.clear();
        } else {
            self.line.extend_from_slice(bytes);
        }
    }

    fn end(&mut self, line: &mut impl FnMut(&[u8])) {
        match std::mem::take(&mut self.too_long) {
            true => self.left_out += 1,
            false => line(&self.line),
        }
        self.line.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn cut(chunks: &[Vec<u8>]) -> (Vec<Vec<u8>>, u64) {
        let (mut lines, mut found) = (Lines::default(), Vec::new());
        chunks.iter().for_each(|chunk| lines.feed(chunk, |line| found.push(line.to_vec())));
        let left_out = lines.finish(|line| found.push(line.to_vec()));
        (found, left_out)
    }

    proptest! {
        #[test]
        fn the_lines_do_not_depend_on_the_chunks(chunks in prop::collection::vec("[ab\n]{0,5}", 0..9)) {
            let whole: String = chunks.concat();
            let mut expected: Vec<Vec<u8>> = whole.split('\n').map(|line| line.as_bytes().to_vec()).collect();
            if expected.last().is_some_and(Vec::is_empty) {
                expected.pop();
            }
            let chunks: Vec<Vec<u8>> = chunks.into_iter().map(String::into_bytes).collect();
            prop_assert_eq!(cut(&chunks), (expected, 0));
        }
    }

    #[test]
    fn a_line_over_the_limit_is_left_out_and_the_next_is_whole() {
        let long = vec![b'x'; LINE_BYTES + 1];
        assert_eq!(cut(&[b"a\n".to_vec(), long, b"\nb".to_vec()]), (vec![b"a".to_vec(), b"b".to_vec()], 1));
    }
}
