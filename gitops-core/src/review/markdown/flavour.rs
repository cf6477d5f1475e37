/// Where a comment is shown: what its Markdown understands, and what it takes for a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Flavour {
    /// GitHub.
    GitHub,
    /// GitLab. It takes a line that begins with `/approve` for its own command, so ours begin with `/gitops`.
    GitLab,
    /// Gitea and Forgejo.
    Gitea,
}

impl Flavour {
    /// What a command in a comment begins with.
    pub const fn command_prefix(self) -> &'static str {
        match self {
            Self::GitLab => "/gitops ",
            Self::GitHub | Self::Gitea => "/",
        }
    }

    /// The line with which a quoted block says that it warns, if the forge draws such blocks.
    pub(super) const fn caution(self) -> Option<&'static str> {
        match self {
            Self::GitHub | Self::Gitea => Some("> [!CAUTION]\n"),
            Self::GitLab => None,
        }
    }
}
