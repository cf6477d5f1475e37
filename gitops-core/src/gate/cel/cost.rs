//! What an expression can cost at most, worked out without running it.

use std::collections::BTreeMap;
use std::rc::Rc;

use ::cel::common::ast::{
    CallExpr, ComprehensionExpr, EntryExpr, Expr, IdedEntryExpr, IdedExpr, LiteralValue, operators,
};

use super::{MAX_COST, MAX_DEPTH};
use crate::value::{Error, ErrorKind, Result, Value};

/// An upper bound on the steps of a run.
pub(super) struct Cost(u64);

impl Cost {
    /// The bound for these variables.
    pub fn of(expression: &IdedExpr, variables: &BTreeMap<&str, Value>) -> Self {
        let mut bounds = Bounds { scope: Vec::new() };
        let mut cost: u64 = 0;
        for (name, value) in variables {
            let size = Size::of(value);
            cost = cost.saturating_add(size.weight);
            bounds.scope.push(((*name).to_owned(), size));
        }
        Self(cost.saturating_add(bounds.expression(expression).cost))
    }

    pub fn none() -> Self {
        Self(0)
    }

    pub fn and(&self, other: &Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// # Errors
    /// `Limit` for a cost over the limit.
    pub fn admit(&self) -> Result<()> {
        if self.0 <= MAX_COST {
            return Ok(());
        }
        let message = format!("the expression could take more than {MAX_COST} steps on these values");
        Err(Error::new(ErrorKind::Limit, message).help("nest fewer macros, or look at less"))
    }
}

/// How large a value can be.
#[derive(Clone, Default)]
struct Size {
    /// Elements and bytes, all told.
    weight: u64,
    /// Elements that a macro goes through.
    len: u64,
    /// The largest of the elements.
    element: Option<Rc<Size>>,
}

impl Size {
    fn scalar(weight: u64) -> Self {
        Self { weight: weight.max(1), len: 0, element: None }
    }

    fn of(value: &Value) -> Self {
        match value {
            Value::Text(text) => Self::scalar(1 + text.len() as u64),
            Value::Bytes(bytes) => Self::scalar(1 + bytes.len() as u64),
            Value::Secret(_) | Value::Placeholder(_) => Self::scalar(256),
            Value::List(items) => Self::all(items.iter().map(Self::of)),
            Value::Map(members) => {
                let names = members.keys().map(|name| Self::scalar(1 + name.len() as u64));
                Self { len: members.len() as u64, ..Self::all(names.chain(members.values().map(Self::of))) }
            }
            _ => Self::scalar(1),
        }
    }

    /// A collection of elements.
    fn all(elements: impl Iterator<Item = Self>) -> Self {
        elements.fold(Self::scalar(1), |all, element| Self {
            weight: all.weight.saturating_add(element.weight),
            len: all.len + 1,
            element: Some(Rc::new(element.or(all.element.as_deref()))),
        })
    }

    /// Either this or another.
    fn or(mut self, other: Option<&Self>) -> Self {
        let Some(other) = other else { return self };
        self.weight = self.weight.max(other.weight);
        self.len = self.len.max(other.len);
        self.element = match (self.element.take(), &other.element) {
            (Some(own), Some(other)) => Some(Rc::new(Self::clone(&own).or(Some(other)))),
            (own, other) => own.or_else(|| other.clone()),
        };
        self
    }

    /// Both, one after the other, the second so many times.
    fn and(self, other: &Self, times: u64) -> Self {
        if self.weight <= 1 && other.weight <= 1 {
            return Self::scalar(1);
        }
        let sum = |own: u64, other: u64| own.saturating_add(other.saturating_mul(times));
        let (weight, len) = (sum(self.weight, other.weight), sum(self.len, other.len));
        Self { weight, len, ..self.or(Some(other)) }
    }

    fn of_element(&self) -> Self {
        self.element.as_deref().cloned().unwrap_or_else(|| Self::scalar(1))
    }
}

/// What evaluating an expression costs, and how large its value can be.
struct Bound {
    cost: u64,
    size: Size,
}

/// Works bounds out, from the bounds of the variables in scope.
struct Bounds {
    scope: Vec<(String, Size)>,
}

impl Bounds {
    fn expression(&mut self, expression: &IdedExpr) -> Bound {
        match &expression.expr {
            Expr::Unspecified => Bound { cost: 1, size: Size::scalar(1) },
            Expr::Literal(literal) => Bound { cost: 1, size: literal_size(literal) },
            Expr::Ident(name) => Bound { cost: 1, size: self.variable(name) },
            Expr::Select(select) => {
                let operand = self.expression(&select.operand);
                copied(operand.cost, operand.size.of_element())
            }
            Expr::List(list) => self.collection(list.elements.iter()),
            Expr::Map(map) => self.collection(map.entries.iter().flat_map(entry_parts)),
            Expr::Struct(entries) => self.collection(entries.entries.iter().flat_map(entry_parts)),
            Expr::Call(call) => self.call(call),
            Expr::Comprehension(comprehension) => self.comprehension(comprehension),
        }
    }

    fn variable(&self, name: &str) -> Size {
        let found = self.scope.iter().rev().find(|(other, _)| other == name);
        found.map_or_else(|| Size::scalar(1), |(_, size)| size.clone())
    }

    fn collection<'e>(&mut self, elements: impl Iterator<Item = &'e IdedExpr>) -> Bound {
        let (mut cost, mut sizes) = (0_u64, Vec::new());
        for element in elements {
            let bound = self.expression(element);
            cost = cost.saturating_add(bound.cost);
            sizes.push(bound.size);
        }
        copied(cost, Size::all(sizes.into_iter()))
    }

    fn call(&mut self, call: &CallExpr) -> Bound {
        let (mut cost, mut sizes) = (0_u64, Vec::new());
        for argument in call.target.as_deref().into_iter().chain(&call.args) {
            let bound = self.expression(argument);
            cost = cost.saturating_add(bound.cost);
            sizes.push(bound.size);
        }
        let read = sizes.iter().fold(cost, |cost, size| cost.saturating_add(size.weight));
        match (call.func_name.as_str(), &sizes[..]) {
            (operators::INDEX | operators::OPT_INDEX | operators::OPT_SELECT, [from, ..]) => {
                copied(cost, from.of_element())
            }
            (operators::ADD, [left, right]) => copied(cost, left.clone().and(right, 1)),
            (operators::CONDITIONAL, [_, yes, no]) => copied(cost, yes.clone().or(Some(no))),
            ("matches", [text, pattern]) => {
                let steps = text.weight.saturating_mul(pattern.weight);
                Bound { cost: read.saturating_add(steps), size: Size::scalar(1) }
            }
            (name, _) if is_of_fixed_size(name) => Bound { cost: read, size: Size::scalar(1) },
            (_, sizes) => {
                let whole = sizes.iter().fold(Size::scalar(1), |whole, size| whole.and(size, 1));
                copied(read, whole)
            }
        }
    }

    /// The step runs once for each element; what it adds up becomes as large as all that it adds.
    fn comprehension(&mut self, loops: &ComprehensionExpr) -> Bound {
        let range = self.expression(&loops.iter_range);
        let first = self.expression(&loops.accu_init);
        let names = [Some(&loops.iter_var), loops.iter_var2.as_ref()];
        let depth = self.scope.len();
        let element = range.size.of_element();
        self.scope.extend(names.into_iter().flatten().map(|name| (name.clone(), element.clone())));
        self.scope.push((loops.accu_var.clone(), Size::default()));
        let added = self.expression(&loops.loop_step).size;
        let whole = first.size.and(&added, range.size.len);
        self.scope.pop();
        self.scope.push((loops.accu_var.clone(), whole.clone()));
        let (condition, step) = (self.expression(&loops.loop_cond), self.expression(&loops.loop_step));
        let result = self.expression(&loops.result);
        self.scope.truncate(depth);
        let each = condition.cost.saturating_add(step.cost).saturating_add(1);
        let cost = [range.cost, first.cost, each.saturating_mul(range.size.len), result.cost];
        Bound { cost: cost.into_iter().fold(0, u64::saturating_add), size: result.size }
    }
}

/// A value that is made anew costs as much as it weighs.
fn copied(cost: u64, size: Size) -> Bound {
    Bound { cost: cost.saturating_add(size.weight).saturating_add(1), size }
}

fn literal_size(literal: &LiteralValue) -> Size {
    match literal {
        LiteralValue::String(text) => Size::scalar(1 + text.inner().len() as u64),
        LiteralValue::Bytes(bytes) => Size::scalar(1 + bytes.inner().len() as u64),
        _ => Size::scalar(1),
    }
}

fn entry_parts(entry: &IdedEntryExpr) -> Vec<&IdedExpr> {
    match &entry.expr {
        EntryExpr::StructField(field) => vec![&field.value],
        EntryExpr::MapEntry(entry) => vec![&entry.key, &entry.value],
    }
}

/// Whether a function gives a number or a truth value.
fn is_of_fixed_size(name: &str) -> bool {
    use operators::{
        DIVIDE, EQUALS, GREATER, GREATER_EQUALS, IN, LESS, LESS_EQUALS, LOGICAL_AND, LOGICAL_NOT, LOGICAL_OR,
        MODULO, MULTIPLY, NEGATE, NOT_EQUALS, NOT_STRICTLY_FALSE, SUBSTRACT,
    };
    let operators = [
        DIVIDE,
        EQUALS,
        GREATER,
        GREATER_EQUALS,
        IN,
        LESS,
        LESS_EQUALS,
        LOGICAL_AND,
        LOGICAL_NOT,
        LOGICAL_OR,
        MODULO,
        MULTIPLY,
        NEGATE,
        NOT_EQUALS,
        NOT_STRICTLY_FALSE,
        SUBSTRACT,
    ];
    let functions = ["contains", "startsWith", "endsWith", "size", "int", "uint", "double", "hasValue"];
    operators.contains(&name) || functions.contains(&name)
}

/// Checks what can be seen without values, and gives the patterns of `matches`.
///
/// # Errors
/// `Limit` for an expression that is too deep, `Invalid` for a pattern that is worked out instead of written down.
pub(super) fn check(expression: &IdedExpr) -> Result<Vec<String>> {
    let (mut patterns, mut due) = (Vec::new(), vec![(expression, 1)]);
    while let Some((expression, depth)) = due.pop() {
        if depth > MAX_DEPTH {
            let message = format!("the expression is more than {MAX_DEPTH} levels deep");
            return Err(Error::new(ErrorKind::Limit, message));
        }
        if let Expr::Call(call) = &expression.expr
            && call.func_name == "matches"
        {
            patterns.extend(pattern(call)?);
        }
        due.extend(parts(expression).into_iter().map(|part| (part, depth + 1)));
    }
    Ok(patterns)
}

fn pattern(call: &CallExpr) -> Result<Option<String>> {
    match call.args.last().map(|argument| &argument.expr) {
        Some(Expr::Literal(LiteralValue::String(text))) => Ok(Some(text.inner().to_owned())),
        None => Ok(None),
        Some(_) => {
            Err(Error::new(ErrorKind::Invalid, "the pattern of `matches` is not written down as a text"))
        }
    }
}

/// What an expression is made of, one level down.
pub(super) fn parts(expression: &IdedExpr) -> Vec<&IdedExpr> {
    match &expression.expr {
        Expr::Unspecified | Expr::Literal(_) | Expr::Ident(_) => Vec::new(),
        Expr::Select(select) => vec![&select.operand],
        Expr::List(list) => list.elements.iter().collect(),
        Expr::Map(map) => map.entries.iter().flat_map(entry_parts).collect(),
        Expr::Struct(entries) => entries.entries.iter().flat_map(entry_parts).collect(),
        Expr::Call(call) => call.target.as_deref().into_iter().chain(&call.args).collect(),
        Expr::Comprehension(loops) => {
            vec![&loops.iter_range, &loops.accu_init, &loops.loop_cond, &loops.loop_step, &loops.result]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::cel::Expression;
    use proptest::prelude::*;

    /// Expressions that build values out of values.
    fn expressions() -> impl Strategy<Value = String> {
        let leaf = prop_oneof![
            Just("l".to_owned()),
            Just("s".to_owned()),
            Just("'ab'".to_owned()),
            Just("7".to_owned())
        ];
        leaf.prop_recursive(4, 24, 3, |inner| {
            let two = (inner.clone(), inner.clone());
            prop_oneof![
                two.clone().prop_map(|(a, b)| format!("({a} + {b})")),
                two.clone().prop_map(|(a, b)| format!("[{a}, {b}]")),
                two.clone().prop_map(|(a, b)| format!("[{a}].map(x, [x, {b}])")),
                two.clone().prop_map(|(a, b)| format!("(l.exists(x, x == 1) ? {a} : {b})")),
                two.prop_map(|(a, b)| format!("{{'k': {a}, 'm': {b}}}")),
                inner.clone().prop_map(|a| format!("l.map(s, s + s).map(l, [l, {a}])")),
                inner.clone().prop_map(|a| format!("l.filter(x, [{a}].size() > 0)")),
                inner.prop_map(|a| format!("{{'k': {a}}}.k")),
            ]
        })
    }

    proptest! {
        #[test]
        fn no_value_is_larger_than_it_can_be(text in expressions()) {
            let list = Value::List((0..4).map(Value::from).collect());
            let variables = BTreeMap::from([("l", list), ("s", Value::from("abc"))]);
            let Ok(expression) = Expression::parse(&text) else { return Ok(()) };
            let mut bounds = Bounds { scope: Vec::new() };
            bounds.scope.extend(variables.iter().map(|(name, value)| ((*name).to_owned(), Size::of(value))));
            let bound = bounds.expression(expression.program.expression());
            if let Ok(value) = expression.evaluate(&variables) {
                prop_assert!(Size::of(&value).weight <= bound.size.weight, "{} > {}: {}", Size::of(&value).weight, bound.size.weight, text);
                prop_assert!(Size::of(&value).len <= bound.size.len, "{}", text);
            }
        }
    }
}
