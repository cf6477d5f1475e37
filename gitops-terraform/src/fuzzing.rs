//! Entries for the fuzzer into parsers that are not public.

use gitops_core::SecretKey;

use crate::tool::json::{Plan, READ, Redact, StateFile, events, parse, parse_part, write};

/// A state.
pub fn state(bytes: &[u8]) {
    let _ = StateFile::read(bytes);
}

/// A plan as the tool shows it. What was read of a document can be written, and reads the same again.
pub fn plan(bytes: &[u8]) {
    let Ok(document) = parse(bytes) else { return };
    let written = write(&document).expect("it holds nothing that has no JSON");
    assert_eq!(parse(written.as_bytes()).expect("it is JSON"), document);
    let document = parse_part(bytes, READ).expect("it is JSON");
    let _ = Plan::read(&document, &SecretKey::new([0; 32]), &[]);
}

/// What the tool says while it works.
pub fn told(bytes: &[u8]) {
    let lines = bytes.split(|byte| *byte == b'\n').count();
    assert!(events(bytes, &Redact::default()).len() <= lines);
}
