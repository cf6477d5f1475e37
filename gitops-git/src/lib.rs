//! Git as the source of desired state.

mod credentials;
mod fault;
mod git;
mod history;
mod limits;
mod mirror;
mod nearest;
mod objects;
mod reference;
mod remote;
mod revert;
mod rules;
mod source;
mod tree;
mod url;
mod watch;

pub use credentials::Credentials;
pub use limits::Limits;
pub use reference::{CommitId, GitRef, RefName};
pub use source::{GitSource, GitSourceBuilder};
pub use url::GitUrl;
