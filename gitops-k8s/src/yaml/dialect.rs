/// Whose reading of YAML is followed.
///
/// The two differ in every row of this table; where neither is plainly right, the file is refused under both.
///
/// | Written | `KubectlV2` | `KyamlV3` |
/// | --- | --- | --- |
/// | `yes`, `no`, `on`, `off`, `y`, `n` | truth values, also as keys | text |
/// | `2001-01-01` | text | `2001-01-01T00:00:00Z` |
/// | whole numbers above 2^63 | the nearest binary float | exact up to 2^64 |
/// | keys that are numbers or truth values | their text | refused |
/// | a key both written and merged by `<<` | the later one | the written one |
/// | `<<` twice in a mapping | each in turn | refused |
/// | `"<<"` in quotes | a key like any other | refused, for `kustomize` drops it |
/// | `!!bool "yes"` | true | refused |
/// | `{a: }` | nothing | the empty text |
/// | `0o-7`, `! 5` | text | numbers |
/// | a folded block with deeper lines | as written | refused, for `kustomize` doubles line breaks in it |
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Dialect {
    /// `kubectl`, and Argo CD for a directory of manifests.
    #[default]
    KubectlV2,
    /// `kustomize`, and Flux for everything.
    KyamlV3,
}

/// The differences of the dialects: one row each.
#[allow(clippy::struct_excessive_bools, reason = "a table of independent answers")]
#[derive(Debug)]
pub(super) struct Rules {
    /// `yes` and its like are truth values.
    pub words_are_truth: bool,
    /// A plain date is a point in time.
    pub dates_are_times: bool,
    /// Whole numbers from 2^63 to 2^64 keep their digits.
    pub keeps_unsigned: bool,
    /// A key that is no text becomes text.
    pub keys_become_text: bool,
    /// A key that is written beats one that is merged.
    pub written_beats_merged: bool,
    /// A mapping may hold several merges, and `"<<"` in quotes is a key like any other.
    pub merges_freely: bool,
    /// A value left out inside of brackets is the empty text.
    pub gap_is_text: bool,
    /// `0o-7` is a number, and the tag `!` says nothing.
    pub reads_more_numbers: bool,
    /// A folded block may have lines that are deeper than others.
    pub folds_deeper_lines: bool,
}

pub(super) const KUBECTL_V2: Rules = Rules {
    words_are_truth: true,
    dates_are_times: false,
    keeps_unsigned: false,
    keys_become_text: true,
    written_beats_merged: false,
    merges_freely: true,
    gap_is_text: false,
    reads_more_numbers: false,
    folds_deeper_lines: true,
};

pub(super) const KYAML_V3: Rules = Rules {
    words_are_truth: false,
    dates_are_times: true,
    keeps_unsigned: true,
    keys_become_text: false,
    written_beats_merged: true,
    merges_freely: false,
    gap_is_text: true,
    reads_more_numbers: true,
    folds_deeper_lines: false,
};

impl Dialect {
    pub(super) const fn rules(self) -> &'static Rules {
        match self {
            Self::KubectlV2 => &KUBECTL_V2,
            Self::KyamlV3 => &KYAML_V3,
        }
    }
}
