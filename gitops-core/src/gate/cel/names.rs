//! What an expression may name, found without values: a name that does not exist is no rule that holds.

use ::cel::common::ast::{EntryExpr, Expr, IdedEntryExpr, IdedExpr, operators};

use crate::value::{Error, ErrorKind, Result, nearest};

/// What is known of a value before there is one.
pub(super) enum Shape {
    /// Nothing: whatever is named of it may be there.
    Any,
    /// It has these members and no other.
    Members(&'static [(&'static str, Shape)]),
    /// A list of such elements.
    Each(&'static Shape),
}

/// Fails with the first name that is neither a variable nor a member of one.
///
/// # Errors
/// `Invalid`, with what may have been meant.
pub(super) fn check(expression: &IdedExpr, variables: &'static [(&'static str, Shape)]) -> Result<()> {
    let scope = variables.iter().map(|(name, shape)| ((*name).to_owned(), shape)).collect();
    Names { scope }.shape(expression).map(drop)
}

/// The names in scope, the innermost last.
struct Names {
    scope: Vec<(String, &'static Shape)>,
}

impl Names {
    fn shape(&mut self, expression: &IdedExpr) -> Result<&'static Shape> {
        match &expression.expr {
            Expr::Unspecified | Expr::Literal(_) => Ok(&Shape::Any),
            Expr::Ident(name) => self.variable(name),
            Expr::Select(select) => {
                let of = self.shape(&select.operand)?;
                // `has(plan.x)` asks whether there is one.
                if select.test { Ok(&Shape::Any) } else { member(&select.operand, of, &select.field) }
            }
            Expr::List(list) => self.all(list.elements.iter()),
            Expr::Map(map) => self.all(map.entries.iter().flat_map(parts)),
            Expr::Struct(entries) => self.all(entries.entries.iter().flat_map(parts)),
            Expr::Call(call) => {
                let arguments = call.target.as_deref().into_iter().chain(&call.args);
                let found = arguments.map(|argument| self.shape(argument)).collect::<Result<Vec<_>>>()?;
                match (call.func_name.as_str(), &found[..]) {
                    (operators::INDEX, [Shape::Each(element), ..]) => Ok(*element),
                    _ => Ok(&Shape::Any),
                }
            }
            Expr::Comprehension(loops) => {
                let range = self.shape(&loops.iter_range)?;
                self.shape(&loops.accu_init)?;
                let element = if let Shape::Each(element) = range { *element } else { &Shape::Any };
                let depth = self.scope.len();
                let second = loops.iter_var2.iter().map(|name| (name.clone(), &Shape::Any));
                let names = [(loops.iter_var.clone(), element), (loops.accu_var.clone(), &Shape::Any)];
                self.scope.extend(names.into_iter().chain(second));
                let parts = [&loops.loop_cond, &loops.loop_step, &loops.result];
                let checked = parts.into_iter().try_for_each(|part| self.shape(part).map(drop));
                self.scope.truncate(depth);
                checked.map(|()| &Shape::Any)
            }
        }
    }

    fn all<'e>(&mut self, mut parts: impl Iterator<Item = &'e IdedExpr>) -> Result<&'static Shape> {
        parts.try_for_each(|part| self.shape(part).map(drop))?;
        Ok(&Shape::Any)
    }

    fn variable(&self, name: &str) -> Result<&'static Shape> {
        let found = self.scope.iter().rev().find(|(other, _)| other == name);
        found.map(|(_, shape)| *shape).ok_or_else(|| {
            let known: Vec<&str> = self.scope.iter().map(|(name, _)| name.as_str()).collect();
            unknown(format!("the expression has no `{name}`"), name, &known)
        })
    }
}

/// What is known of a member of a value.
fn member(operand: &IdedExpr, of: &'static Shape, name: &str) -> Result<&'static Shape> {
    let Shape::Members(members) = of else { return Ok(&Shape::Any) };
    let found = members.iter().find(|(other, _)| *other == name);
    found.map(|(_, shape)| shape).ok_or_else(|| {
        let known: Vec<&str> = members.iter().map(|(name, _)| *name).collect();
        let of = match &operand.expr {
            Expr::Ident(name) => format!("`{name}`"),
            Expr::Select(select) => format!("`{}`", select.field),
            _ => "it".to_owned(),
        };
        unknown(format!("{of} has no `{name}`"), name, &known)
    })
}

fn unknown(message: String, name: &str, known: &[&str]) -> Error {
    let help = match nearest(name, known.iter().copied()) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => format!("there is {}", known.join(", ")),
    };
    Error::new(ErrorKind::Invalid, message).help(help)
}

fn parts(entry: &IdedEntryExpr) -> Vec<&IdedExpr> {
    match &entry.expr {
        EntryExpr::StructField(field) => vec![&field.value],
        EntryExpr::MapEntry(entry) => vec![&entry.key, &entry.value],
    }
}
