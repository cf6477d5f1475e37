//! Expressions in [CEL](https://cel.dev), for gates and health rules that are configuration instead of code.
//!
//! ```
//! # use std::collections::BTreeMap;
//! # use gitops_core::{Value, gate::cel::Expression};
//! let ready = Expression::parse("object.status.replicas == object.spec.replicas")?;
//! let part = |n: i64| Value::map([("replicas", Value::from(n))]);
//! let object = Value::map([("spec", part(3)), ("status", part(2))]);
//! assert!(!ready.holds(&BTreeMap::from([("object", object)]))?);
//! # Ok::<(), gitops_core::Error>(())
//! ```
//!
//! # Limits
//! An expression comes from outside, and the interpreter knows no bounds of its own. So everything is bounded before it
//! runs:
//! - The text has at most [`MAX_TEXT`] bytes, and the parsed expression is at most [`MAX_DEPTH`] deep.
//! - What a run can cost at most is worked out from the expression and the sizes of its inputs, without running it: a
//!   macro costs its body once for each element, and what it builds counts as large as it can become. More than
//!   [`MAX_COST`] steps are refused.
//! - The pattern of `matches` is written down in the expression, and is compiled once, by an engine of linear time.
//!
//! What is bounded needs no clock to end it. Parsing and running happen on a thread of their own, because both recurse: the
//! stack of that thread is large enough for the limits, that of the caller may not be, and an overflow can't be caught. A
//! panic of the interpreter ends that thread and becomes an error.
//!
//! # Secrets
//! No expression sees a secret: it is `(sensitive)`.

mod by_step;
mod cost;
mod gate;
mod names;
mod patterns;
mod values;

pub use gate::CelGate;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use ::cel::{Context, ParseErrors, Program};

use crate::value::{Error, ErrorKind, Result, Value};
use cost::Cost;
use patterns::Patterns;

/// How many bytes the text of an expression has at most.
pub const MAX_TEXT: usize = 4096;

/// How deep an expression is at most; a macro counts for several levels.
pub const MAX_DEPTH: usize = 128;

/// How many steps a run takes at most.
pub const MAX_COST: u64 = 10_000_000;

/// Room for [`MAX_DEPTH`] levels of the interpreter, and for all that the parser can nest in [`MAX_TEXT`] bytes, in a
/// build without optimisation.
const STACK: usize = 32 << 20;

/// A parsed expression.
#[derive(Clone)]
pub struct Expression {
    text: Arc<str>,
    program: Arc<Program>,
    patterns: Patterns,
}

impl Expression {
    /// Parses an expression.
    ///
    /// # Errors
    /// `Limit` for a text that is too long or nested too deeply, `Invalid` with line and column for one that is no CEL,
    /// or that has a pattern which is no regular expression.
    pub fn parse(text: &str) -> Result<Self> {
        if text.len() > MAX_TEXT {
            let message = format!("the expression has {} bytes; {MAX_TEXT} are the most", text.len());
            return Err(Error::new(ErrorKind::Limit, message));
        }
        let place = |error: Error| error.with("expression", text);
        let parsed = apart(|| {
            let program = Program::compile(text).map_err(|errors| no_cel(&errors))?;
            let patterns = cost::check(program.expression()).and_then(|found| Patterns::compile(&found))?;
            Ok((program, patterns))
        });
        let (program, patterns) = parsed.map_err(place)?;
        Ok(Self { text: text.into(), program: Arc::new(program), patterns })
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The expression's value, given those of its variables.
    ///
    /// A mapping is gone through in no fixed order: make nothing of the order in which elements come from one.
    ///
    /// # Errors
    /// `Limit` if it could cost more than [`MAX_COST`]; `Invalid` if it does not fit its variables: a name that is
    /// not there, values of the wrong type.
    pub fn evaluate(&self, variables: &BTreeMap<&str, Value>) -> Result<Value> {
        let cost = || Cost::of(self.program.expression(), variables);
        let run = || {
            let mut context = Context::default();
            self.patterns.offer(&mut context);
            for (name, value) in variables {
                context.add_variable_from_value(*name, values::to_cel(value));
            }
            let value = self.program.execute(&context).map_err(|error| misfit(&error.to_string()))?;
            values::from_cel(&value).map_err(|what| misfit(&what))
        };
        apart(|| cost().admit().and_then(|()| run())).map_err(|error| error.with("expression", self.text()))
    }

    /// Whether the expression is true with each of some values of one variable.
    ///
    /// # Errors
    /// As [`holds`](Self::holds), with any of the values; `Limit` if all of that could cost more than [`MAX_COST`].
    fn holds_with_each(
        &self,
        variables: &BTreeMap<&str, Value>,
        name: &'static str,
        values: &[Value],
    ) -> Result<Vec<bool>> {
        apart(|| {
            let (mut context, mut variables, mut cost) =
                (Context::default(), variables.clone(), Cost::none());
            self.patterns.offer(&mut context);
            for (name, value) in &variables {
                context.add_variable_from_value(*name, values::to_cel(value));
            }
            let mut holds = Vec::new();
            for value in values {
                variables.insert(name, value.clone());
                cost = cost.and(&Cost::of(self.program.expression(), &variables));
                cost.admit()?;
                context.add_variable_from_value(name, values::to_cel(value));
                let value = self.program.execute(&context).map_err(|error| misfit(&error.to_string()))?;
                let value = values::from_cel(&value).map_err(|what| misfit(&what))?;
                holds.push(value.as_bool().ok_or_else(|| misfit("its value is neither true nor false"))?);
            }
            Ok(holds)
        })
    }

    /// Whether the expression is true.
    ///
    /// # Errors
    /// As [`evaluate`](Self::evaluate), and `Invalid` for a value that is neither true nor false.
    pub fn holds(&self, variables: &BTreeMap<&str, Value>) -> Result<bool> {
        let value = self.evaluate(variables)?;
        value
            .as_bool()
            .ok_or_else(|| misfit("its value is neither true nor false").with("expression", self.text()))
    }
}

/// Runs something on a thread whose stack is large enough; a panic there is an error here.
fn apart<T: Send>(work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("cel".to_owned()).stack_size(STACK);
        let handle = thread.spawn_scoped(scope, work)?;
        handle.join().unwrap_or_else(|_| {
            Err(Error::new(ErrorKind::Internal, "the interpreter of expressions panicked"))
        })
    })
}

/// The first fault, without the list of all that the grammar would have taken instead.
fn no_cel(errors: &ParseErrors) -> Error {
    let first = errors.errors.first().map(|error| {
        let what = error.msg.split(" expecting ").next().unwrap_or_default();
        format!("line {}, column {}: {what}", error.pos.0, error.pos.1)
    });
    Error::new(ErrorKind::Invalid, format!("the expression is no CEL: {}", first.unwrap_or_default()))
}

fn misfit(what: &str) -> Error {
    let what: String = what.chars().take(300).collect();
    Error::new(ErrorKind::Invalid, format!("the expression does not fit: {what}"))
}

/// Equal exactly if the texts are.
impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Expression {}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Expression({})", self.text)
    }
}
