use granit_parser::Tag as Written;

/// What a tag says about a scalar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tag {
    /// Nothing: the text decides.
    None,
    Str,
    Bool,
    Int,
    Float,
    Null,
    Timestamp,
    Binary,
    /// `!`, which names no kind.
    Bare,
    /// A tag that no reader knows: the text stays text.
    Other,
}

impl Tag {
    pub fn of(written: Option<&Written>) -> Self {
        let Some(written) = written else { return Self::None };
        if written.parts() == ("", "!") || written.parts() == ("!", "") {
            return Self::Bare;
        }
        let name = written.suffix_in_namespace("tag:yaml.org,2002:");
        match name.as_deref() {
            Some("str") => Self::Str,
            Some("bool") => Self::Bool,
            Some("int") => Self::Int,
            Some("float") => Self::Float,
            Some("null") => Self::Null,
            Some("timestamp") => Self::Timestamp,
            Some("binary") => Self::Binary,
            _ => Self::Other,
        }
    }

    /// The tag as it is written, for messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::None | Self::Bare | Self::Other => "this tag",
            Self::Str => "!!str",
            Self::Bool => "!!bool",
            Self::Int => "!!int",
            Self::Float => "!!float",
            Self::Null => "!!null",
            Self::Timestamp => "!!timestamp",
            Self::Binary => "!!binary",
        }
    }
}
