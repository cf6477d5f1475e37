//! The server's own record of what it was asked.

use std::fs;

use serde_json::Value;

use super::ApiServer;

/// One request as the API server recorded it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, …
    pub verb: String,
    /// Path and query.
    pub uri: String,
    /// The user agent that asked.
    pub agent: String,
    /// The user that asked, before impersonation.
    pub user: String,
}

impl Request {
    /// Whether it would change something: no read, no dry run.
    pub fn writes(&self) -> bool {
        let reads = matches!(self.verb.as_str(), "get" | "list" | "watch");
        !reads && !self.is_dry_run()
    }

    /// Whether it is a dry run.
    pub fn is_dry_run(&self) -> bool {
        self.uri.contains("dryRun=All")
    }

    fn parse(line: &str) -> Option<Self> {
        let event: Value = serde_json::from_str(line).ok()?;
        let text = |pointer: &str| event.pointer(pointer).and_then(Value::as_str).unwrap_or("").to_owned();
        Some(Self {
            verb: text("/verb"),
            uri: text("/requestURI"),
            agent: text("/userAgent"),
            user: text("/user/username"),
        })
    }
}

impl ApiServer {
    /// The requests of a user agent so far, in their order.
    ///
    /// The server records a request before it answers it, so one that was answered is in here.
    pub fn requests(&self, agent: &str) -> Vec<Request> {
        let log = fs::read_to_string(self.audit_log()).unwrap();
        // The log of a server that many processes use is long, and little of it is of this agent.
        let lines = log.lines().filter(|line| line.contains(agent));
        lines.filter_map(Request::parse).filter(|request| request.agent == agent).collect()
    }
}
