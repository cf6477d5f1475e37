//! Servers that stand in for forges, and the questions that tests ask of them.

mod described;
mod dialect;
mod gitea;
mod github;
mod gitlab;
mod people;
mod server;
mod stood_in;

use std::path::PathBuf;

use gitops_core::{Secret, SecretKey};

pub use described::{Described, Description};
pub use gitea::GiteaDialect;
pub use github::GitHubDialect;
pub use gitlab::GitLabDialect;
pub use people::People;
pub use server::{Answered, Asked, Handler, Server, Trouble};
pub use stood_in::StoodIn;

/// The token of the stood-in forges.
pub const TOKEN: &str = "t0ken-of-the-kit-1234567890";

/// A token as adapters take it.
pub fn secret(token: &str) -> Secret {
    Secret::new(token, &SecretKey::new([7; 32]))
}

/// A file that the tests need, named by a variable.
pub fn needed(variable: &str) -> PathBuf {
    let path = std::env::var_os(variable).map(PathBuf::from).filter(|path| path.exists());
    path.unwrap_or_else(|| {
        panic!("{variable} does not name a file that exists: run `cargo xtask test`, which sets it")
    })
}
