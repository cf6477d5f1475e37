use serde::Serialize;

/// An account in a forge.
///
/// Names are compared without case, as forges do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Person {
    /// The name of the account, without `@`.
    pub login: String,
    /// The addresses that the forge knows to be the account's own.
    pub emails: Vec<String>,
    /// Whether it is a bot, an application or a token, and no person.
    pub is_bot: bool,
    /// Whether the forge lets it write to the repository.
    pub may_write: bool,
}

impl Person {
    /// A person who may write.
    pub fn new(login: impl Into<String>) -> Self {
        Self { login: login.into(), emails: Vec::new(), is_bot: false, may_write: true }
    }

    /// Whether both are the same account: the same name, or an address in common.
    pub fn is_same(&self, other: &Self) -> bool {
        same(&self.login, &other.login) || self.emails.iter().any(|email| other.has_email(email))
    }

    /// Whether an address is the account's own.
    pub fn has_email(&self, email: &str) -> bool {
        self.emails.iter().any(|own| same(own, email))
    }
}

/// Who made a commit of the request.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Committer {
    /// The account, if the forge knows it.
    pub login: Option<String>,
    /// The address in the commit.
    pub email: String,
}

impl Committer {
    /// The person of a commit: its address, and the account, if the forge knows it.
    pub fn new(login: Option<String>, email: impl Into<String>) -> Self {
        Self { login, email: email.into() }
    }

    /// Whether it is this account.
    pub(super) fn is(&self, person: &Person) -> bool {
        self.login.as_ref().is_some_and(|login| same(login, &person.login)) || person.has_email(&self.email)
    }
}

/// Whether two names are the same to a forge.
pub(super) fn same(a: &str, b: &str) -> bool {
    a.to_lowercase() == b.to_lowercase()
}
