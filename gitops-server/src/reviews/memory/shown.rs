//! What a request showed to be approved, and what in it is for another context.

use gitops_core::Digest;

use super::Page;

/// How many effects of a request are remembered that were to be approved, and how many of their digits: enough to tell them from others.
const EFFECTS: usize = 8;
const DIGITS: usize = 12;

/// How many commands of a request are remembered that are for another context.
const LEFT: usize = 100;

impl Page {
    /// Whether a command is for another context.
    pub fn is_of_others(&self, comment: &str, nth: usize) -> bool {
        self.of_others.iter().any(|(of, other)| of == comment && *other == nth)
    }

    /// A command is for another context: nothing is said of it.
    pub fn leave_to_others(&mut self, comment: &str, nth: usize) {
        self.asked.retain(|entry| (entry.comment.as_str(), entry.nth) != (comment, nth));
        if !self.is_of_others(comment, nth) {
            self.of_others.push((comment.to_owned(), nth));
        }
        let surplus = self.of_others.len().saturating_sub(LEFT);
        self.of_others.drain(..surplus);
    }

    /// These effects are shown to be approved.
    pub fn show(&mut self, effects: impl IntoIterator<Item = Digest>) {
        for effect in effects {
            let digits: String = effect.to_string().chars().take(DIGITS).collect();
            self.shown.retain(|shown| *shown != digits);
            self.shown.push(digits);
        }
        let surplus = self.shown.len().saturating_sub(EFFECTS);
        self.shown.drain(..surplus);
    }

    /// Whether an effect with these digits was to be approved, before the merge or after it.
    pub fn has_shown(&self, digits: &str) -> bool {
        let after = self.outcomes.values().flat_map(|of| [&of.effect, &of.instead_of]).flatten();
        self.shown.iter().chain(after).any(|effect| effect.starts_with(digits))
    }
}
