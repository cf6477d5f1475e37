//! What goes wrong in the world, by number.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use super::random::{Random, mix};

macro_rules! faults {
    ($($name:ident = $number:literal, $rate:literal, $about:literal;)*) => {
        /// A kind of fault that a world can have, by its stable number.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Fault {
            $(#[doc = $about] $name = $number,)*
        }

        impl Fault {
            /// Every fault that this simulator has.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// What goes wrong, in one sentence.
            pub const fn about(self) -> &'static str {
                match self { $(Self::$name => $about,)* }
            }

            /// How often it strikes where it can, in ten thousand.
            const fn rate(self) -> u64 {
                match self { $(Self::$name => $rate,)* }
            }
        }
    };
}

/// Of these a calm world has one strike each. Where they strike again and again, engines mostly wait or start.
const RARE: [Fault; 8] = [
    Fault::KindVanishes,
    Fault::LabelCopied,
    Fault::Paused,
    Fault::BitRot,
    Fault::ForcePush,
    Fault::OldRef,
    Fault::Malformed,
    Fault::Shrunk,
];

faults! {
    Crash = 1, 20, "The engine dies at a write, a call or an answer.";
    CrashAgain = 2, 400, "The engine dies while it recovers.";
    Dropped = 3, 2500, "A future is dropped at some await, and its engine lives on.";
    RequestLost = 4, 200, "A request is lost before it has its effect.";
    AnswerLost = 5, 300, "The effect is there, and its answer is lost.";
    Delayed = 6, 150, "The effect comes long after its caller gave up.";
    Doubled = 7, 100, "A request is delivered twice.";
    SlowRead = 8, 1000, "An observation is answered up to a minute after it was made.";
    OlderView = 9, 100, "An observation shows an older state of an object that is there.";
    ListFails = 10, 100, "An observation breaks off with an error.";
    WatchLies = 11, 1000, "A watch tells doubled, needless or late events, or has lost some and says so.";
    KindVanishes = 12, 30, "Objects of a kind can't be listed for a while.";
    ConflictStorm = 13, 200, "Somebody else writes objects again and again.";
    Throttled = 14, 200, "A target refuses for a while to take more.";
    Refused = 15, 1000, "An object is refused as long as faults last.";
    NeverReady = 16, 1000, "An object does not become ready as long as faults last.";
    SlowDelete = 17, 500, "A deletion is accepted and takes its time.";
    Rewritten = 18, 500, "Something in the server changes a declared field soon after each write.";
    Defaulted = 19, 10_000, "The server adds fields that nobody declared.";
    Immutable = 20, 2500, "A field can't be changed in place.";
    ForeignHand = 21, 500, "Somebody else edits, deletes or re-creates objects.";
    LabelCopied = 22, 100, "Somebody else makes an object with our owner label on it.";
    SecondEngine = 24, 10_000, "A second application declares some of the same objects.";
    ClockJumps = 25, 300, "The engine's clock jumps by up to two minutes.";
    Paused = 26, 20, "The engine stands still for up to an hour, and goes on as if nothing had been.";
    TornWrite = 27, 5000, "A crash tears what was written and not synced.";
    DiskFails = 28, 100, "The disk is full or fails.";
    BitRot = 29, 300, "Bits of the journal flip while the engine is down.";
    OldCopy = 30, 200, "An old copy of the journal is put back.";
    SourceFails = 31, 500, "The source can't be reached, or hangs.";
    ForcePush = 32, 1500, "The branch is moved to a history that does not descend from the last one.";
    OldRef = 33, 1500, "The source serves an old revision for a while.";
    Malformed = 35, 1500, "One of the documents is malformed.";
    Shrunk = 36, 1000, "Nearly all documents are gone.";
    Tangled = 37, 1000, "Objects need each other in a circle, or something undeclared.";
    Hasty = 38, 10_000, "Commits come every few seconds.";
    Untaken = 39, 1000, "A target takes writes of an object and keeps another value of a field, as long as faults last.";
}

impl Fault {
    /// The fault of a number, if this simulator has it.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.iter().copied().find(|fault| *fault as u8 == number)
    }
}

/// A text that is not an `F` and the number of a fault that this simulator has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a fault is written as F and its number: F05")]
pub struct ParseFaultError;

impl FromStr for Fault {
    type Err = ParseFaultError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = text.strip_prefix('F').and_then(|number| number.parse().ok());
        number.and_then(Self::from_number).ok_or(ParseFaultError)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "F{:02}", *self as u8)
    }
}

/// One strike of a fault: the fault, and which of its chances it was.
pub type Strike = (Fault, u64);

/// Decides where faults strike. Each chance is decided by itself, so that leaving one strike out changes no other.
#[derive(Debug)]
pub(super) struct Faults {
    seed: u64,
    on: BTreeSet<Fault>,
    silenced: BTreeSet<Fault>,
    chances: BTreeMap<Fault, u64>,
    spared: BTreeSet<Strike>,
    /// What strikes no more, for it did and the world is calm.
    over: BTreeSet<Fault>,
    is_calm: bool,
    fired: Vec<Strike>,
}

impl Faults {
    /// The faults of a world; every other one is calm.
    pub fn new(seed: u64, on: BTreeSet<Fault>, spared: BTreeSet<Strike>) -> Self {
        let is_calm = Random::new(seed, 6).chance(5000);
        let over = BTreeSet::new();
        Self {
            seed,
            on,
            over,
            is_calm,
            silenced: BTreeSet::new(),
            chances: BTreeMap::new(),
            spared,
            fired: Vec::new(),
        }
    }

    /// Whether the fault strikes here.
    pub fn strikes(&mut self, fault: Fault) -> bool {
        self.draw(fault).is_some()
    }

    /// A number below `end` if the fault strikes here: how hard.
    pub fn strength(&mut self, fault: Fault, end: u64) -> Option<u64> {
        self.draw(fault).map(|draw| mix(draw) % end.max(1))
    }

    /// Switches all faults off for good.
    pub fn silence(&mut self) {
        self.silenced = std::mem::take(&mut self.on);
    }

    /// Whether the world was made with this fault, be it silent by now or not.
    pub fn has_ever(&self, fault: Fault) -> bool {
        self.on.contains(&fault) || self.silenced.contains(&fault)
    }

    pub fn is_on(&self, fault: Fault) -> bool {
        self.on.contains(&fault)
    }

    /// What struck so far, in order.
    pub fn fired(&self) -> &[Strike] {
        &self.fired
    }

    fn draw(&mut self, fault: Fault) -> Option<u64> {
        if !self.on.contains(&fault) {
            return None;
        }
        let chance = self.chances.entry(fault).or_default();
        let strike = (fault, *chance);
        *chance += 1;
        let draw = mix(self.seed ^ mix(((fault as u64) << 32) | strike.1));
        if draw % 10_000 >= fault.rate() || self.over.contains(&fault) {
            return None;
        }
        if self.is_calm && RARE.contains(&fault) {
            self.over.insert(fault);
        }
        if self.spared.contains(&strike) {
            return None;
        }
        self.fired.push(strike);
        Some(draw)
    }
}
