//! Puts the mutants of a file into its text, all at once and each behind a switch, so that its crate is built once for all.
//!
//! Each becomes a piece before and a piece after a range of the text: `a == b` becomes
//! `(if on(7) { a != b } else { a == b })`. A changed copy is text without other mutants in it, so that the file grows with
//! their depth, and not with the power of it.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::ops::Range;

use syn::spanned::Spanned;
use syn::visit::{self, Visit};

use super::list::{Kind, Mutant};
use crate::failure::{Failure, Result};

/// Where the switch is, in each crate.
const SWITCH: &str = "crate::__mutant::on";

/// The text of a file with its mutants, and where each is in it.
pub struct Woven {
    pub text: String,
    /// Mutants that have no place: an operator beside a `let` is one.
    pub unplaced: Vec<usize>,
    /// The bytes of the changed copies, each with its mutant.
    copies: Vec<(Range<usize>, usize)>,
    /// The bytes of all that stands around one place, each with its mutants.
    places: Vec<(Range<usize>, Vec<usize>)>,
}

impl Woven {
    /// The mutants that an error at these bytes speaks of: the copy that it is in, or else all of the innermost place.
    pub fn blamed(&self, bytes: &Range<usize>) -> Vec<usize> {
        let around = |range: &Range<usize>| range.start <= bytes.start && bytes.start < range.end;
        let copies = self.copies.iter().filter(|(range, _)| around(range));
        if let Some((_, mutant)) = copies.min_by_key(|(range, _)| range.len()) {
            return vec![*mutant];
        }
        let places = self.places.iter().filter(|(range, _)| around(range));
        places.min_by_key(|(range, _)| range.len()).map(|(_, mutants)| mutants.clone()).unwrap_or_default()
    }
}

/// Sites in the order in which they begin: at one byte the longer one, and a body or a guard before an operation that is all of it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Site {
    start: usize,
    empty: Reverse<bool>,
    end: Reverse<usize>,
    depth: u8,
}

impl Site {
    fn of(range: &Range<usize>, kind: Kind) -> Self {
        let (empty, end) = (Reverse(range.is_empty()), Reverse(range.end));
        let depth = match kind {
            Kind::Body => 0,
            Kind::Arm | Kind::Guard => 1,
            Kind::Operator | Kind::Field => 2,
        };
        Self { start: range.start, empty, end, depth }
    }
}

/// What is put around a range.
#[derive(Default)]
struct Around {
    before: String,
    after: String,
    /// Ranges of `before` with the mutant that is in them.
    copies: Vec<(Range<usize>, usize)>,
    mutants: Vec<usize>,
}

/// Weaves these mutants, each with its number, into the text of their file.
pub fn weave(text: &str, mutants: &[(usize, &Mutant)]) -> Result<Woven> {
    let file =
        syn::parse_file(text).map_err(|error| Failure::new(format!("cannot be read as Rust: {error}")))?;
    let mut anchors = Anchors::default();
    anchors.visit_file(&file);
    let lines = Lines::of(text);
    let mut around: BTreeMap<Site, Around> = BTreeMap::new();
    let mut unplaced = Vec::new();
    for &(number, mutant) in mutants {
        let span = lines.offset(mutant.start)..lines.offset(mutant.end);
        match anchors.place(&span, mutant.kind) {
            None => unplaced.push(number),
            Some(range) => {
                let here = around.entry(Site::of(&range, mutant.kind)).or_default();
                here.add(number, mutant, text, &range, &span);
                if let (Kind::Arm, Some(whole)) = (mutant.kind, anchors.matches.get(&span.start)) {
                    around.entry(Site::of(whole, Kind::Arm)).or_default().mutants.push(number);
                }
            }
        }
    }
    around.values_mut().for_each(Around::close);
    Ok(assemble(text, around, unplaced))
}

impl Around {
    fn add(&mut self, number: usize, mutant: &Mutant, text: &str, range: &Range<usize>, span: &Range<usize>) {
        self.mutants.push(number);
        let on = format!("{SWITCH}({number})");
        let replaced = || {
            let head = &text[range.start..span.start];
            format!("{head}{}{}", mutant.replacement, &text[span.end..range.end])
        };
        match mutant.kind {
            Kind::Body => self.copy(number, &format!("if {on} {{ return "), &mutant.replacement, "; } "),
            Kind::Operator | Kind::Field => {
                let begin = if self.before.is_empty() { "(" } else { "" };
                self.copy(number, &format!("{begin}if {on} {{ "), &replaced(), " } else ");
            }
            Kind::Arm => self.copy(number, " if !", &on, ""),
            Kind::Guard if mutant.replacement == "true" => {
                self.before = format!("({on} || {}", self.before);
                self.after.insert(0, ')');
            }
            Kind::Guard => self.after.push_str(&[" && !", &on].concat()),
        }
    }

    fn copy(&mut self, number: usize, head: &str, copy: &str, tail: &str) {
        self.before.push_str(head);
        let start = self.before.len();
        self.before.push_str(copy);
        self.copies.push((start..self.before.len(), number));
        self.before.push_str(tail);
    }

    /// Ends a chain of choices with what was there.
    fn close(&mut self) {
        if self.before.ends_with(" else ") {
            self.before.push_str("{ ");
            self.after.push_str(" })");
        }
    }
}

/// Inner ranges close before outer ones; at one place, what is over there closes before something opens.
fn assemble(text: &str, around: BTreeMap<Site, Around>, unplaced: Vec<usize>) -> Woven {
    let mut woven = Woven { text: String::new(), unplaced, copies: Vec::new(), places: Vec::new() };
    let mut open: Vec<(usize, usize, Around)> = Vec::new();
    let mut done = 0;
    for (site, around) in around {
        done = close_until(text, &mut woven, &mut open, done, site.start);
        woven.text.push_str(&text[done..site.start]);
        done = site.start;
        let here = woven.text.len();
        let moved = |(range, number): &(Range<usize>, usize)| (range.start + here..range.end + here, *number);
        woven.copies.extend(around.copies.iter().map(moved));
        woven.text.push_str(&around.before);
        open.push((site.end.0, here, around));
    }
    let done = close_until(text, &mut woven, &mut open, done, text.len());
    woven.text.push_str(&text[done..]);
    woven
}

fn close_until(
    text: &str,
    woven: &mut Woven,
    open: &mut Vec<(usize, usize, Around)>,
    mut done: usize,
    until: usize,
) -> usize {
    while let Some((end, here, around)) = open.pop_if(|(end, ..)| *end <= until) {
        woven.text.push_str(&text[done..end]);
        woven.text.push_str(&around.after);
        woven.places.push((here..woven.text.len(), around.mutants));
        done = end;
    }
    done
}

/// Places of a file, by the byte at which what is replaced begins.
#[derive(Default)]
struct Anchors {
    /// The whole expression of each operator, and of each field of a struct that has a base.
    expressions: BTreeMap<usize, Range<usize>>,
    /// The end of the pattern of each arm, and the match that it is in: that an arm is missing is said of the match.
    arms: BTreeMap<usize, usize>,
    matches: BTreeMap<usize, Range<usize>>,
    guards: BTreeMap<usize, Range<usize>>,
}

impl Anchors {
    fn place(&self, span: &Range<usize>, kind: Kind) -> Option<Range<usize>> {
        match kind {
            // An error about the type of a body begins at what the body was.
            Kind::Body => Some(span.clone()),
            Kind::Operator | Kind::Field => self.expressions.get(&span.start).cloned(),
            Kind::Arm => self.arms.get(&span.start).map(|end| *end..*end),
            Kind::Guard => self.guards.get(&span.start).cloned(),
        }
    }
}

impl<'ast> Visit<'ast> for Anchors {
    fn visit_expr_binary(&mut self, node: &'ast syn::ExprBinary) {
        if !binds(&node.left) && !binds(&node.right) {
            self.expressions.insert(node.op.span().byte_range().start, node.span().byte_range());
        }
        visit::visit_expr_binary(self, node);
    }

    fn visit_expr_unary(&mut self, node: &'ast syn::ExprUnary) {
        self.expressions.insert(node.op.span().byte_range().start, node.span().byte_range());
        visit::visit_expr_unary(self, node);
    }

    fn visit_expr_struct(&mut self, node: &'ast syn::ExprStruct) {
        for field in &node.fields {
            self.expressions.insert(field.span().byte_range().start, node.span().byte_range());
        }
        visit::visit_expr_struct(self, node);
    }

    fn visit_expr_match(&mut self, node: &'ast syn::ExprMatch) {
        let whole = node.span().byte_range();
        self.matches.extend(node.arms.iter().map(|arm| (arm.span().byte_range().start, whole.clone())));
        visit::visit_expr_match(self, node);
    }

    fn visit_arm(&mut self, node: &'ast syn::Arm) {
        match &node.guard {
            None => drop(self.arms.insert(node.span().byte_range().start, node.pat.span().byte_range().end)),
            Some((_, guard)) if binds(guard) => {}
            Some((_, guard)) => {
                let range = guard.span().byte_range();
                self.guards.insert(range.start, range);
            }
        }
        visit::visit_arm(self, node);
    }
}

/// Whether the condition has a `let`, around which no expression can be put.
fn binds(condition: &syn::Expr) -> bool {
    match condition {
        syn::Expr::Let(_) => true,
        syn::Expr::Binary(node) => binds(&node.left) || binds(&node.right),
        _ => false,
    }
}

/// Where the lines of a text begin.
struct Lines<'a> {
    text: &'a str,
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    fn of(text: &'a str) -> Self {
        let breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let starts = std::iter::once(0).chain(breaks.map(|(at, _)| at + 1)).collect();
        Self { text, starts }
    }

    /// The byte of a line and a column, both from 1, the column in characters.
    fn offset(&self, (line, column): (usize, usize)) -> usize {
        let start = self.starts.get(line - 1).copied().unwrap_or(self.text.len());
        let rest = &self.text[start..];
        start + rest.char_indices().nth(column - 1).map_or(rest.len(), |(at, _)| at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mutant(kind: Kind, start: (usize, usize), end: (usize, usize), replacement: &str) -> Mutant {
        Mutant {
            name: String::new(),
            file: String::new(),
            kind,
            start,
            end,
            replacement: replacement.to_owned(),
        }
    }

    fn woven(text: &str, mutants: &[Mutant]) -> Woven {
        let numbered: Vec<_> = mutants.iter().enumerate().collect();
        let woven = weave(text, &numbered).unwrap();
        syn::parse_file(&woven.text).unwrap_or_else(|error| panic!("{error}: {}", woven.text));
        woven
    }

    #[test]
    fn operators_stand_one_in_the_other_and_what_is_changed_has_no_other_change_in_it() {
        let text = "fn f() -> bool { a == b && !c }";
        let mutants = [
            mutant(Kind::Operator, (1, 20), (1, 22), "!="),
            mutant(Kind::Operator, (1, 25), (1, 27), "||"),
            mutant(Kind::Operator, (1, 28), (1, 29), ""),
            mutant(Kind::Body, (1, 18), (1, 30), "true"),
        ];
        let found = woven(text, &mutants).text.replace("crate::__mutant::", "");
        let right = "fn f() -> bool { if on(3) { return true; } (if on(1) { a == b || !c } else { \
                     (if on(0) { a != b } else { a == b }) && (if on(2) { c } else { !c }) }) }";
        assert_eq!(found, right);
    }

    #[test]
    fn a_guard_is_made_true_or_false_and_an_arm_is_left_out() {
        let text = "fn f() { match x { A if é(1) => 1, B => 2, _ => 3 } }";
        let mutants = [
            mutant(Kind::Guard, (1, 25), (1, 29), "true"),
            mutant(Kind::Guard, (1, 25), (1, 29), "false"),
            mutant(Kind::Arm, (1, 36), (1, 43), ""),
        ];
        let found = woven(text, &mutants).text.replace("crate::__mutant::", "");
        assert_eq!(
            found,
            "fn f() { match x { A if (on(0) || é(1)) && !on(1) => 1, B if !on(2) => 2, _ => 3 } }"
        );
    }

    #[test]
    fn one_stands_in_the_other_where_both_are_of_the_same_words() {
        let text = "fn f() { match x { A if a < b => 1, _ => 3 } }";
        let mutants =
            [mutant(Kind::Operator, (1, 27), (1, 28), "=="), mutant(Kind::Guard, (1, 25), (1, 30), "false")];
        let found = woven(text, &mutants).text.replace("crate::__mutant::", "");
        let right = "fn f() { match x { A if (if on(0) { a == b } else { a < b }) && !on(1) => 1, _ => 3 } }";
        assert_eq!(found, right);
    }

    #[test]
    fn an_operator_beside_a_let_has_no_place() {
        let mutants = [mutant(Kind::Operator, (1, 18), (1, 20), "||")];
        assert_eq!(woven("fn f() { if a    && let Some(b) = c {} }", &mutants).unplaced, [0]);
    }

    #[test]
    fn an_error_blames_the_copy_that_it_is_in_or_else_all_of_its_place() {
        let text = "fn f() -> bool { a == b }";
        let two = ["!=", "<"].map(|operator| mutant(Kind::Operator, (1, 20), (1, 22), operator));
        let woven = woven(text, &two);
        let at = |part: &str| {
            let start = woven.text.find(part).unwrap();
            woven.blamed(&(start..start + 1))
        };
        assert_eq!(
            (at("a != b"), at("a < b"), at("a == b"), at("fn f")),
            (vec![0], vec![1], vec![0, 1], vec![])
        );
        let woven = super::tests::woven(text, &[mutant(Kind::Body, (1, 18), (1, 24), "true")]);
        let start = woven.text.find("a == b").unwrap();
        assert_eq!(woven.blamed(&(start..start + 1)), [0]);
    }
}
