//! A note beside an audit log of how far it had come, so that a log that was cut short is found out.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::entry::AuditEntry;
use super::line::{Line, broken};
use crate::process::fs;
use crate::state::record::AuditPosition;
use crate::value::{Digest, Error, Result};

impl AuditPosition {
    pub(super) fn beginning() -> Self {
        Self { entries: 0, bytes: 0, hash: Digest::of(b"gitops audit") }
    }

    /// Goes on by one line, which must have its end and follow what is before.
    pub(super) fn follow(&mut self, line: &[u8]) -> Result<AuditEntry> {
        let whole = line.strip_suffix(b"\n").ok_or_else(|| broken("the line has no end"));
        let (parsed, hash) = whole.and_then(Line::unseal).map_err(|error| self.at_next_line(error))?;
        if parsed.seq != self.entries + 1 {
            let what = format!("entry {} stands where {} belongs", parsed.seq, self.entries + 1);
            return Err(self.at_next_line(broken(&what)));
        }
        if parsed.prev != self.hash {
            return Err(self.at_next_line(broken("the line does not follow the one before it")));
        }
        *self = Self { entries: parsed.seq, bytes: self.bytes + line.len() as u64, hash };
        Ok(parsed.entry.into_owned())
    }

    fn at_next_line(&self, error: Error) -> Error {
        error.with("line", self.entries + 1).with("byte", self.bytes)
    }

    pub(super) fn load(log: &Path) -> Result<Option<Self>> {
        let path = path_of(log);
        let bytes =
            fs::read(&path, 4096).map_err(|error| fs::failed("read the audit checkpoint", &path, error))?;
        let Some(bytes) = bytes else { return Ok(None) };
        let checkpoint = serde_json::from_slice(&bytes)
            .map_err(|_| broken("its checkpoint is damaged").with("path", path.display()))?;
        Ok(Some(checkpoint))
    }

    pub(super) fn save(&self, log: &Path) -> Result<()> {
        let path = path_of(log);
        fs::atomic_write(&path, &serde_json::to_vec(self)?, fs::PRIVATE)
            .map_err(|error| fs::failed("write the audit checkpoint", &path, error))
    }
}

fn path_of(log: &Path) -> PathBuf {
    let mut name = OsString::from(log);
    name.push(".checkpoint");
    name.into()
}
