use std::io::{ErrorKind, Result};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::line::{self, Line, strange};
use super::request::Request;

/// More lines than this before the pack begins are no honest answer.
const MAX_LINES: usize = 10_000;

/// Bytes that are kept of what the server says beside the pack.
const MAX_SAID: usize = 16 << 10;

/// How a talk ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The pack, or the list, was handed on whole.
    Whole,
    /// The server does not speak this version, or not about such repositories. Nothing was asked.
    Unspoken,
    /// The server ended the talk before its time.
    Cut,
    /// The server said, in words, why it sends nothing or no more; or it did not keep to the protocol.
    Refused(String),
    /// The pack was not taken to its end.
    NotTaken,
}

/// A talk with a server: both ends of a connection, and where the pack goes.
pub(crate) struct Talk<R, W, P> {
    pub from: R,
    pub to: W,
    pub pack: P,
    /// Whether the connection is a helper of git that has to be told first what it connects.
    pub through_helper: bool,
}

impl<R, W, P> Talk<R, W, P>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
    P: AsyncWrite + Unpin,
{
    /// Asks, and hands the pack on. All three ends are closed when it is over.
    pub async fn ask(mut self, request: &Request) -> Answer {
        match self.talk(request).await {
            Ok(answer) => answer,
            Err(error) if error.kind() == ErrorKind::InvalidData => {
                Answer::Refused(format!("protocol error: {error}"))
            }
            // Where nothing more can be sent, nothing more will come.
            Err(_) => Answer::Cut,
        }
    }

    /// Asks for references, and hands each on as the server tells it, until that fails. What the server sends is not kept.
    pub async fn list<E>(
        mut self,
        prefixes: &[String],
        take: impl FnMut(&[u8]) -> std::result::Result<(), E>,
    ) -> std::result::Result<Answer, E> {
        match self.list_all(prefixes, take).await {
            Ok(answer) => answer,
            Err(error) if error.kind() == ErrorKind::InvalidData => {
                Ok(Answer::Refused(format!("protocol error: {error}")))
            }
            Err(_) => Ok(Answer::Cut),
        }
    }

    async fn list_all<E>(
        &mut self,
        prefixes: &[String],
        mut take: impl FnMut(&[u8]) -> std::result::Result<(), E>,
    ) -> Result<std::result::Result<Answer, E>> {
        if !self.is_connected().await? {
            return Ok(Ok(Answer::Unspoken));
        }
        if let Some(end) = self.greet().await? {
            return Ok(Ok(end));
        }
        self.to.write_all(&Request::references(prefixes)).await?;
        self.to.flush().await?;
        loop {
            let line = line::read(&mut self.from).await?;
            match &line {
                Line::Flush => return Ok(Ok(Answer::Whole)),
                Line::Data(data) => match line.text().and_then(refusal) {
                    Some(refused) => return Ok(Ok(refused)),
                    None => {
                        if let Err(error) = take(data.strip_suffix(b"\n").unwrap_or(data)) {
                            return Ok(Err(error));
                        }
                    }
                },
                Line::Delimiter | Line::End => return Err(strange("a list without an end")),
            }
        }
    }

    async fn talk(&mut self, request: &Request) -> Result<Answer> {
        if !self.is_connected().await? {
            return Ok(Answer::Unspoken);
        }
        if let Some(end) = self.greet().await? {
            return Ok(end);
        }
        self.to.write_all(&request.bytes()).await?;
        self.to.flush().await?;
        for _ in 0..MAX_LINES {
            let line = line::read(&mut self.from).await?;
            match line.text() {
                Some("packfile") => return self.take_pack().await,
                Some("shallow-info") => return Ok(Answer::Refused("source repository is shallow".into())),
                _ if line == Line::Flush => return Err(strange("an answer without a pack")),
                text => {
                    if let Some(refused) = text.and_then(refusal) {
                        return Ok(refused);
                    }
                }
            }
        }
        Err(strange("an answer of too many lines"))
    }

    /// A helper answers with an empty line, or with `fallback`.
    async fn is_connected(&mut self) -> Result<bool> {
        if !self.through_helper {
            return Ok(true);
        }
        self.to.write_all(b"stateless-connect git-upload-pack\n").await?;
        self.to.flush().await?;
        let mut first = [0];
        self.from.read_exact(&mut first).await?;
        Ok(first == *b"\n")
    }

    /// Takes the server's greeting; gives how the talk ends if it ends here.
    async fn greet(&mut self) -> Result<Option<Answer>> {
        let first = line::read(&mut self.from).await?;
        match first.text() {
            Some("version 2") => Ok((!self.can_fetch().await?).then_some(Answer::Unspoken)),
            other => Ok(Some(other.and_then(refusal).unwrap_or(Answer::Unspoken))),
        }
    }

    async fn can_fetch(&mut self) -> Result<bool> {
        let (mut fetches, mut has_sha1) = (false, true);
        for _ in 0..MAX_LINES {
            let line = line::read(&mut self.from).await?;
            if line == Line::Flush {
                return Ok(fetches && has_sha1);
            }
            let text = line.text().unwrap_or_default();
            fetches |= text == "fetch" || text.starts_with("fetch=");
            has_sha1 &= text.strip_prefix("object-format=").is_none_or(|format| format == "sha1");
        }
        Err(strange("too many capabilities"))
    }

    /// Each line of the pack begins with the number of its band: data, warnings, or the reason of an end.
    async fn take_pack(&mut self) -> Result<Answer> {
        let mut warnings = Vec::new();
        loop {
            match line::read(&mut self.from).await? {
                Line::Flush => return Ok(Answer::Whole),
                Line::Data(data) => match data.split_first() {
                    Some((1, bytes)) if self.pack.write_all(bytes).await.is_err() => {
                        return Ok(Answer::NotTaken);
                    }
                    Some((1, _)) => {}
                    // The last of them may say why there is an end.
                    Some((2, warning)) => {
                        warnings.extend_from_slice(warning);
                        warnings.drain(..warnings.len().saturating_sub(MAX_SAID));
                    }
                    Some((3, reason)) => {
                        let warnings = String::from_utf8_lossy(&warnings).into_owned();
                        return Ok(Answer::Refused(format!("{}\n{warnings}", said(reason))));
                    }
                    _ => return Err(strange("a line of no band")),
                },
                Line::Delimiter | Line::End => return Err(strange("a pack without an end")),
            }
        }
    }
}

/// The reason that a line gives for an end, if it gives one.
fn refusal(text: &str) -> Option<Answer> {
    text.strip_prefix("ERR ").map(|reason| Answer::Refused(said(reason.as_bytes())))
}

fn said(reason: &[u8]) -> String {
    let reason = String::from_utf8_lossy(&reason[..reason.len().min(MAX_SAID)]);
    format!("remote error: {}", reason.trim())
}
