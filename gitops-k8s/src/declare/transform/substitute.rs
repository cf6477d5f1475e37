use std::collections::BTreeMap;
use std::sync::Arc;

use gitops_core::{Cx, Diagnostic, Digest, Hasher, OutputRef, Placeholder, PlaceholderPart};

use super::expression::{self, Piece, Wrong};
use super::{Sheet, Transform};
use crate::policy::{self, Policy};
use crate::yaml::{self, Data, Document, Fault, Member, Node, Place};

/// Puts values in the place of `${NAME}`, as Flux does after a build.
///
/// `${NAME:-default}` and `${NAME:=default}` stand for the default where there is no value or an empty one,
/// `${NAME-default}` and `${NAME=default}` only where there is none; `$${NAME}` stands for `${NAME}`. A text without
/// quotes is read anew: `replicas: ${N}` becomes a number. A variable without value and default is a fault. An object with
/// `kustomize.toolkit.fluxcd.io/substitute: disabled` is left as it stands.
///
/// A value may be an output of another object: then the text is filled once that object is there.
///
/// ```
/// use gitops_core::OutputRef;
/// use gitops_k8s::{KubernetesRender, Substitute};
/// let address = OutputRef { key: "tf:Root/-/network".parse()?, output: "address".into() };
/// let substitute = Substitute::new().value("REPLICAS", "3").output("ADDRESS", address);
/// let render = KubernetesRender::new("prod").step(substitute);
/// # let _ = render;
/// # Ok::<(), gitops_core::ParseKeyError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Substitute {
    values: BTreeMap<String, Filling>,
}

#[derive(Clone, Debug)]
enum Filling {
    Text(Arc<str>),
    Output(OutputRef),
}

impl Substitute {
    /// No variable has a value.
    pub fn new() -> Self {
        Self::default()
    }

    /// Gives a variable a value; a later one of the same name counts.
    #[must_use]
    pub fn value(mut self, name: impl Into<String>, value: &str) -> Self {
        self.values.insert(name.into(), Filling::Text(value.into()));
        self
    }

    /// Lets an output of another object be the value of a variable.
    #[must_use]
    pub fn output(mut self, name: impl Into<String>, output: OutputRef) -> Self {
        self.values.insert(name.into(), Filling::Output(output));
        self
    }
}

impl Transform for Substitute {
    fn transform(
        &self,
        _: &Cx,
        sheet: &Sheet<'_>,
        documents: &mut [Document],
    ) -> Result<(), Vec<Diagnostic>> {
        let mut work = Work { values: &self.values, sheet, faults: Vec::new() };
        for document in documents.iter_mut().filter(|document| !is_verbatim(&document.root)) {
            work.node(&mut document.root);
        }
        match work.faults.is_empty() {
            true => Ok(()),
            false => Err(work.faults.iter().map(|fault| sheet.show(fault)).collect()),
        }
    }

    fn fingerprint(&self) -> Digest {
        let mut hasher = Hasher::new("gitops substitute 1");
        for (name, filling) in &self.values {
            match filling {
                Filling::Text(text) => hasher.field(name).field("text").field(&**text),
                Filling::Output(output) => hasher.field(name).field("output").field(output.to_string()),
            };
        }
        hasher.finish()
    }
}

/// A fault in the policy is told when the object is made.
fn is_verbatim(root: &Node) -> bool {
    Policy::read(policy::of_node(root)).is_ok_and(|policy| policy.verbatim)
}

struct Work<'a, 'f> {
    values: &'a BTreeMap<String, Filling>,
    sheet: &'a Sheet<'f>,
    faults: Vec<Fault>,
}

impl Work<'_, '_> {
    fn node(&mut self, node: &mut Node) {
        match &mut node.data {
            Data::List(items) => items.iter_mut().for_each(|item| self.node(item)),
            Data::Map(members) => self.members(members),
            Data::Text(text) if text.contains("${") => {
                let text = text.clone();
                match self.filled(node.place, &text) {
                    Ok(filled) => *node = filled,
                    Err(fault) => self.faults.push(fault),
                }
            }
            _ => {}
        }
    }

    fn members(&mut self, members: &mut [Member]) {
        let mut renamed = false;
        for member in members.iter_mut() {
            self.node(&mut member.value);
            if member.name.contains("${") {
                renamed = true;
                self.name(member);
            }
        }
        if renamed {
            members.sort_by(|a, b| a.name.cmp(&b.name));
            let repeated = members.windows(2).find(|pair| pair[0].name == pair[1].name);
            if let Some(pair) = repeated {
                let message =
                    format!("the key `{}` is there twice once variables are filled in", pair[1].name);
                self.faults.push(Fault::new("GO0403", pair[1].place, message).help("rename one of them"));
            }
        }
    }

    fn name(&mut self, member: &mut Member) {
        match self.parts(member.place, &member.name).map(|parts| text_of(&parts)) {
            Ok(Some(name)) => member.name = name.into(),
            Ok(None) => {
                let fault =
                    Fault::new("GO0414", member.place, "an output in a key").help("use it in a value");
                self.faults.push(fault);
            }
            Err(fault) => self.faults.push(fault),
        }
    }

    fn filled(&self, place: Place, text: &str) -> Result<Node, Fault> {
        let parts = self.parts(place, text)?;
        let Some(text) = text_of(&parts) else {
            return Ok(Node { place, data: Data::Placeholder(Placeholder { parts }) });
        };
        if !self.sheet.is_plain(place) {
            return Ok(Node { place, data: Data::Text(text.into()) });
        }
        yaml::plain(place, &text, self.sheet.dialect())
    }

    fn parts(&self, place: Place, text: &str) -> Result<Vec<PlaceholderPart>, Fault> {
        let pieces = expression::parse(text).map_err(|kind| wrong(place, &kind))?;
        pieces.iter().map(|piece| self.part(place, piece)).collect()
    }

    fn part(&self, place: Place, piece: &Piece<'_>) -> Result<PlaceholderPart, Fault> {
        let (name, default, unless_empty) = match piece {
            Piece::Text(text) => return Ok(PlaceholderPart::Text((*text).into())),
            Piece::Variable { name, default, unless_empty } => (*name, *default, *unless_empty),
        };
        match (self.values.get(name), default) {
            (Some(Filling::Text(text)), Some(default)) if text.is_empty() && unless_empty => {
                Ok(PlaceholderPart::Text(default.into()))
            }
            (Some(Filling::Text(text)), _) => Ok(PlaceholderPart::Text(text.clone())),
            (Some(Filling::Output(output)), _) => Ok(PlaceholderPart::Output(output.clone())),
            (None, Some(default)) => Ok(PlaceholderPart::Text(default.into())),
            (None, None) => {
                let message = format!("the variable `{name}` has no value");
                let help = format!(
                    "give it one, or write a default as `${{{name}:=default}}`, or `$${{{name}}}` if the text is meant"
                );
                Err(Fault::new("GO0414", place, message).help(help))
            }
        }
    }
}

fn wrong(place: Place, wrong: &Wrong<'_>) -> Fault {
    let (message, help) = match wrong {
        Wrong::Open => ("`${` without `}`".to_owned(), "close it, or write `$${` if the text is meant"),
        Wrong::Name(_) => {
            ("`${…}` without the name of a variable".to_owned(), "write `$${` if the text is meant")
        }
        Wrong::Operator(operator) => {
            let sign: String = operator.chars().take(2).collect();
            (
                format!("the operator `{sign}` of a variable is not carried out"),
                "write the result, or `$${` if the text is meant",
            )
        }
    };
    Fault::new("GO0414", place, message).help(help)
}

/// The text of parts without outputs.
fn text_of(parts: &[PlaceholderPart]) -> Option<String> {
    parts
        .iter()
        .map(|part| match part {
            PlaceholderPart::Text(text) => Some(&**text),
            PlaceholderPart::Output(_) => None,
        })
        .collect()
}
