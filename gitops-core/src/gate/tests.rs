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
    let said = |message: &str, keys: &[&str], is_warning| GateMessage {
        gate: "g".to_owned(),
        message: message.to_owned(),
        keys: keys.iter().map(|name| key(name)).collect(),
        is_warning,
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
            assert_eq!(both.strictness(), u8::try_from(nth.max(other_nth)).unwrap());
            assert_eq!(both.messages().len(), one.messages().len() + other.messages().len());
            let warnings = both.messages().iter().filter(|note| note.is_warning());
            assert!(warnings.into_iter().all(|note| note.gate == "w"));
            let is_finding = |verdict: &&Verdict| matches!(verdict, Verdict::NeedsApproval { .. });
            let findings = match both.strictness() {
                2 => [one, other].into_iter().filter(is_finding).count(),
                _ => 0,
            };
            assert_eq!(both.findings().count(), findings, "{one:?} and {other:?}");
        }
    }
    let named = Verdict::deny("d", "no").naming([key("a")]);
    assert_eq!(named.messages()[0].keys, [key("a")]);
    let twice = named.clone().and(Verdict::deny("d", "no").naming([key("b")])).gathered();
    assert_eq!((twice.messages().len(), &*twice.messages()[0].keys), (1, &[key("a"), key("b")][..]));
}
