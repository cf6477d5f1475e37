use std::fmt;

use crate::value::Digest;

/// What happened, one line for each event; hashed as it goes, kept only if asked to.
#[derive(Debug)]
pub(super) struct Trace {
    hasher: blake3::Hasher,
    line: String,
    lines: Option<Vec<String>>,
    events: u64,
}

impl Trace {
    pub fn new(keep: bool) -> Self {
        let lines = keep.then(Vec::new);
        Self { hasher: blake3::Hasher::new(), line: String::new(), lines, events: 0 }
    }

    pub fn say(&mut self, now: i64, what: fmt::Arguments<'_>) {
        use fmt::Write;
        self.line.clear();
        let (seconds, micros) = (now / 1_000_000, now % 1_000_000);
        writeln!(self.line, "{seconds}.{micros:06} {what}").expect("a string takes all");
        self.hasher.update(self.line.as_bytes());
        self.events += 1;
        if let Some(lines) = &mut self.lines {
            lines.push(self.line.trim_end().to_owned());
        }
    }

    pub fn events(&self) -> u64 {
        self.events
    }

    pub fn digest(&self) -> Digest {
        Digest::from_bytes(*self.hasher.finalize().as_bytes())
    }

    pub fn take_lines(&mut self) -> Vec<String> {
        self.lines.take().unwrap_or_default()
    }
}
