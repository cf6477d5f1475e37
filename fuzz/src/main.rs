//! One program for all parsers; the variable `GITOPS_FUZZ` names the one that is fed.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;

static CHECK: LazyLock<fn(&[u8])> = LazyLock::new(|| {
    let name = std::env::var("GITOPS_FUZZ").expect("GITOPS_FUZZ names a parser");
    gitops_parsers::named(&name).unwrap_or_else(|| panic!("there is no parser `{name}`")).check
});

fuzz_target!(|bytes: &[u8]| CHECK(bytes));
