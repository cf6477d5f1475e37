use std::borrow::Cow;

use smol_str::{SmolStr, ToSmolStr};

use super::dialect::Rules;
use super::differs::Difference;
use super::scalar::Scalar;
use super::{Data, Fault, Node, Place, float};

/// A scalar as it is written, and what it means.
pub(super) struct Written<'t> {
    pub place: Place,
    pub text: Cow<'t, str>,
    pub scalar: Scalar,
    /// Whether it has a tag that makes text of it and that not every reader knows.
    pub is_tagged: bool,
    /// How `kubectl` and `kustomize` differ about it.
    pub differs: Option<Difference>,
}

/// A key of a mapping.
#[derive(Clone)]
pub(super) enum Key {
    Name(SmolStr),
    /// `<<`: what follows is merged.
    Merge,
}

impl Written<'_> {
    /// The key that it is, if it can be one.
    pub fn key(&self) -> Option<Key> {
        Some(match &self.scalar {
            Scalar::Merge => Key::Merge,
            Scalar::Bool(value) => Key::Name(value.to_smolstr()),
            Scalar::Int(value) => Key::Name(value.to_smolstr()),
            Scalar::Float(value) => Key::Name(float::key(*value).into()),
            Scalar::Text => Key::Name(self.text.as_ref().into()),
            Scalar::Null | Scalar::Unsigned(_) | Scalar::Time(_) => return None,
        })
    }

    /// The value that it is.
    ///
    /// # Errors
    /// JSON can't hold it.
    pub fn node(self, rules: &Rules) -> Result<Node, Fault> {
        let data = match self.scalar {
            Scalar::Null => Data::Null,
            Scalar::Bool(value) => Data::Bool(value),
            Scalar::Int(value) => Data::Number(value.into()),
            Scalar::Unsigned(value) if rules.keeps_unsigned => Data::Number(value.into()),
            #[allow(clippy::cast_precision_loss, reason = "the reader that is followed loses it too")]
            Scalar::Unsigned(value) => Data::Number(float::number(value as f64)),
            Scalar::Float(value) if value.is_finite() => Data::Number(float::number(value)),
            Scalar::Float(_) => return Err(no_number(self.place)),
            Scalar::Time(time) => Data::Text(time.into()),
            Scalar::Text | Scalar::Merge => Data::Text(self.text.into()),
        };
        Ok(Node { place: self.place, data })
    }
}

fn no_number(place: Place) -> Fault {
    Fault::new("GO0404", place, "a number that JSON can't hold").help("put it in quotes if text is meant")
}

pub(super) fn no_key(place: Place) -> Fault {
    Fault::new("GO0404", place, "a key that is not text").help("put it in quotes")
}
