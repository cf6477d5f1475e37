use gitops_core::{Diagnostic, Value};
use gitops_k8s::yaml::{self, Dialect, YamlLimits};
use proptest::prelude::*;
use serde_json::Value as Json;

use crate::support::{render, renderer};

const DIALECTS: [Dialect; 2] = [Dialect::KubectlV2, Dialect::KyamlV3];

/// Pieces of which manifests are made, in any order.
fn scraps() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n".to_owned()),
        Just("apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData: ".to_owned()),
        Just("kind: List\nitems:\n- ".to_owned()),
        Just("---\n".to_owned()),
        Just("  ".to_owned()),
        Just("\t".to_owned()),
        Just("&a ".to_owned()),
        Just("*a".to_owned()),
        Just("<<: ".to_owned()),
        "[\\[\\]{}:,|>\"'!#%@?-]{1,3}",
        "[a-z0-9._]{1,6}",
        "\\PC{1,2}",
        Just("\n".to_owned()),
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

fn json() -> impl Strategy<Value = Json> {
    let text = "[a-zA-Z0-9 .:#'\"\\\\\n\té\u{1f600}~<-]{0,12}";
    // A key `<<` is refused.
    let key = text.prop_filter("a key that is read", |key| key != "<<").boxed();
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        (-1.0e9..1.0e9f64).prop_map(Json::from),
        text.prop_map(Json::from),
    ];
    let tree = leaf.prop_recursive(4, 40, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Json::from),
            prop::collection::btree_map(key.clone(), inner, 0..6).prop_map(|map| map.into_iter().collect()),
        ]
    });
    prop::collection::btree_map("[a-z]{1,5}", tree, 1..5).prop_map(|map| map.into_iter().collect())
}

/// A fault without the line that it quotes: one Secret in a file keeps all of its lines out of sight.
fn said(fault: &Diagnostic) -> (String, Option<(u32, u32)>) {
    (fault.message.clone(), fault.span.as_ref().map(|span| (span.line, span.column)))
}

fn one(text: &str, dialect: Dialect) -> Value {
    let documents = yaml::read("a", text.as_bytes(), dialect, &YamlLimits::default());
    documents.unwrap().remove(0).root.into()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn no_text_makes_the_reader_or_the_renderer_panic(text in scraps()) {
        for dialect in DIALECTS {
            let _ = render(renderer().dialect(dialect), &[("a.yaml", &text)]);
        }
    }

    #[test]
    fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        for dialect in DIALECTS {
            let _ = yaml::read("a", &bytes, dialect, &YamlLimits::default());
        }
    }

    #[test]
    fn what_is_printed_reads_back_as_json_and_as_yaml(json in json()) {
        // A float without a fraction is a whole number to `kubectl`, and so it is here.
        let (text, expected) = (json.to_string(), Value::from_json(json));
        for dialect in DIALECTS {
            prop_assert_eq!(&one(&text, dialect), &expected);
            prop_assert_eq!(&one(&format!("---\n{text}\n"), dialect), &expected, "as YAML: {}", text);
        }
    }

    #[test]
    fn every_fault_has_a_place_in_the_file(text in scraps()) {
        let Err(faults) = yaml::read("a", text.as_bytes(), Dialect::KubectlV2, &YamlLimits::default()) else { return Ok(()) };
        let lines = u32::try_from(text.lines().count()).unwrap();
        for fault in faults {
            let span = fault.span.clone().unwrap();
            prop_assert!((1..=lines + 1).contains(&span.line) && span.column >= 1, "{} in {:?}", fault, text);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4))]

    /// The file is long enough for each core to take a share of it.
    #[test]
    fn documents_of_a_long_file_are_read_as_each_alone(some in prop::collection::vec(scraps(), 1..12)) {
        let comment = format!("# {}\n", "x".repeat(10_000));
        let parts: Vec<String> = some.iter().cycle().take(48).map(|text| format!("---\n{comment}{text}\n")).collect();
        let read = |text: &str| yaml::read("a", text.as_bytes(), Dialect::KubectlV2, &YamlLimits::default());
        let (mut documents, mut faults, mut line) = (Vec::new(), Vec::new(), 0);
        for part in &parts {
            match read(&format!("{}{part}", "\n".repeat(line))) {
                Ok(more) => documents.extend(more),
                Err(more) => faults.extend(more.iter().map(said)),
            }
            line += part.matches('\n').count();
        }
        let whole = read(&parts.concat()).map_err(|faults| faults.iter().map(said).collect::<Vec<_>>());
        prop_assert_eq!(whole, if faults.is_empty() { Ok(documents) } else { Err(faults) });
    }
}
