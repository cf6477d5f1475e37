//! Seeded bugs: switches that put a mistake of the past back.

use std::fmt;
use std::str::FromStr;

/// A seeded bug, by its stable number: `B38`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bug(u8);

impl Bug {
    /// The bug of a number.
    pub const fn new(number: u8) -> Self {
        Self(number)
    }

    /// Its number.
    pub const fn number(self) -> u8 {
        self.0
    }
}

impl fmt::Display for Bug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "B{:02}", self.0)
    }
}

/// A text that is not a `B` and a number.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a seeded bug is written as B and its number: B38")]
pub struct ParseBugError;

impl FromStr for Bug {
    type Err = ParseBugError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = text.strip_prefix('B').and_then(|number| number.parse().ok());
        number.map(Self).ok_or(ParseBugError)
    }
}
