use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

/// An account on a forge.
///
/// The id never changes and is never given to somebody else; the login may be. So people are compared by
/// [`is`](Self::is), and the login is for showing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct User {
    /// What the forge knows the account by.
    pub id: SmolStr,
    /// The name that people mention it by.
    pub login: SmolStr,
    /// Whether it is a program: the forge says so, or the adapter was told.
    pub is_bot: bool,
}

impl User {
    /// A person's account.
    pub fn new(id: impl Into<SmolStr>, login: impl Into<SmolStr>) -> Self {
        Self { id: id.into(), login: login.into(), is_bot: false }
    }

    /// The same, as a program or not.
    #[must_use]
    pub fn bot(self, is_bot: bool) -> Self {
        Self { is_bot, ..self }
    }

    /// Whether both are one account, whatever it is called now.
    pub fn is(&self, other: &Self) -> bool {
        self.id == other.id
    }
}
