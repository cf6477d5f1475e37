//! What must hold of every other form of a review.

use std::collections::BTreeSet;

use proptest::prelude::*;
use quick_xml::events::Event;
use quick_xml::{Reader, XmlVersion};
use serde_json::Value;

use super::world::{SECRET, any_review, field, key, plan, review, step};
use crate::gate::Verdict;
use crate::review::{
    Context, Failure, Flavour, Markdown, Part, Review, ReviewDocument, Rules, junit, plain, sarif,
};
use crate::value::Action;

/// The attributes and texts of a report, and how many elements of each name it has.
fn elements(xml: &str, name: &str) -> usize {
    let mut reader = Reader::from_str(xml);
    let mut found = 0;
    loop {
        match reader.read_event().expect("the report is XML") {
            Event::Eof => return found,
            Event::Start(tag) | Event::Empty(tag) => {
                tag.attributes().for_each(|attribute| {
                    attribute
                        .expect("attributes are XML")
                        .normalized_value(XmlVersion::Explicit1_0)
                        .expect("and can be read");
                });
                found += usize::from(tag.name().as_ref() == name.as_bytes());
            }
            Event::Text(text) => {
                text.decode().expect("text is UTF-8");
            }
            _ => {}
        }
    }
}

/// Checks every element of a report against what the published schema says of it.
fn check_elements(xml: &str) -> Result<(), String> {
    let rules: Value = serde_json::from_str(include_str!("junit.json")).expect("it is JSON");
    let listed = |name: &str, what: &str| -> Vec<String> {
        serde_json::from_value(rules[name][what].clone()).unwrap_or_default()
    };
    let mut reader = Reader::from_str(xml);
    // The open elements, each with the place of the last one in it among those that it may hold.
    let mut open: Vec<(String, usize)> = Vec::new();
    loop {
        let event = reader.read_event().map_err(|error| error.to_string())?;
        match &event {
            Event::Eof => return Ok(()),
            Event::End(_) => drop(open.pop()),
            Event::Start(tag) | Event::Empty(tag) => {
                let name = String::from_utf8_lossy(tag.name().as_ref()).into_owned();
                if rules.get(&name).is_none() {
                    return Err(format!("there is no <{name}>"));
                }
                if let Some((parent, last)) = open.last_mut() {
                    let place = listed(parent, "holds").iter().position(|held| *held == name);
                    *last = place
                        .filter(|place| *place >= *last)
                        .ok_or_else(|| format!("<{name}> has no place there in <{parent}>"))?;
                } else if name != "testsuites" {
                    return Err(format!("a report begins with <{name}>"));
                }
                let attributes = tag.attributes().map(|attribute| {
                    let attribute = attribute.map_err(|error| error.to_string())?;
                    Ok(String::from_utf8_lossy(attribute.key.as_ref()).into_owned())
                });
                let has = attributes.collect::<Result<BTreeSet<String>, String>>()?;
                let (must, may) = (listed(&name, "must"), listed(&name, "may"));
                let missing = must.iter().find(|must| !has.contains(*must));
                let unknown = has.iter().find(|has| !must.contains(has) && !may.contains(has));
                if let Some(fault) = missing.or(unknown) {
                    return Err(format!("`{fault}` of <{name}> is missing or unknown"));
                }
                if matches!(event, Event::Start(_)) {
                    open.push((name, 0));
                }
            }
            _ => {}
        }
    }
}

#[test]
fn a_report_that_breaks_the_schema_is_seen() {
    let report = |inner: &str| {
        format!("<testsuites><testsuite name=\"a\" tests=\"1\">{inner}</testsuite></testsuites>")
    };
    let case = |inner: &str| report(&format!("<testcase name=\"a\" classname=\"b\">{inner}</testcase>"));
    assert_eq!(check_elements(&case("<failure type=\"a\"/><system-out/>")), Ok(()));
    for broken in [
        case("<system-out/><failure/>"),
        case("<warning/>"),
        case("<failure text=\"a\"/>"),
        report("<testcase name=\"a\"/>"),
        report("<failure/>"),
    ] {
        assert!(check_elements(&broken).is_err(), "{broken}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn no_form_shows_a_secret_or_a_control_character(review in any_review()) {
        let json = serde_json::to_string_pretty(&ReviewDocument::of(&review)).unwrap();
        let sarif = serde_json::to_string_pretty(&sarif(&review, &Rules::default())).unwrap();
        let (text, xml) = (plain(&review), junit(&review));
        for form in [&json, &sarif, &text, &xml] {
            prop_assert!(!form.contains(SECRET));
        }
        for form in [&sarif, &text, &xml] {
            prop_assert!(!form.chars().any(|c| c.is_control() && c != '\n'));
        }
        prop_assert_eq!(check_elements(&xml), Ok(()));
        let counts = review.counts();
        let cases = elements(&xml, "testcase");
        let messages: usize = review.parts.iter().map(|part| part.verdict.messages().len()).sum();
        prop_assert_eq!(cases, counts.steps().total() + counts.reported + counts.blocked + messages);
    }
}

#[test]
fn a_report_is_red_exactly_if_the_review_can_not_go_on() {
    let steps = || vec![step(key("a"), Action::Delete, vec![])];
    let ready = review(steps());
    assert_eq!(elements(&junit(&ready), "failure"), 0, "a risk alone is no failure");
    let rules = Rules::default();
    let mut context = Context::new(&rules);
    context.verdict = Verdict::needs_approval("mass-delete", "all 1 objects would be deleted");
    let of = |context: &Context<'_>| {
        Review::from_iter([Part::of(&plan("shop", vec![]), &plan("shop", steps()), None, context)])
    };
    assert_eq!(elements(&junit(&of(&context)), "failure"), 1);
    assert_eq!(check_elements(&junit(&of(&context))), Ok(()));
    let failing = Review::default().failing([Failure {
        application: "shop".to_owned(),
        environment: String::new(),
        message: "<no> \"cluster\"".to_owned(),
    }]);
    assert_eq!(check_elements(&junit(&failing)), Ok(()));
    insta::assert_snapshot!(junit(&failing), @r#"
    <?xml version="1.0" encoding="UTF-8"?>
    <testsuites name="gitops review" tests="1" failures="0" errors="1">
     <testsuite name="shop" tests="1" failures="0" errors="1">
      <testcase classname="shop" name="plan">
       <error type="not-planned" message="&lt;no&gt; &quot;cluster&quot;"/>
      </testcase>
     </testsuite>
    </testsuites>
    "#);
}

/// Met with a warning beside a denial: it was told as denied, and so was what somebody had approved.
#[test]
fn each_message_of_a_gate_has_its_own_word_beside_a_stricter_one() {
    let rules = Rules::default();
    let mut context = Context::new(&rules);
    let mut approved = Verdict::warn("who", "approved by bo: two people");
    if let Verdict::Warn { messages } = &mut approved {
        messages[0].approved_by = Some("bo".to_owned());
    }
    let warned = approved.and(Verdict::warn("hint", "look")).and(Verdict::needs_approval("size", "ask"));
    context.verdict = warned.clone().and(Verdict::deny("never", "no"));
    let steps = || vec![step(key("a"), Action::Delete, vec![])];
    let of = |context: &Context<'_>| {
        Review::from_iter([Part::of(&plan("shop", vec![]), &plan("shop", steps()), None, context)])
    };
    let denied = of(&context);
    let text = plain(&denied);
    let said = "  Approved: who: approved by bo: two people\n  Warning: hint: look\n  Needs an approval: size: ask\n  Denied: never: no\n";
    assert!(text.contains(said), "{text}");
    let comment = Markdown::new(Flavour::GitHub).render(&denied).text;
    for said in [
        "**approved** `shop`: `who`",
        "**warning** `shop`: `hint`",
        "**needs approval** `shop`: `size`",
        "**denied** `shop`: `never`",
    ] {
        assert!(comment.contains(said), "{said}: {comment}");
    }
    let xml = junit(&denied);
    assert_eq!((elements(&xml, "failure"), xml.matches("type=\"denied\"").count()), (2, 1), "{xml}");
    assert!(xml.contains("<failure type=\"needs-approval\" message=\"ask\"/>"), "{xml}");
    // Beside a call for an approval too.
    context.verdict = warned;
    let text = plain(&of(&context));
    assert_eq!(
        (text.matches("Needs an approval: ").count(), text.matches("Warning: ").count()),
        (1, 1),
        "{text}"
    );
}

#[test]
fn a_log_names_the_place_and_has_no_link_of_others() {
    let mut step = step(key("a[x](http://evil)"), Action::Delete, vec![field("/data/a", 1, 2)]);
    step.provenance = Some(crate::value::Provenance {
        source: "repo".into(),
        revision: "4a1b2c3".into(),
        path: "apps/my file:1.yaml".into(),
        line: 7,
    });
    let log = sarif(&review(vec![step]), &Rules::default());
    let result = &log["runs"][0]["results"][0];
    assert_eq!(result["ruleId"], "delete");
    assert_eq!(result["level"], "error");
    assert_eq!(
        result["message"]["text"],
        "delete ConfigMap/shop/a\\[x\\](http://evil) of shop: no longer declared"
    );
    let place = &result["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "apps/my%20file%3A1.yaml");
    assert_eq!(place["region"]["startLine"], 7);
    let rules = log["runs"][0]["tool"]["driver"]["rules"].as_array().unwrap();
    assert!(rules.iter().any(|rule| rule["id"] == "delete"));
}

#[test]
fn a_log_is_bounded_and_says_so() {
    let steps = (0..6_000).map(|n| step(key(&n.to_string()), Action::Delete, vec![]));
    let log = sarif(&review(steps.collect()), &Rules::default());
    assert_eq!(log["runs"][0]["results"].as_array().unwrap().len(), 5_000);
    let said = &log["runs"][0]["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"];
    assert_eq!(said, "1000 results are left out; the log has the gravest 5000");
}

#[test]
fn plain_text_reads_well() {
    let steps = vec![
        step(key("old\u{1b}[2J"), Action::Delete, vec![]),
        step(
            key("web"),
            Action::Update,
            vec![field("/data/level", "a", "b"), field("/data/text", "one\ntwo", "one\n2")],
        ),
    ];
    insta::assert_snapshot!(plain(&review(steps)), @r#"
    Review: ready
    0 to create, 1 to update, 0 to replace, 1 to delete; 412 unchanged
      this change: 2

    shop: 0 to create, 1 to update, 0 to replace, 1 to delete
      plan 842add7b70d7 of 4a1b2c3d4e5f (main), target branch: plan 842add7b70d7 of 4a1b2c3d4e5f (main), effect 6615c4879c8f5bc82b86e29b05e83a6b78153a70
      -    delete  ConfigMap/shop/old\u{1b}[2J in k8s: no longer declared (this change)
           ! high delete: no longer declared
      ~    update  ConfigMap/shop/web in k8s: 2 fields differ (this change)
           - data/level: "a"
           + data/level: "b"
             data/text: from line 2
           - two
           + 2
    "#);
}
