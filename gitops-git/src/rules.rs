use std::collections::BTreeSet;

use gitops_core::{Diagnostic, Digest, Hasher, Result};
use globset::{Candidate, Glob, GlobBuilder, GlobSet, GlobSetBuilder};

use crate::fault::{invalid, shown};
use crate::pattern::Pattern;

/// Which files of a tree count: include and ignore patterns in the language of `.gitignore`.
///
/// - A pattern without a slash, or with one at its end only, fits a name in any folder: `*.md`, `docs/`.
/// - A pattern with a slash elsewhere is a path from the followed folder: `/README`, `apps/*/test`.
/// - `*`, `?` and `[…]` stop at a slash, `**` does not; `\` takes the next character as it is.
/// - A slash at the end: folders only. What fits a folder fits all that is in it.
/// - Among ignore patterns the last that fits decides, and one that begins with `!` takes back what an earlier one
///   ignored; a file in an ignored folder stays ignored.
///
/// A file counts if it is not ignored and, where there are include patterns, fits one of them.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    include: Patterns,
    ignore: Patterns,
    /// All patterns as they were written, those to include first.
    written: Vec<Pattern>,
    /// The digest of all patterns; `None` if there are none.
    digest: Option<Digest>,
}

impl Rules {
    pub fn new(include: &[Pattern], ignore: &[Pattern]) -> Result<Self> {
        if let Some(pattern) = include.iter().find(|pattern| pattern.text.starts_with('!')) {
            return Err(refused(&pattern.text, "only an ignore pattern may begin with `!`"));
        }
        let digest = (!include.is_empty() || !ignore.is_empty()).then(|| digest(include, ignore));
        let written = include.iter().chain(ignore).cloned().collect();
        Ok(Self { include: Patterns::new(include)?, ignore: Patterns::new(ignore)?, written, digest })
    }

    /// What makes a folder under these rules another folder than the same one under other rules or elsewhere.
    pub fn scope(&self, path: &str) -> Option<Digest> {
        let rules = self.digest?;
        Some(Hasher::new("gitops-git folder under rules").field(rules.as_bytes()).field(path).finish())
    }

    /// The rules as they are for one folder.
    pub fn within(&self, folder: &str) -> InFolder<'_> {
        let prefix = if folder.is_empty() { String::new() } else { format!("{folder}/") };
        let (mut used, prefix_len) = (BTreeSet::new(), prefix.len());
        let whole = self.include.is_empty() || self.include.fits_folder_or_above(folder, &mut used);
        InFolder { rules: self, whole, prefix_len, path: prefix, used }
    }

    /// A diagnostic for each pattern that fits nothing, if `used` are the indices of those that fit something.
    pub fn unused(&self, used: &BTreeSet<usize>) -> Vec<Diagnostic> {
        let unused = self.written.iter().enumerate().filter(|(index, _)| !used.contains(index));
        let told = |(index, pattern): (usize, &Pattern)| match index < self.include.traits.len() {
            true => pattern.lets_nothing_through(),
            false => pattern.holds_nothing_back(),
        };
        unused.map(told).collect()
    }
}

fn digest(include: &[Pattern], ignore: &[Pattern]) -> Digest {
    let mut hasher = Hasher::new("gitops-git rules");
    hasher.field(include.len().to_le_bytes());
    for pattern in include.iter().chain(ignore) {
        hasher.field(&pattern.text);
    }
    hasher.finish()
}

/// The rules for the entries of one folder.
pub(crate) struct InFolder<'a> {
    rules: &'a Rules,
    /// Whether everything here is included.
    whole: bool,
    path: String,
    prefix_len: usize,
    /// The patterns that fit something here, as indices of those to include and then those to ignore.
    pub used: BTreeSet<usize>,
}

impl InFolder<'_> {
    /// Whether the entry is ignored.
    pub fn ignores(&mut self, name: &str, is_folder: bool) -> bool {
        self.become_path_of(name);
        let (ignore, first) = (&self.rules.ignore, self.rules.include.traits.len());
        let mut fits = |index| {
            self.used.insert(first + index);
        };
        !ignore.is_empty() && ignore.decides(&self.path, is_folder, &mut fits).unwrap_or(false)
    }

    /// Whether a file is among those that are included.
    pub fn includes(&mut self, name: &str) -> bool {
        self.become_path_of(name);
        let include = &self.rules.include;
        let mut fits = |index| {
            self.used.insert(index);
        };
        let fits = !include.is_empty() && include.decides(&self.path, false, &mut fits).unwrap_or(false);
        self.whole || fits
    }

    fn become_path_of(&mut self, name: &str) {
        self.path.truncate(self.prefix_len);
        self.path.push_str(name);
    }
}

#[derive(Clone, Debug, Default)]
struct Patterns {
    set: GlobSet,
    /// For each glob of the set.
    traits: Vec<Traits>,
}

#[derive(Clone, Copy, Debug)]
struct Traits {
    takes_back: bool,
    folders_only: bool,
}

impl Patterns {
    fn new(patterns: &[Pattern]) -> Result<Self> {
        let mut set = GlobSetBuilder::new();
        let mut traits = Vec::new();
        for pattern in patterns {
            let (glob, its) = parse(&pattern.text)?;
            set.add(glob);
            traits.push(its);
        }
        let set = set.build().map_err(|error| invalid(format!("the patterns are too large: {error}")))?;
        Ok(Self { set, traits })
    }

    fn is_empty(&self) -> bool {
        self.traits.is_empty()
    }

    /// What the last pattern that fits says, if any does; each that fits is told.
    fn decides(&self, path: &str, is_folder: bool, fits: &mut impl FnMut(usize)) -> Option<bool> {
        let mut fitting = self.set.matches_candidate(&Candidate::new(path));
        fitting.retain(|index| is_folder || !self.traits[*index].folders_only);
        fitting.iter().for_each(|index| fits(*index));
        let last = fitting.into_iter().max()?;
        Some(!self.traits[last].takes_back)
    }

    fn fits_folder_or_above(&self, folder: &str, used: &mut BTreeSet<usize>) -> bool {
        let mut fits = |index| {
            used.insert(index);
        };
        let ends = folder.match_indices('/').map(|(at, _)| at).chain([folder.len()]);
        let mut any = false;
        for end in ends.filter(|_| !folder.is_empty()) {
            any |= self.decides(&folder[..end], true, &mut fits) == Some(true);
        }
        any
    }
}

fn parse(text: &str) -> Result<(Glob, Traits)> {
    let (takes_back, body) = match text.strip_prefix('!') {
        Some(body) => (true, body),
        None => (false, text),
    };
    let (folders_only, body) = match body.strip_suffix('/') {
        Some(body) => (true, body),
        None => (false, body),
    };
    let anchored = body.contains('/');
    let body = body.strip_prefix('/').unwrap_or(body);
    if body.is_empty() || body.split('/').any(str::is_empty) || body.contains(char::is_control) {
        return Err(refused(text, "it is empty, or has an empty part or a control character"));
    }
    let glob = if anchored { body.to_owned() } else { format!("**/{body}") };
    let glob = GlobBuilder::new(&glob).literal_separator(true).backslash_escape(true).build();
    glob.map(|glob| (glob, Traits { takes_back, folders_only }))
        .map_err(|error| refused(text, &error.kind().to_string()))
}

fn refused(pattern: &str, fault: &str) -> gitops_core::Error {
    invalid(format!("`{}` is not a pattern: {fault}", shown(pattern, 120)))
        .help("write it as in a `.gitignore`: `*.md`, `/docs/`, `apps/*/test`")
}
