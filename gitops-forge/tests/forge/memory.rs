//! The forge in memory keeps the contract, and the kit sees when a forge does not.

use gitops_forge::conformance::{self, MemoryOthers};

#[test]
fn the_documentation_lists_every_check() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/forges.md");
    let text = std::fs::read_to_string(path).unwrap();
    for (number, sentence) in conformance::all_checks() {
        assert!(
            text.contains(&format!("| {number} | {sentence} |")),
            "{number} is missing or says something else"
        );
    }
}

#[tokio::test]
async fn a_forge_in_memory_keeps_the_contract() {
    let report = conformance::forge(|| async { Ok(MemoryOthers::subject()) }).run().await;
    report.assert_passed();
    assert_eq!(report.skipped(), ["F55", "F56", "F59"], "they need a server");
}
