//! Scalars made by a seeded generator: each a few pieces, of which readers of YAML give some a meaning.

/// A small generator of numbers: the same ones for a seed, on every machine.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % n as u64).expect("it is below a usize")
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }
}

const NUMERIC: [&str; 26] = [
    "0",
    "1",
    "7",
    "8",
    "9",
    "00",
    "_",
    ".",
    "e",
    "E",
    "+",
    "-",
    "0x",
    "0b",
    "0o",
    "0X",
    "f",
    "10",
    "922337203685477580",
    ":",
    "inf",
    ".5",
    "1e",
    "01",
    "-0",
    "T",
];

const WORDS: [&str; 30] = [
    "y", "Y", "yes", "YES", "no", "No", "on", "ON", "off", "Off", "true", "True", "false", "FALSE", "null",
    "Null", "~", "<<", ".inf", ".NaN", "!!int ", "!!str ", "!!float ", "!!bool ", "!!null ", "a", " ", "\"",
    "'", "#",
];

/// A scalar of numeric pieces, or of words.
pub fn scalar(dice: &mut Dice) -> String {
    let pieces: &[&str] = if dice.below(3) == 0 { &WORDS } else { &NUMERIC };
    (0..=dice.below(4)).map(|_| dice.pick(pieces)).collect()
}

/// Pieces of documents: structure, quotes, tags, anchors, block scalars.
const STRUCTURE: [&str; 44] = [
    "a", "b", "c: ", "d:", "- ", "-", "? ", ": ", ", ", "[", "]", "{", "}", "\n  ", "\n    ", "\n   ", "\n",
    "|", ">", "|-", ">+", "&x ", "*x", "!!str ", "!t ", "\"", "'", "# z", " #", "<<: ", "~", "yes", "0644",
    "1.50", "\\", "\\n", "  ", "\"q\"", "'s'", "e: f", "[1, 2]", "{g: h}", "\n  i: j", "x y",
];

/// What stands behind `data:`: pieces in any order, so mostly wrong.
pub fn body(dice: &mut Dice) -> String {
    let start = ["\n  ", " ", "\n  k: ", "\n  k:\n    "][dice.below(4)];
    start.to_owned() + &(0..=dice.below(7)).map(|_| dice.pick(&STRUCTURE)).collect::<String>()
}
