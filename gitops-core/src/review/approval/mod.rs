//! Who must approve what a request would do, and whether they did: pure rules over what a forge says.
//!
//! What is approved is an effect, not a commit: an approval holds for exactly as long as the merge would do what the comment
//! showed. Denials and [change windows](super::window) are never lifted by an approval.

mod person;
mod rule;
mod standing;
mod unapplied;
mod vote;

pub use person::{Committer, Person};
pub use rule::{ApprovalRule, ApprovalRules, From, PatternError};
pub use standing::{DiscountedVote, Request, RuleStanding, Standing};
pub use unapplied::Unapplied;
pub use vote::{Discounted, Opinion, Shown, Vote};
