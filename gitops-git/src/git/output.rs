use std::process::ExitStatus;

use gitops_core::{Error, ErrorKind, Result};
use tokio::io::{AsyncRead, AsyncReadExt};

/// What a call printed, and how it ended.
#[derive(Debug)]
pub(crate) struct Output {
    pub status: ExitStatus,
    pub stdout: Vec<u8>,
    /// Bounded, with secrets masked.
    pub stderr: String,
}

/// Reads all; more than `limit` bytes are an error.
pub(super) async fn whole(mut from: impl AsyncRead + Unpin, limit: usize) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    (&mut from).take(limit as u64 + 1).read_to_end(&mut bytes).await?;
    match bytes.len() > limit {
        true => Err(Error::new(ErrorKind::Limit, format!("git printed more than {limit} bytes"))),
        false => Ok(bytes),
    }
}

/// Reads all and keeps the last `limit` bytes.
pub(super) async fn tail(mut from: impl AsyncRead + Unpin, limit: usize) -> Result<Vec<u8>> {
    let mut kept = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let count = from.read(&mut buffer).await?;
        if count == 0 {
            return Ok(kept);
        }
        kept.extend_from_slice(&buffer[..count]);
        let surplus = kept.len().saturating_sub(limit);
        kept.drain(..surplus);
    }
}
