//! The page that lists the checks is held to the checks.

use gitops_core::conformance::target_checks;

const PAGE: &str = include_str!("../../../docs/conformance.md");

#[test]
fn the_page_lists_every_check_with_its_sentence_and_no_other() {
    let rows: Vec<(&str, &str)> = PAGE.lines().filter_map(row).collect();
    assert_eq!(rows, target_checks());
}

/// The number and the sentence of a row of the table of checks.
fn row(line: &str) -> Option<(&str, &str)> {
    let mut cells = line.strip_prefix("| C")?.split(" | ");
    let number = cells.next()?;
    let sentence = cells.nth(1)?.strip_suffix(" |")?;
    number.bytes().all(|byte| byte.is_ascii_digit()).then(|| (&line[2..2 + 1 + number.len()], sentence))
}
