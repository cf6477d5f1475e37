//! The page that lists the checks is pinned to the checks.

use gitops_core::conformance::all_checks;

const PAGE: &str = include_str!("../../../docs/conformance.md");

#[test]
fn the_page_lists_every_check_with_its_sentence_and_no_other() {
    let rows: Vec<(&str, &str)> = PAGE.lines().filter_map(row).collect();
    assert_eq!(rows, all_checks());
}

/// The number and the sentence of a row of a table of checks.
fn row(line: &str) -> Option<(&str, &str)> {
    let mut cells = line.strip_prefix("| ")?.split(" | ");
    let number = cells.next()?;
    let sentence = cells.nth(1)?.strip_suffix(" |")?;
    let (kind, digits) = number.split_at_checked(1)?;
    let is_number = kind.bytes().all(|byte| byte.is_ascii_uppercase())
        && digits.len() == 2
        && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then_some((number, sentence))
}
