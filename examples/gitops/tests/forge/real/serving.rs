//! A server at work on a site, as a process of its own.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gitops_core::Cx;
use ring::hmac;
use serde_json::{Value, json};
use testbed::Gitea;
use tokio::sync::mpsc;

use super::{SITE, Site};

/// The secret of the webhooks.
pub const SECRET: &str = "one long random text";

const SCHEMA: &str = include_str!("../../../../../gitops-app/schemas/ServerEvent.json");

/// How long is waited, so that what does not come fails a test, whatever else is told meanwhile.
fn patience() -> Cx {
    Cx::system().within(Duration::from_secs(240))
}

/// `gitops serve`, and what it tells. It ends with this value.
pub struct Serving {
    child: Child,
    events: mpsc::UnboundedReceiver<Value>,
    pub address: String,
    /// What was told so far.
    pub told: Vec<Value>,
    schema: jsonschema::Validator,
    said: Arc<Mutex<String>>,
}

impl Serving {
    /// Starts it; returns when it listens.
    pub async fn start(site: &Site) -> Self {
        let arguments = ["serve", "--output", "json", "--listen", "127.0.0.1:0", "--timeout", "3600s"];
        let mut command = site.world.command(&arguments);
        command.env("THE_TOKEN", site.gitea.token()).env("HOOK_SECRET", SECRET).env_remove("GITHUB_ACTIONS");
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (sender, events) = mpsc::unbounded_channel();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        std::thread::spawn(move || {
            // A process that is killed may leave half a line.
            for line in lines.map_while(Result::ok) {
                if let Ok(event) = serde_json::from_str(&line)
                    && sender.send(event).is_err()
                {
                    break;
                }
            }
        });
        let errors = BufReader::new(child.stderr.take().unwrap()).lines();
        let said: Arc<Mutex<String>> = Arc::default();
        let heard = said.clone();
        std::thread::spawn(move || {
            for line in errors.map_while(Result::ok) {
                eprintln!("serve: {line}");
                heard.lock().unwrap().extend([line.as_str(), "\n"]);
            }
        });
        let schema = serde_json::from_str(SCHEMA).unwrap();
        let schema = jsonschema::validator_for(&schema).unwrap();
        let mut serving = Self { child, events, address: String::new(), told: Vec::new(), schema, said };
        let listening = serving.wait_for("listening").await;
        listening["address"].as_str().unwrap().clone_into(&mut serving.address);
        serving
    }

    /// The next event; nothing if the process ended.
    async fn next(&mut self, cx: &Cx, what: &str) -> Option<Value> {
        let next = async { Ok(self.events.recv().await) };
        let told = || self.told.iter().map(Value::to_string).collect::<Vec<_>>().join("\n");
        let event = cx.bounded(next).await;
        let event = event.unwrap_or_else(|_| panic!("{what} did not come in time, after:\n{}", told()))?;
        if event["kind"] == "ServerEvent" {
            let fault = self.schema.iter_errors(&event).next();
            assert!(fault.is_none(), "{event}: {}", fault.unwrap());
        }
        self.told.push(event.clone());
        Some(event)
    }

    /// What the server did so far.
    pub fn so_far(&mut self) -> Vec<Value> {
        std::iter::from_fn(|| self.events.try_recv().ok())
            .filter(|event| event["kind"] == "ServerEvent")
            .collect()
    }

    /// Reads on to the first event that fits.
    pub async fn until(&mut self, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        let cx = patience();
        loop {
            match self.next(&cx, what).await {
                Some(event) if fits(&event) => return event,
                Some(_) => {}
                None => panic!("it ended before {what}: {:#?}", self.told),
            }
        }
    }

    /// The first event that fits, be it told already or not yet.
    pub async fn sooner_or_later(&mut self, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        match self.told.iter().find(|event| fits(event)) {
            Some(event) => event.clone(),
            None => self.until(what, fits).await,
        }
    }

    pub async fn wait_for(&mut self, kind: &str) -> Value {
        self.until(kind, |event| event["type"] == kind).await
    }

    /// Whether it is ready, and what it says of its applications.
    pub async fn ready(&self) -> (u16, String) {
        self.ask("GET /readyz HTTP/1.1\r\nhost: gitops\r\n\r\n".to_owned()).await
    }

    /// What a path answers.
    pub async fn get(&self, path: &str) -> String {
        self.ask(format!("GET {path} HTTP/1.1\r\nhost: gitops\r\n\r\n")).await.1
    }

    /// Sends a webhook; gives the status of the answer.
    pub async fn send(&self, event: &str, id: &str, secret: &str, body: &Value) -> u16 {
        let body = body.to_string();
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), body.as_bytes());
        let digits = tag.as_ref().iter().flat_map(|byte| [byte >> 4, byte & 15]);
        let signature: String = digits.filter_map(|digit| char::from_digit(digit.into(), 16)).collect();
        let request = format!(
            "POST /webhooks/gitea HTTP/1.1\r\nhost: gitops\r\nx-gitea-event: {event}\r\nx-gitea-delivery: {id}\r\n\
             x-gitea-signature: {signature}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        self.ask(request).await.0
    }

    async fn ask(&self, request: String) -> (u16, String) {
        let address = self.address.clone();
        let asked = tokio::task::spawn_blocking(move || {
            let mut stream = TcpStream::connect(address).unwrap();
            stream.write_all(request.as_bytes()).unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            answer
        });
        let answer = asked.await.unwrap();
        let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
        (status, answer)
    }

    /// What it said on standard error so far.
    pub fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    /// The most memory that it had so far, in KiB.
    pub fn peak(&self) -> usize {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// Ends it as a service manager does; gives how it ended.
    pub async fn stop(self) -> i32 {
        let pid = rustix::process::Pid::from_raw(self.child.id().cast_signed()).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        self.ended().await
    }

    /// Waits until it ends; gives how.
    pub async fn ended(mut self) -> i32 {
        let cx = patience();
        while self.next(&cx, "its end").await.is_some() {}
        self.child.wait().unwrap().code().unwrap()
    }

    /// Ends it in the middle of whatever it does.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Has the forge send its webhooks to a server.
pub async fn hook(site: &Site, serving: &Serving) {
    let hook = json!({
        "type": "gitea", "active": true, "events": [
            "push", "pull_request", "pull_request_sync", "pull_request_comment", "pull_request_review", "issue_comment",
        ],
        "config": {"url": format!("http://{}/webhooks/gitea", serving.address), "content_type": "json", "secret": SECRET},
    });
    site.gitea.done(Gitea::ADMIN, "POST", &format!("{SITE}/hooks"), hook).await;
}
