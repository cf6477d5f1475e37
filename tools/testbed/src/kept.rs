use std::fs;
use std::path::Path;

/// The variable that has texts written anew instead of compared.
const RENEW: &str = "GITOPS_RENEW";

/// Compares a text with the file in which it is kept. With `GITOPS_RENEW=1` the file is written.
///
/// # Panics
/// With the first line that differs, and the way to write the file, unless both are equal.
#[track_caller]
pub fn assert_kept(path: &Path, text: &str) {
    if std::env::var_os(RENEW).is_some() {
        fs::write(path, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
    let kept = fs::read_to_string(path).unwrap_or_default();
    let mut lines = kept.lines().zip(text.lines()).enumerate();
    let first = lines.find(|(_, (kept, now))| kept != now).map_or_else(
        || format!("{} lines are kept, and it has {} now", kept.lines().count(), text.lines().count()),
        |(at, (kept, now))| format!("line {}\nis kept as {kept}\nand is now {now}", at + 1),
    );
    let file = path.display();
    assert!(
        kept == text,
        "{file}: {first}\nIf that is meant, run this test with {RENEW}=1 and commit the file."
    );
}
