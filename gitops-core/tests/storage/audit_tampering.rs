//! The audit log after somebody, or a crash, was at it.

use std::sync::LazyLock;

use gitops_core::ErrorKind;
use gitops_core::internals::audit::{AuditEntry, AuditSink, FileAudit};
use proptest::prelude::*;

use crate::audit::{entries, entry, log, read, record};

fn recorded(groups: &[Vec<AuditEntry>]) -> (tempfile::TempDir, std::path::PathBuf) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let (folder, path) = log();
    runtime.block_on(record(&path, groups));
    (folder, path)
}

#[derive(Clone, Debug)]
enum Tampering {
    Edit { line: usize, byte: usize, new: u8 },
    Insert { line: usize, byte: usize, new: u8 },
    Drop { line: usize },
    Swap { one: usize, other: usize },
    Double { line: usize },
    Cut { bytes: usize },
}

fn any_tampering() -> impl Strategy<Value = Tampering> {
    let line = 0..100_usize;
    prop_oneof![
        (line.clone(), 0..600_usize, any::<u8>()).prop_map(|(line, byte, new)| Tampering::Edit {
            line,
            byte,
            new
        }),
        (line.clone(), 0..600_usize, any::<u8>()).prop_map(|(line, byte, new)| Tampering::Insert {
            line,
            byte,
            new
        }),
        line.clone().prop_map(|line| Tampering::Drop { line }),
        (line.clone(), line.clone()).prop_map(|(one, other)| Tampering::Swap { one, other }),
        line.prop_map(|line| Tampering::Double { line }),
        (1..2000_usize).prop_map(|bytes| Tampering::Cut { bytes }),
    ]
}

fn tamper(text: &[u8], tampering: &Tampering) -> Vec<u8> {
    let mut lines: Vec<Vec<u8>> = text.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    let count = lines.len();
    match *tampering {
        Tampering::Edit { line, byte, new } => {
            let line = &mut lines[line % count];
            let length = line.len();
            line[byte % length] = new;
        }
        Tampering::Insert { line, byte, new } => {
            let line = &mut lines[line % count];
            let length = line.len();
            line.insert(byte % length, new);
        }
        Tampering::Drop { line } => drop(lines.remove(line % count)),
        Tampering::Swap { one, other } => lines.swap(one % count, other % count),
        Tampering::Double { line } => lines.insert(line % count, lines[line % count].clone()),
        Tampering::Cut { bytes } => {
            let text: Vec<u8> = lines.concat();
            return text[..text.len().saturating_sub(bytes)].to_vec();
        }
    }
    lines.concat()
}

/// The bytes of a log of several writes, and of its checkpoint.
static UNTOUCHED: LazyLock<(Vec<u8>, Vec<u8>)> = LazyLock::new(|| {
    let (_folder, path) = recorded(&[entries(0..7), entries(7..8), entries(8..10)]);
    (std::fs::read(&path).unwrap(), std::fs::read(checkpoint_of(&path)).unwrap())
});

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]
    #[test]
    fn no_edit_drop_swap_doubling_or_cut_goes_unnoticed(
        tampering in prop::collection::vec(any_tampering(), 1..3),
    ) {
        let (text, checkpoint) = &*UNTOUCHED;
        let changed = tampering.iter().fold(text.clone(), |text, tampering| match text.is_empty() {
            true => text,
            false => tamper(&text, tampering),
        });
        prop_assume!(changed != *text);
        let (_folder, path) = log();
        std::fs::write(&path, &changed).unwrap();
        std::fs::write(checkpoint_of(&path), checkpoint).unwrap();
        match FileAudit::verify(&path) {
            // What was added has no end: it is no entry, and the report says so.
            Ok(report) => prop_assert!(report.unfinished && changed.starts_with(text), "it went unnoticed"),
            Err(error) => {
                prop_assert_eq!(error.kind(), ErrorKind::Corrupt, "{}", error);
                prop_assert!(error.to_string().contains("line: "), "{}", error);
            }
        }
    }
}

proptest! {
    // Each case waits for the disk some twenty times.
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn a_write_that_was_cut_short_is_cut_off_and_the_log_goes_on(
        synced in 0..4_i64, torn in 1..8_i64, kept in 0..3000_usize, lost in any::<u8>(),
    ) {
        let (_folder, path) = recorded(&[entries(0..synced)]);
        let (durable, checkpoint) = (std::fs::read(&path).unwrap(), std::fs::read(checkpoint_of(&path)).unwrap());
        recorded_after(&path, entries(10..10 + torn));
        let mut text = std::fs::read(&path).unwrap();
        text.truncate(text.len().min(durable.len() + kept));
        for sector in (0..8).filter(|sector| lost >> sector & 1 == 1) {
            let end = text.len().min(durable.len().max((sector + 1) * 512));
            let start = durable.len().max(sector * 512).min(end);
            text[start..end].fill(0);
        }
        std::fs::write(&path, &text).unwrap();
        std::fs::write(checkpoint_of(&path), checkpoint).unwrap();

        recorded_after(&path, entries(20..22));
        FileAudit::verify(&path).unwrap();
        let found = read(&path, 100);
        let synced = usize::try_from(synced).unwrap();
        prop_assert_eq!(&found[..synced], &entries(0..20)[..synced]);
        prop_assert_eq!(&found[found.len() - 2..], &entries(20..22)[..]);
        let between = &found[synced..found.len() - 2];
        prop_assert_eq!(between, &entries(10..20)[..between.len()]);
    }
}

fn checkpoint_of(log: &std::path::Path) -> std::path::PathBuf {
    log.with_extension("jsonl.checkpoint")
}

fn recorded_after(path: &std::path::Path, group: Vec<AuditEntry>) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(record(path, &[group]));
}

#[test]
fn the_error_names_the_line_and_what_is_wrong_with_it() {
    let (_folder, path) = recorded(&[entries(0..4)]);
    let text = std::fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let verify = |text: String| {
        std::fs::write(&path, text).unwrap();
        let error = FileAudit::verify(&path).unwrap_err().to_string();
        error.replace(path.to_str().unwrap(), "PATH")
    };
    insta::assert_snapshot!(verify(text.replacen("alice", "mallory", 1)), @"the audit log is broken: the line was changed: its hash differs (line: 1, byte: 0, path: PATH)");
    insta::assert_snapshot!(verify([lines[0], lines[2], lines[3]].concat()), @"the audit log is broken: entry 3 stands where 2 belongs (line: 2, byte: 464, path: PATH)");
    insta::assert_snapshot!(verify(lines[..3].concat()), @"the audit log is broken: it is shorter than its checkpoint, which names 4 entries (line: 3, path: PATH)");
}

#[test]
fn a_log_that_lost_its_end_is_not_written_on() {
    let (_folder, path) = recorded(&[entries(0..4)]);
    let text = std::fs::read(&path).unwrap();
    std::fs::write(&path, &text[..text.len() - 1]).unwrap();
    let error = FileAudit::open(&path).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    std::fs::remove_file(&path).unwrap();
    let error = FileAudit::open(&path).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt, "a log that was removed was begun anew");
    assert!(!path.exists());
    assert_eq!(FileAudit::verify(&path).unwrap_err().kind(), ErrorKind::Corrupt);
}

#[test]
fn a_log_that_never_was_is_not_found_and_not_made() {
    let (folder, path) = log();
    assert_eq!(FileAudit::verify(&path).unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(FileAudit::read(&path, 10).unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_log_without_its_checkpoint_is_refused() {
    let (_folder, path) = recorded(&[entries(0..4)]);
    std::fs::remove_file(checkpoint_of(&path)).unwrap();
    assert_eq!(FileAudit::verify(&path).unwrap_err().kind(), ErrorKind::Corrupt);
    assert_eq!(FileAudit::open(&path).unwrap_err().kind(), ErrorKind::Corrupt);
}

#[test]
fn a_whole_log_of_another_history_does_not_match_the_checkpoint() {
    let (ours, other) = (recorded(&[entries(0..4)]), recorded(&[entries(1..5)]));
    std::fs::copy(&other.1, &ours.1).unwrap();
    assert_eq!(FileAudit::verify(&ours.1).unwrap_err().kind(), ErrorKind::Corrupt);
}

#[test]
fn a_line_forged_with_a_right_number_and_a_right_hash_does_not_follow() {
    let (ours, other) = (recorded(&[entries(0..4)]), recorded(&[entries(1..5)]));
    let read = |path: &std::path::Path| std::fs::read_to_string(path).unwrap();
    let (text, forged) = (read(&ours.1), read(&other.1));
    let mut lines: Vec<&str> = text.split_inclusive('\n').collect();
    lines[1] = forged.split_inclusive('\n').nth(1).unwrap();
    std::fs::write(&ours.1, lines.concat()).unwrap();
    let error = FileAudit::verify(&ours.1).unwrap_err();
    assert!(error.to_string().contains("does not follow the one before it (line: 2"), "{error}");
}

#[tokio::test]
async fn a_log_that_is_still_open_is_guarded_against_cutting() {
    let (_folder, path) = log();
    let audit = FileAudit::open(&path).unwrap();
    for first in (0..560).step_by(40) {
        audit.record(&gitops_core::Cx::system(), &entries(first..first + 40)).await.unwrap();
    }
    let text = std::fs::read_to_string(&path).unwrap();
    let kept: String = text.split_inclusive('\n').take(510).collect();
    std::fs::write(&path, kept).unwrap();
    assert_eq!(FileAudit::verify(&path).unwrap_err().kind(), ErrorKind::Corrupt);
}

#[test]
fn a_line_changed_after_the_checkpoint_is_refused_and_not_cut_off() {
    let (_folder, path) = recorded(&[entries(0..2)]);
    let checkpoint = std::fs::read(checkpoint_of(&path)).unwrap();
    recorded_after(&path, entries(2..4));
    recorded_after(&path, vec![entry(4)]);
    std::fs::write(checkpoint_of(&path), checkpoint).unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let changed = lines[3].replace("alice", "mallory");
    let zeroed = lines[3].replace("alice", "\0\0\0\0\0");
    for text in [
        [&lines[..3], &[zeroed.as_str(), lines[4]]].concat().concat(),
        [&lines[..3], &[changed.as_str(), lines[4]]].concat().concat(),
        [&lines[..3], &[changed.as_str()]].concat().concat(),
        [&lines[..2], &lines[3..]].concat().concat(),
    ] {
        std::fs::write(&path, &text).unwrap();
        assert_eq!(FileAudit::open(&path).unwrap_err().kind(), ErrorKind::Corrupt);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text, "evidence was cut off");
    }
}

#[test]
fn a_log_of_a_newer_version_is_refused() {
    let (_folder, path) = recorded(&[entries(0..1)]);
    let text = std::fs::read_to_string(&path).unwrap();
    let (body, _) = text.rsplit_once(",\"hash\"").unwrap();
    let body = body.replacen("\"v\":1", "\"v\":2", 1);
    let hash = gitops_core::Digest::of(body.as_bytes());
    std::fs::write(&path, format!("{body},\"hash\":\"{hash}\"}}\n")).unwrap();
    assert_eq!(FileAudit::verify(&path).unwrap_err().kind(), ErrorKind::Unsupported);
}

#[test]
fn a_line_that_is_being_written_is_no_fault() {
    let (_folder, path) = recorded(&[entries(0..2)]);
    let mut text = std::fs::read(&path).unwrap();
    text.extend(b"{\"v\":1,\"seq\":3");
    std::fs::write(&path, text).unwrap();
    let report = FileAudit::verify(&path).unwrap();
    assert_eq!((report.entries, report.unfinished), (2, true));
}
