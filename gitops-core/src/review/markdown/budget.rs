use std::ops::{Add, AddAssign, Sub, SubAssign};

/// How long a comment may be.
///
/// Forges limit characters or bytes; a comment keeps within both. A budget below [`LEAST`](Self::LEAST) is raised to it.
///
/// ```
/// use gitops_core::review::Budget;
/// assert_eq!(Budget::default(), Budget::new(60_000, 60_000));
/// assert_eq!(Budget::new(10, 10), Budget::new(Budget::LEAST, Budget::LEAST));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget(Size);

impl Budget {
    /// The least budget, in bytes and in characters: verdict, counts, digests and the link fit into it.
    pub const LEAST: usize = 6_000;

    /// At most so many bytes of UTF-8, and so many characters as forges count them (UTF-16 units).
    pub fn new(bytes: usize, characters: usize) -> Self {
        Self(Size { bytes: bytes.max(Self::LEAST), characters: characters.max(Self::LEAST) })
    }

    pub(super) fn size(self) -> Size {
        self.0
    }
}

/// 60,000 bytes: below the limits of GitHub (65,536 characters), GitLab, Gitea and Azure DevOps.
impl Default for Budget {
    fn default() -> Self {
        Self::new(60_000, 60_000)
    }
}

/// How long a text is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Size {
    bytes: usize,
    characters: usize,
}

impl Size {
    pub(super) fn of(text: &str) -> Self {
        Self { bytes: text.len(), characters: text.encode_utf16().count() }
    }

    /// Whether it is within another size.
    pub(super) fn fits(self, room: Self) -> bool {
        self.bytes <= room.bytes && self.characters <= room.characters
    }

    /// A share of it, in percent.
    pub(super) fn percent(self, percent: usize) -> Self {
        Self { bytes: self.bytes * percent / 100, characters: self.characters * percent / 100 }
    }

    pub(super) fn is_longer(self, other: Self) -> bool {
        self.bytes > other.bytes || self.characters > other.characters
    }
}

impl Add for Size {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { bytes: self.bytes + other.bytes, characters: self.characters + other.characters }
    }
}

impl AddAssign for Size {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

/// Never less than nothing.
impl Sub for Size {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self {
            bytes: self.bytes.saturating_sub(other.bytes),
            characters: self.characters.saturating_sub(other.characters),
        }
    }
}

impl SubAssign for Size {
    fn sub_assign(&mut self, other: Self) {
        *self = *self - other;
    }
}

/// A form of an entry, from the richest to the shortest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Form {
    /// With every field's old and new value.
    Full,
    /// With the paths of the fields.
    Paths,
    /// By name.
    Name,
    /// As one of a number.
    Counted,
}

/// The sizes of an entry's forms but the last, which takes no room of its own.
pub(super) type Sizes = [Size; 3];

/// The part of the room, in percent, that the gravest entries take in their richest form before anything else is named.
const FOR_THE_GRAVEST: usize = 30;

/// The richest form of each entry with which all fit into a room. The entries are in the order of their rank: the least
/// ranked are lowered first, to their name; then, the least ranked first again, to a number. The first entries keep their
/// richest form, as many as fit into a part of the room.
pub(super) fn fit(entries: &[Sizes], is_counted: impl Fn(usize) -> bool, room: Size) -> Vec<Form> {
    let start = |at| if is_counted(at) { Form::Counted } else { Form::Full };
    let mut forms: Vec<Form> = (0..entries.len()).map(start).collect();
    let size = |at: usize, form: Form| entries[at].get(form as usize).copied().unwrap_or_default();
    let mut total = Size::default();
    let mut kept = 0;
    for (at, form) in forms.iter().enumerate() {
        total += size(at, *form);
        if total.fits(room.percent(FOR_THE_GRAVEST)) {
            kept = at + 1;
        }
    }
    let mut lower = |lowest: &[Form]| {
        for at in (kept..entries.len()).rev() {
            for form in lowest {
                if total.fits(room) {
                    return;
                }
                // A form that saves nothing is skipped.
                if *form > forms[at] && size(at, forms[at]).is_longer(size(at, *form)) {
                    total = total + size(at, *form) - size(at, forms[at]);
                    forms[at] = *form;
                }
            }
        }
    };
    lower(&[Form::Paths, Form::Name]);
    lower(&[Form::Counted]);
    forms
}
