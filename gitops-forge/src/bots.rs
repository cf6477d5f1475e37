//! Accounts that are programs, where a forge does not tell.

use std::collections::BTreeSet;

/// Logins, in lower case.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bots(BTreeSet<String>);

impl Bots {
    pub fn extend(&mut self, logins: impl IntoIterator<Item = impl Into<String>>) {
        self.0.extend(logins.into_iter().map(|login| login.into().to_ascii_lowercase()));
    }

    pub fn has(&self, login: &str) -> bool {
        self.0.contains(&login.to_ascii_lowercase())
    }
}
