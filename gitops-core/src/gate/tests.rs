//! How much may go without an approval, and what verdicts say together.

use super::*;
use crate::value::GroupKind;

fn key(name: &str) -> Key {
    Key::new("t", GroupKind::new("", "Thing"), "", name)
}

#[test]
fn five_may_go_or_a_fifth_of_many_and_never_all() {
    let is_too_much = |lost, owned| too_much(lost, 0, owned, "objects").is_some();
    for (lost, owned) in [(0, 0), (1, 1), (5, 6), (5, 20), (5, 29), (6, 30), (20, 100)] {
        assert!(!is_too_much(lost, owned), "{lost} of {owned}");
    }
    for (lost, owned) in [(2, 2), (3, 2), (6, 7), (6, 29), (7, 30), (21, 100)] {
        assert!(is_too_much(lost, owned), "{lost} of {owned}");
    }
}

#[test]
fn what_a_gate_says_of_several_objects_is_said_once_and_of_the_whole_plan_each_time() {
    let said = |message: &str, keys: &[&str], is_warning: bool| {
        let mut note = GateMessage::new("g", message).labelled(is_warning.then_some(Strictness::Warn));
        note.keys = keys.iter().map(|name| key(name)).collect();
        note
    };
    let all = GateMessage::gathered([
        said("no", &["a"], false),
        said("whole", &[], false),
        said("no", &["b"], true),
        said("no", &["c"], false),
        said("whole", &[], false),
        said("whole", &["d"], false),
    ]);
    let right = [
        said("no", &["a", "c"], false),
        said("whole", &[], false),
        said("no", &["b"], true),
        said("whole", &[], false),
        said("whole", &["d"], false),
    ];
    assert_eq!(all, right);
    let warnings: Vec<bool> = all.iter().map(GateMessage::is_warning).collect();
    assert_eq!(warnings, [false, false, true, false, false]);
    assert_eq!(all[0].to_string(), "g: no");
}

#[test]
fn a_gate_of_a_function_is_known_by_its_name_and_version() {
    let of = |name: &str, version| gate(name.to_owned(), version, |_: &Proposal<'_>| Verdict::Allow);
    assert_eq!(of("freeze", 1).name(), "freeze");
    assert_eq!(of("freeze", 1).fingerprint(), of("freeze", 1).fingerprint());
    for other in [of("freeze", 2), of("thaw", 1)] {
        assert_ne!(of("freeze", 1).fingerprint(), other.fingerprint());
    }
}

#[test]
fn of_two_verdicts_the_stricter_counts_and_a_warning_stays_one() {
    let all = [
        Verdict::Allow,
        Verdict::warn("w", "look"),
        Verdict::needs_approval("n", "ask"),
        Verdict::deny("d", "no"),
    ];
    for (nth, one) in all.iter().enumerate() {
        for (other_nth, other) in all.iter().enumerate() {
            let both = one.clone().and(other.clone());
            assert_eq!(both.strictness(), all[nth.max(other_nth)].strictness());
            assert_eq!(both.messages().len(), one.messages().len() + other.messages().len());
            let warnings = both.messages().iter().filter(|note| note.is_warning());
            assert!(warnings.into_iter().all(|note| note.gate == "w"));
            let of = |gate: &str| {
                [one, other].iter().flat_map(|said| said.messages()).filter(|note| note.gate == gate).count()
            };
            let counts = (both.findings().count(), both.denials().count());
            assert_eq!(counts, (of("n"), of("d")), "{one:?} and {other:?}");
        }
    }
    let named = Verdict::deny("d", "no").naming([key("a")]);
    assert_eq!(named.messages()[0].keys, [key("a")]);
    let twice = named.clone().and(Verdict::deny("d", "no").naming([key("b")])).gathered();
    assert_eq!((twice.messages().len(), &*twice.messages()[0].keys), (1, &[key("a"), key("b")][..]));
}

/// Met with an approval that was given, beside a change window that was closed: it was told as if it were denied.
#[test]
fn each_message_keeps_how_strict_it_is_beside_a_stricter_one() {
    let until = Time::from_micros(7);
    let warned = Verdict::warn("w", "look").and(Verdict::needs_approval("n", "ask"));
    let all = warned.and(Verdict::deny("d", "no").until(Some(until))).and(Verdict::Allow).gathered();
    let own: Vec<_> = all.each().map(|(own, note)| (own, note.gate.as_str())).collect();
    assert_eq!(own, [(Strictness::Warn, "w"), (Strictness::NeedsApproval, "n"), (Strictness::Deny, "d")]);
    let obstacles: Vec<&str> = all.obstacles().map(|note| note.gate.as_str()).collect();
    assert_eq!(obstacles, ["d", "n"]);
    let json = serde_json::to_value(&all).unwrap();
    let told: Vec<_> =
        json["messages"].as_array().unwrap().iter().map(|note| note["verdict"].as_str()).collect();
    assert_eq!(told, [Some("warn"), Some("needs-approval"), None], "{json}");
    assert_eq!(json["messages"][2]["until"], "1970-01-01T00:00:00.000007Z");
    // What somebody takes out of a verdict and puts into another one is no stricter than that.
    let warning = Verdict::Warn { messages: all.messages().to_vec() };
    assert!(warning.each().all(|(own, _)| own == Strictness::Warn));
}

#[test]
fn denials_end_by_themselves_only_if_all_of_them_do() {
    let until = |at| Verdict::deny("window", "closed").until(Some(Time::from_micros(at)));
    let ends = |verdict: Verdict| verdict.denied_until().map(Time::as_micros);
    assert_eq!(ends(Verdict::Allow), None);
    assert_eq!(ends(Verdict::needs_approval("n", "ask")), None);
    assert_eq!(ends(until(7)), Some(7));
    assert_eq!(ends(until(7).and(Verdict::warn("w", "look")).and(until(9)).and(until(8))), Some(9));
    assert_eq!(ends(until(7).and(Verdict::deny("d", "no"))), None, "a person has to do something");
}
