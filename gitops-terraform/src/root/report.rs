//! The file in which an apply reports: whether all of it is there.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use gitops_core::{ErrorKind, Result};

use crate::root::Running;
use crate::tool::process::{Ended, boot};

/// What file systems give room in: a write that finds no more of it ends at such a boundary.
const BLOCK: u64 = 4096;

/// What was seen of the end of an apply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Nothing: somebody else began it, or it was cut off.
    NotSeen,
    /// The tool ended so.
    Seen(ExitStatus),
    /// The tool could not be started.
    NeverBegan,
}

impl End {
    /// What came of a run of the tool that we began.
    pub fn of(ended: &Result<Ended>) -> Self {
        match ended {
            Ok(ended) => Self::Seen(ended.status),
            Err(error) if error.kind() == ErrorKind::Unsupported => Self::NeverBegan,
            Err(_) => Self::NotSeen,
        }
    }
}

/// What is in the file of a report, whatever it says.
#[derive(Debug, Default)]
pub(crate) struct Written {
    /// Nothing if there is no file.
    pub size: Option<u64>,
    pub ends_within_a_line: bool,
    /// Whether a line is the beginning of one, and what came after it.
    pub broken: bool,
}

impl Written {
    /// Whether lines may be missing that the apply printed. `has_its_end` says that what the tool prints last is there.
    pub fn may_be_cut(&self, running: &Running, end: End, has_its_end: bool) -> bool {
        let Self { size: Some(size), ends_within_a_line, broken } = *self else { return true };
        let had_room = running.room.is_some_and(|room| size <= room);
        let ended_by_itself = matches!(end, End::Seen(status) if status.signal().is_none());
        let lacks_its_end = ended_by_itself && !has_its_end;
        let is_of_this_boot = running.boot.as_ref().is_none_or(|then| *then == boot());
        let fits_no_cut = had_room || !(ends_within_a_line || size % BLOCK == 0 || lacks_its_end);
        end != End::NeverBegan && (broken || !is_of_this_boot || !fits_no_cut)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use gitops_core::{Action, Error, OwnerLabel, Time};

    use super::*;
    use crate::root::journal::Journal;
    use crate::root::{Keeper, Place};
    use crate::tool::json::Redact;

    fn running(room: Option<u64>) -> Running {
        Running {
            owner_label: OwnerLabel { owner: "us".into(), op: "1".into() },
            action: Action::Update,
            place: Place { folder: "app".into(), workspace: "default".into(), keeper: Keeper::Server },
            run: "r".into(),
            since: Time::default(),
            before: BTreeMap::new(),
            creates: Vec::new(),
            provisions: false,
            room,
            boot: None,
            work: None,
        }
    }

    /// The report in a file, as it is read.
    fn read(report: &[u8]) -> Journal {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("apply.jsonl");
        std::fs::write(&path, report).unwrap();
        Journal::read(&path, &Redact::default()).unwrap()
    }

    #[test]
    fn only_what_could_not_be_started_never_began() {
        let failed = |kind| End::of(&Err(Error::new(kind, "x")));
        assert_eq!(failed(ErrorKind::Unsupported), End::NeverBegan);
        assert_eq!([failed(ErrorKind::Timeout), failed(ErrorKind::Cancelled)], [End::NotSeen; 2]);
    }

    #[test]
    fn a_report_is_cut_where_a_full_disk_or_a_crash_of_the_machine_may_have_cut_it() {
        let end = |raw| End::Seen(ExitStatus::from_raw(raw));
        let (failed, killed) = (end(1 << 8), end(9));
        let line = r#"{"type":"apply_start","hook":{"resource":{"addr":"t.a"},"action":"create"}}"#;
        let whole = format!("{line}\n");
        let within = format!("{line}\n{}", &line[..40]);
        let broken = format!("{}{line}\n", &line[..40]);
        let ended = format!(
            "{line}\n{}\n",
            r#"{"type":"diagnostic","diagnostic":{"severity":"error","summary":"x"}}"#
        );
        let block = format!("{}\n", "x".repeat(4095));
        let room = running;
        for (report, ended, without_room, with_room) in [
            (&*whole, End::NotSeen, false, false),
            (&whole, killed, false, false),
            (&whole, failed, true, false),
            (&ended, failed, false, false),
            (&within, End::NotSeen, true, false),
            (&block, End::NotSeen, true, false),
            ("", End::NotSeen, true, false),
            ("", End::NeverBegan, false, false),
            (&broken, End::NotSeen, true, true),
        ] {
            let journal = read(report.as_bytes());
            let found = [None, Some(BLOCK)].map(|taken| journal.may_be_cut(&room(taken), ended));
            assert_eq!(found, [without_room, with_room], "{report} {ended:?}");
            let beyond = Some(report.len() as u64).filter(|size| *size > 0).map(|size| size - 1);
            assert_eq!(journal.may_be_cut(&room(beyond), ended), without_room, "{report} {ended:?}");
        }
        let boot = |boot: &str| Running { boot: Some(boot.to_owned()), ..room(Some(BLOCK)) };
        assert!(read(whole.as_bytes()).may_be_cut(&boot("another"), End::NotSeen));
        assert!(!read(whole.as_bytes()).may_be_cut(&boot(&crate::tool::process::boot()), End::NotSeen));
        assert!(
            Journal::default().may_be_cut(&room(Some(BLOCK)), End::NotSeen),
            "it was there when the apply began"
        );
    }
}
