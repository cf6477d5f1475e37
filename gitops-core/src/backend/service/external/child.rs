//! The process: started, asked, bounded and killed.

use std::collections::VecDeque;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value as Json, json};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{ChildStdin, ChildStdout, Command};

use super::program::Program;
use super::wire;
use crate::backend::service::ServiceInfo;
use crate::cx::Cx;
use crate::process::{Leash, ProcessGroup};
use crate::value::{Error, ErrorKind, Result};

/// How much of the end of its standard error is told.
const TAIL: usize = 4 << 10;

/// How long to wait for the end of a program that closed its output.
const FAREWELL: Duration = Duration::from_secs(1);

/// What a program sees of our environment.
const INHERITED: [&str; 4] = ["PATH", "HOME", "LANG", "TMPDIR"];

#[derive(Debug)]
pub(super) struct Child {
    process: tokio::process::Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
    stderr: Arc<Mutex<VecDeque<u8>>>,
    /// Ends when nobody holds the program's standard error any more.
    listening: tokio::task::JoinHandle<()>,
    asked: u64,
    /// Last, so that the group is killed when everything else is gone.
    leash: Leash,
}

impl Child {
    /// Starts a program, and shakes hands.
    pub(super) async fn start(cx: &Cx, program: &Program) -> Result<(Self, ServiceInfo)> {
        let mut child = Self::spawn(program)?;
        let settings = program.settings.decode::<Json>().map_err(|reason| {
            Error::new(ErrorKind::Invalid, format!("the settings can't be handed over: {reason}"))
        })?;
        let hello = json!({ "call": "hello", "protocols": [wire::PROTOCOL], "settings": settings });
        let answer = child.within(cx, program, program.start_timeout, hello).await?;
        let info = wire::answer(answer).and_then(wire::info);
        let info =
            info.map_err(|error| error.with("program", program.path.display()).without(&program.forms()))?;
        Ok((child, info))
    }

    /// The same, unless it ended.
    pub(super) fn still_alive(mut self) -> Option<Self> {
        matches!(self.process.try_wait(), Ok(None)).then_some(self)
    }

    /// Sends a request, and waits for its answer.
    pub(super) async fn ask(&mut self, cx: &Cx, program: &Program, request: Json) -> Result<Json> {
        self.within(cx, program, program.call_timeout, request).await
    }

    fn spawn(program: &Program) -> Result<Self> {
        let mut command = Command::new(&program.path);
        command.args(&program.arguments).env_clear().process_group(0).kill_on_drop(true);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        for name in INHERITED {
            command.envs(std::env::var_os(name).map(|value| (name, value)));
        }
        command.envs(program.environment.iter().map(|(name, secret)| (name, secret.expose())));
        let failed = |error: std::io::Error| {
            Error::from(error).with("program", program.path.display()).during("start")
        };
        let mut process = command.spawn().map_err(failed)?;
        let leash = ProcessGroup::led_by(process.id()).leash();
        let pipes = (process.stdin.take(), process.stdout.take(), process.stderr.take());
        let (Some(stdin), Some(stdout), Some(stderr)) = pipes else {
            return Err(Error::new(ErrorKind::Internal, "a process without its pipes"));
        };
        let tail = Arc::default();
        let listening = tokio::spawn(keep_tail(stderr, Arc::clone(&tail)));
        let stdout = BufReader::new(stdout);
        Ok(Self { process, stdin, stdout, stderr: tail, listening, asked: 0, leash })
    }

    async fn within(&mut self, cx: &Cx, program: &Program, limit: Duration, request: Json) -> Result<Json> {
        let id = self.asked;
        self.asked += 1;
        let call = request["call"].as_str().unwrap_or_default().to_owned();
        let line = line(id, request, program.max_line)?;
        let talk = async {
            self.stdin.write_all(line.as_bytes()).await.map_err(|error| ended().because(error))?;
            read_line(&mut self.stdout, program.max_line).await
        };
        let bounded = cx.within(limit);
        let answer = bounded.bounded(talk).await;
        let answer = answer.map_err(Error::outcome_unknown).and_then(|line| match line {
            Some(line) => wire::of_request(&line, id),
            None => Err(ended()),
        });
        match answer {
            Ok(answer) => Ok(answer),
            Err(error) => {
                let error = error.with("program", program.path.display()).with("call", call);
                // The caller may have less time than a call.
                let ran_out = error.kind() == ErrorKind::Timeout && bounded.deadline() != cx.deadline();
                let error = if ran_out { error.with("limit", format!("{limit:?}")) } else { error };
                Err(self.told(cx, error).await.without(&program.forms()))
            }
        }
    }

    /// An error with how the program ended, and what it said last.
    async fn told(&mut self, cx: &Cx, error: Error) -> Error {
        let end = cx.within(FAREWELL).bounded(async { Ok(self.process.wait().await) }).await;
        let error = match end {
            Ok(Ok(status)) => error.with("ended", status),
            _ => error,
        };
        self.leash.group().kill();
        // What it said last may still be on its way. Only somebody who left the group keeps that open.
        let heard = async { Ok((&mut self.listening).await) };
        let _ = cx.within(FAREWELL).bounded(heard).await;
        let tail = self.stderr.lock().unwrap_or_else(PoisonError::into_inner);
        let said: Vec<u8> = tail.iter().copied().collect();
        match String::from_utf8_lossy(&said).trim() {
            "" => error,
            said => error.with("stderr", said),
        }
    }
}

fn ended() -> Error {
    Error::new(ErrorKind::Unavailable, "the program ended before it answered").outcome_unknown()
}

/// A request as a line.
fn line(id: u64, mut request: Json, limit: usize) -> Result<String> {
    request["id"] = id.into();
    let line = format!("{request}\n");
    match line.len() <= limit {
        true => Ok(line),
        false => Err(Error::new(ErrorKind::Limit, "the request is longer than a line may be")
            .with("bytes", line.len())
            .with("limit", limit)),
    }
}

/// The next line without its end; nothing if the output is closed. A line that has no end yet is none.
async fn read_line(stdout: &mut (impl AsyncBufReadExt + Unpin), limit: usize) -> Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    loop {
        let chunk = stdout.fill_buf().await.map_err(|error| ended().because(error))?;
        if chunk.is_empty() {
            return Ok(None);
        }
        let end = chunk.iter().position(|byte| *byte == b'\n');
        let part = &chunk[..end.unwrap_or(chunk.len())];
        if line.len() + part.len() > limit {
            let error = Error::new(ErrorKind::Limit, "the answer is longer than a line may be");
            return Err(error.with("limit", limit).outcome_unknown());
        }
        line.extend_from_slice(part);
        let used = end.map_or(chunk.len(), |end| end + 1);
        stdout.consume(used);
        if end.is_some() {
            return Ok(Some(line));
        }
    }
}

/// Reads all, and keeps the end of it.
async fn keep_tail(mut from: impl AsyncRead + Unpin, tail: Arc<Mutex<VecDeque<u8>>>) {
    let mut chunk = [0; 1024];
    while let Ok(read @ 1..) = from.read(&mut chunk).await {
        let mut tail = tail.lock().unwrap_or_else(PoisonError::into_inner);
        tail.extend(&chunk[..read]);
        let surplus = tail.len().saturating_sub(TAIL);
        tail.drain(..surplus);
    }
}
