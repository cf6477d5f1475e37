use std::fmt::Write;
use std::io;

use quick_xml::Writer;
use quick_xml::events::BytesText;

use super::text::{cut, object};
use super::{Attribution, Failure, Item, Outcome, Part, Review, hunk};
use crate::gate::Strictness;
use crate::value::text::on_one_line;

/// How long an attribute is at most, in bytes.
const ATTRIBUTE: usize = 1_000;

type Xml = Writer<Vec<u8>>;

/// A review as a `JUnit` report: a suite for each application, a case for each step, blocked object, gate and rule.
///
/// It is red exactly if the review can't go on: a step alone passes, a blocked object is an error, a gate that denies or
/// an approval that is missing is a failure.
pub fn junit(review: &Review) -> String {
    let mut xml = Writer::new_with_indent(Vec::new(), b' ', 1);
    write(&mut xml, review).expect("writing to memory does not fail");
    let body = String::from_utf8(xml.into_inner()).expect("what is written is text");
    format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{body}\n")
}

fn write(xml: &mut Xml, review: &Review) -> io::Result<()> {
    let suites: Vec<(&str, Vec<Case>)> = review
        .parts
        .iter()
        .map(|part| (part.application.as_str(), of_part(part)))
        .chain(
            review.failures.iter().map(|failure| (failure.application.as_str(), vec![of_failure(failure)])),
        )
        .collect();
    let sums = Sums::of(suites.iter().flat_map(|(_, cases)| cases));
    let root = xml.create_element("testsuites").with_attribute(("name", "gitops review"));
    root.with_attributes(sums.attributes().iter().map(|(name, n)| (*name, n.as_str())))
        .write_inner_content(|xml| suites.iter().try_for_each(|(name, cases)| suite(xml, name, cases)))?;
    Ok(())
}

fn suite(xml: &mut Xml, name: &str, cases: &[Case]) -> io::Result<()> {
    let name = line(name);
    let sums = Sums::of(cases.iter());
    let element = xml.create_element("testsuite").with_attribute(("name", name.as_str()));
    element
        .with_attributes(sums.attributes().iter().map(|(name, n)| (*name, n.as_str())))
        .write_inner_content(|xml| cases.iter().try_for_each(|case| case.write(xml, &name)))?;
    Ok(())
}

fn line(text: &str) -> String {
    cut(&on_one_line(text), ATTRIBUTE)
}

/// How a case ends.
enum End {
    Passed,
    Failed(&'static str, String),
    Erred(&'static str, String),
}

struct Case {
    name: String,
    end: End,
    said: String,
}

impl Case {
    fn passed(name: String, said: String) -> Self {
        Self { name, end: End::Passed, said }
    }

    fn write(&self, xml: &mut Xml, suite: &str) -> io::Result<()> {
        let name = line(&self.name);
        let case =
            xml.create_element("testcase").with_attributes([("classname", suite), ("name", name.as_str())]);
        let (tag, kind, message) = match &self.end {
            End::Passed if self.said.is_empty() => return case.write_empty().map(|_| ()),
            End::Passed => ("", "", String::new()),
            End::Failed(kind, message) => ("failure", *kind, line(message)),
            End::Erred(kind, message) => ("error", *kind, line(message)),
        };
        case.write_inner_content(|xml| {
            if !tag.is_empty() {
                xml.create_element(tag)
                    .with_attributes([("type", kind), ("message", message.as_str())])
                    .write_empty()?;
            }
            if !self.said.is_empty() {
                xml.create_element("system-out").write_text_content(BytesText::new(&self.said))?;
            }
            Ok(())
        })?;
        Ok(())
    }
}

/// How many cases there are, and how they end.
#[derive(Default)]
struct Sums {
    tests: usize,
    failures: usize,
    errors: usize,
}

impl Sums {
    fn of<'a>(cases: impl Iterator<Item = &'a Case>) -> Self {
        cases.fold(Self::default(), |mut sums, case| {
            sums.tests += 1;
            sums.failures += usize::from(matches!(case.end, End::Failed(..)));
            sums.errors += usize::from(matches!(case.end, End::Erred(..)));
            sums
        })
    }

    fn attributes(&self) -> [(&'static str, String); 3] {
        let Self { tests, failures, errors } = self;
        [("tests", tests.to_string()), ("failures", failures.to_string()), ("errors", errors.to_string())]
    }
}

fn of_part(part: &Part) -> Vec<Case> {
    let steps = part.items.iter().map(of_item);
    let blocked = part.blocked.iter().map(|blocked| {
        let is_new = blocked.attribution == Attribution::ThisChange && !blocked.obstacle.ends_by_itself();
        let name = format!("blocked {}", object(&blocked.key));
        match is_new {
            true => Case { name, end: End::Erred("blocked", blocked.why.clone()), said: String::new() },
            false => Case::passed(name, line(&blocked.why)),
        }
    });
    let is_approved = part.outcome() == Outcome::Approved;
    let gates = part.verdict.each().map(|(own, note)| {
        let (name, message) = (format!("gate {}", note.gate), note.message.clone());
        let end = match own {
            Strictness::Deny => End::Failed("denied", message),
            Strictness::NeedsApproval if !is_approved => End::Failed("needs-approval", message),
            _ => return Case::passed(name, line(&message)),
        };
        Case { name, end, said: String::new() }
    });
    let rules = part.approvals.iter().flat_map(|standing| &standing.rules).map(|rule| {
        let name = format!("approval {}", rule.name);
        match rule.is_met() {
            true => Case::passed(name, line(&rule.to_string())),
            false => Case { name, end: End::Failed("needs-approval", rule.to_string()), said: String::new() },
        }
    });
    steps.chain(blocked).chain(gates).chain(rules).collect()
}

fn of_item(item: &Item) -> Case {
    let name = format!("{} {}", item.step.action, object(&item.step.key));
    let mut said = format!("{}: {}\n", item.attribution, line(&item.step.reason.to_string()));
    for flag in &item.flags {
        let _ = writeln!(said, "{} {}: {}", flag.level, line(&flag.rule), line(&flag.message));
    }
    for hunk in hunk::lines(&item.step, hunk::HunkLimits::SOME) {
        let _ = writeln!(said, "{} {}", hunk.sign, hunk.text);
    }
    Case::passed(name, said)
}

fn of_failure(failure: &Failure) -> Case {
    Case {
        name: "plan".to_owned(),
        end: End::Erred("not-planned", failure.message.clone()),
        said: String::new(),
    }
}
