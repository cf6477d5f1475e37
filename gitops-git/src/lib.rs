//! Git as the source of desired state.
//!
//! [`GitSource`] follows a branch, a tag, a range of versions or a commit of a repository, on this machine or a server,
//! and shows each revision as an immutable tree of files. Use it wherever what is declared lies in Git.
//!
//! ```text
//! repository ──git fetch, checked──▶ mirror ──gix──▶ Snapshot: tree of files ──▶ renderer
//!                                       └──────gix──▶ History: commits, blame, merges, signers
//! ```
//!
//! ```
//! use gitops_core::Source;
//! use gitops_git::{GitRef, GitSource};
//!
//! # fn main() -> gitops_core::Result<()> {
//! let source = GitSource::builder("https://example.org/site.git")
//!     .reference(GitRef::semver(">=1.2, <2")?)
//!     .path("deploy")
//!     .ignore("*.md")
//!     .mirrors("/var/lib/gitops/mirrors")
//!     .build()?;
//! assert_eq!(source.info().follows, "semver >=1.2, <2 in deploy");
//! # Ok(()) }
//! ```
//!
//! # What does the work
//! Everything local is done by gix: references, trees, files, ancestry, blame, new commits. The `git` program, 2.36 or
//! newer, which is looked up on `PATH` when it is first needed, connects to servers and repositories, pushes, and takes
//! packs in: it checks every object as `git fsck` does, and that everything which belongs to it is there. A pack is asked
//! for by version 2 of Git's protocol, so that a fetch costs what is new and the folders above it; a server that speaks an
//! older one is left to `git fetch`. The reasons are in `docs/decisions/0001-git-transport.md`. A Unix shell at `/bin/sh`
//! is needed for the limit on the size of files.
//!
//! The program gets a clean environment: an allow-list of variables (`PATH`, `HOME`, proxies, certificates, the ssh agent),
//! none of the user's or the system's configuration of Git, one protocol, no prompt, no redirect, no hook. Secrets reach it
//! through its environment, where other processes of the same user could read them, and never through its arguments.
//!
//! # What is refused
//! - URLs, references and paths that could be taken for an option, a command or a way out: when the source is made.
//! - Objects that `git fsck` refuses, and packs larger than a limit: during the fetch.
//! - Unsafe names, names that are not UTF-8 or differ only in case or in how letters are encoded, links, submodules, and
//!   trees beyond a limit: before the snapshot is given, with all places at once. An ignore pattern lets links,
//!   submodules and case pass by leaving them out.
//! - An include pattern that lets nothing through. An ignore pattern that holds nothing back is a warning of the snapshot.
//! - Files larger than a limit and pointers of Git LFS: when they are read.
//!
//! Repositories with SHA-256 ids and shallow ones are not supported and say so.
//!
//! # Signatures
//! With [`GitSourceBuilder::signers`] the history names who signed each commit. Signatures of SSH keys are verified in this
//! process, over exactly the commit and for the namespace `git`. Those of `OpenPGP`, X.509 and certificates are not, and count as
//! none, as does everything that can't be verified.
//!
//! # Ids
//! The [`Digest`](gitops_core::Digest) of a file is made from its Git object id alone, that of a folder from its object
//! id and, where there are patterns, from those and its path. So whatever kept its digest holds the same, and a changed
//! pattern changes the ids of folders although no commit was made.

mod checkout;
mod credentials;
mod fault;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod git;
mod history;
mod limits;
mod mirror;
mod nearest;
mod objects;
mod pattern;
mod reference;
mod remote;
mod revert;
mod rules;
mod signature;
mod source;
mod tree;
mod url;
mod watch;
mod wire;

pub use checkout::Checkout;
pub use credentials::Credentials;
pub use limits::GitLimits;
pub use pattern::Pattern;
pub use reference::{CommitId, GitRef, RefName};
pub use signature::Signers;
pub use source::{Entry, GitSource, GitSourceBuilder, Landed};
pub use url::GitUrl;
