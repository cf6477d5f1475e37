//! What `kubectl` and `kustomize` take for different things, whichever of them is followed.

use super::dialect::{KUBECTL_V2, KYAML_V3};
use super::scalar::{self, Scalar};
use super::tag::Tag;
use super::written::Written;
use super::{Fault, Member, Place, float};

/// A scalar that both take, each for something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Difference {
    form: Form,
    kubectl: &'static str,
    kustomize: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// Without quotes and without a tag.
    Plain,
    Tagged,
    /// Left out inside of brackets.
    Gap,
}

impl Difference {
    /// The difference at a value that is left out inside of brackets.
    pub const GAP: Self = Self { form: Form::Gap, kubectl: "nothing", kustomize: "the empty text" };

    /// The difference at a scalar; one that either refuses has none.
    pub fn of(text: &str, plain: bool, tag: Tag) -> Option<Self> {
        let form = if tag == Tag::None { Form::Plain } else { Form::Tagged };
        if form == Form::Plain && !(plain && may_differ(text)) {
            return None;
        }
        let read = |rules| scalar::resolve(text, plain, tag, rules).ok();
        let (kubectl, kustomize) = match (read(&KUBECTL_V2)?, read(&KYAML_V3)?) {
            (Scalar::Unsigned(value), Scalar::Unsigned(_)) if !is_exact(value) => ("rounded", "exact"),
            (_, Scalar::Time(printed)) if printed == text => return None,
            (kubectl, kustomize) => (name(&kubectl), name(&kustomize)),
        };
        (kubectl != kustomize).then_some(Self { form, kubectl, kustomize })
    }

    /// The warning on it.
    pub fn at(self, place: Place) -> Fault {
        let Self { form, kubectl, kustomize } = self;
        let how = match form {
            Form::Plain => "without quotes",
            Form::Tagged => "with this tag",
            Form::Gap => "left out",
        };
        let help = match (form, kubectl) {
            (Form::Plain, "true" | "false") => {
                format!("write `{kubectl}`, or put it in quotes if text is meant")
            }
            (Form::Plain, _) => "put it in quotes".to_owned(),
            (Form::Tagged, _) => "remove the tag, and put it in quotes if text is meant".to_owned(),
            (Form::Gap, _) => "write `null` or `\"\"`".to_owned(),
        };
        warning(
            place,
            format!("{how}, this is {kubectl} for `kubectl` and {kustomize} for `kustomize`"),
            help,
        )
    }
}

/// The warning on a key whose value `kubectl` takes from a merge behind it.
pub(super) fn merged(member: &Member) -> Fault {
    let message = "this is what the `<<` behind it holds for `kubectl` and what is written for `kustomize`";
    warning(member.place, message, "write the `<<` first, or remove the key")
}

/// The warning on a key, if the two take it differently; other keys on which they disagree are refused by `kustomize`.
pub(super) fn key(written: &Written<'_>) -> Option<Fault> {
    if written.text == "<<" && written.scalar == Scalar::Text {
        let message = "in quotes, this is a key for `kubectl` and dropped by `kustomize`";
        return Some(warning(written.place, message, "give it another name"));
    }
    let is_truth = |differs: &Difference| matches!(differs.kubectl, "true" | "false");
    written.differs.filter(is_truth).map(|differs| differs.at(written.place))
}

/// The warning on a folded block with lines that are deeper than others.
pub(super) fn folded(place: Place) -> Fault {
    let message = "a folded block with deeper lines, in which `kustomize` doubles line breaks";
    warning(place, message, "begin it with `|`")
}

fn warning(place: Place, message: impl Into<String>, help: impl Into<String>) -> Fault {
    Fault::new("GO0415", place, message).help(help)
}

/// Whether a text without quotes is worth a second look: nearly none is.
fn may_differ(text: &str) -> bool {
    match text.as_bytes() {
        // A word that is a truth value for one.
        [b'y' | b'Y' | b'n' | b'N' | b'o' | b'O', ..] => text.len() <= 3,
        // A date, a number with a sign inside, and one of at least 2^63.
        [b'0'..=b'9', tail @ ..] => text.len() >= 18 || tail.iter().any(|byte| matches!(byte, b'-' | b'+')),
        _ => false,
    }
}

/// Whether a float holds the number as it is.
fn is_exact(value: u64) -> bool {
    #[allow(clippy::cast_precision_loss, reason = "whether it loses is the question")]
    let rounded = float::number(value as f64);
    rounded == value.into()
}

fn name(scalar: &Scalar) -> &'static str {
    match scalar {
        Scalar::Null => "nothing",
        Scalar::Bool(true) => "true",
        Scalar::Bool(false) => "false",
        Scalar::Int(_) | Scalar::Unsigned(_) | Scalar::Float(_) => "a number",
        Scalar::Time(_) => "a point in time",
        Scalar::Text | Scalar::Merge => "text",
    }
}
