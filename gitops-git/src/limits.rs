use std::time::Duration;

use gitops_core::Commits;

/// Bounds on what a repository may make this process read, keep or wait for.
///
/// Each has an error that names it. The defaults suit repositories of manifests.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct GitLimits {
    /// Bytes of one file, and of one folder as Git stores it. Default: 10 MiB.
    pub file_bytes: u64,
    /// Entries of one folder. Default: 100,000.
    pub folder_entries: usize,
    /// Entries of a whole tree, a folder counted each time that it is used. Default: 1,000,000.
    pub tree_entries: u64,
    /// How deep folders may be nested. Default: 128.
    pub depth: usize,
    /// Bytes of a path. Default: 4 KiB.
    pub path_bytes: usize,
    /// Bytes of one pack that a fetch writes. Default: 1 GiB.
    pub pack_bytes: u64,
    /// Branches and tags that a server may advertise. Default: 200,000.
    pub refs: usize,
    /// Revisions of which no other one descends that a mirror keeps: a branch that is force-pushed leaves one each time.
    /// When there are more, the half that was not used for the longest is thrown away. Default: 100.
    pub kept_revisions: usize,
    /// Commits that one look into the history may read: where two commits parted, who changed a line last, what a branch brings.
    /// Default: 1,000,000.
    pub history: usize,
    /// Commits that a plan names and gates judge, of those that a revision brings: where there are more, both say so.
    /// Default: 1,000.
    pub commits: usize,
    /// Bytes of memory that the `git` program may use, where the system can limit it. Default: 1 GiB.
    pub memory: u64,
    /// How long one call of the server may take. Default: 10 minutes.
    pub time: Duration,
}

impl Default for GitLimits {
    fn default() -> Self {
        Self {
            file_bytes: 10 << 20,
            folder_entries: 100_000,
            tree_entries: 1_000_000,
            depth: 128,
            path_bytes: 4 << 10,
            pack_bytes: 1 << 30,
            refs: 200_000,
            kept_revisions: 100,
            history: 1_000_000,
            commits: Commits::MOST,
            memory: 1 << 30,
            time: Duration::from_secs(600),
        }
    }
}
