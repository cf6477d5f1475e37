//! The real service, as a process of its own, behind a relay that fails on purpose.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use backend_dns::{Client, Dns};
use gitops_core::backend::service::ServiceTarget;
use gitops_core::conformance::{CountedPages, Fault, Outside};
use gitops_core::*;
use serde_json::{Value as Json, json};
use testbed::{Relay, Trouble};

pub const ZONE: &str = "example.org";
const TOKEN: &str = "token-of-the-test";

/// The service's process; ends with the value.
pub struct Server {
    child: Child,
    pub relay: Relay,
    later_pages: Arc<AtomicUsize>,
    /// Another client of the service, who does not go through the relay.
    other: Client,
}

impl Server {
    pub fn start() -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dns-server"));
        let mut child = command.env("DNS_TOKEN", TOKEN).stdout(Stdio::piped()).spawn().unwrap();
        let mut address = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut address).unwrap();
        let relay = Relay::start(address.trim().parse().unwrap(), |_| true);
        Self { child, relay, later_pages: Arc::default(), other: client(address.trim()) }
    }

    /// The target, over a ledger of its own.
    pub fn target(&self) -> ServiceTarget<CountedPages<Dns>> {
        self.target_with(Arc::new(MemoryStore::new()))
    }

    pub fn target_with(&self, ledger: Arc<dyn StateStore>) -> ServiceTarget<CountedPages<Dns>> {
        let dns = Dns(client(self.relay.address()));
        ServiceTarget::with_ledger(CountedPages::new(dns, self.later_pages.clone()), ledger, "dns")
    }

    /// All records of a name, as the service has them.
    pub async fn records(&self, name: &str) -> Vec<Json> {
        let mut found = Vec::new();
        for page in 1.. {
            let path = format!("/{ZONE}?page={page}");
            let list = self.other.ask("GET", &path, None).await.unwrap();
            found.extend(
                list["records"].as_array().unwrap().iter().filter(|record| record["name"] == name).cloned(),
            );
            if list["next"].is_null() {
                break;
            }
        }
        found
    }

    pub async fn ask(&self, method: &str, path: &str, body: Option<&Json>) -> Result<Json> {
        self.other.ask(method, &format!("/{ZONE}{path}"), body).await
    }

    async fn path(&self, key: &Key) -> Option<String> {
        let record = self.records(key.name()).await.pop()?;
        Some(format!("/{}", record["id"].as_str()?))
    }
}

fn client(address: impl ToString) -> Client {
    Client::new(address.to_string(), Secret::new(TOKEN, &SecretKey::new([1; 32])))
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().and_then(|()| self.child.wait()).map(|_| ()).unwrap_or_default();
    }
}

fn answer(head: &str, body: &str) -> Trouble {
    let length = body.len();
    let text = format!("HTTP/1.1 {head}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}");
    Trouble::Answer(text.into_bytes())
}

fn trouble(fault: Fault) -> Result<Trouble> {
    Ok(match fault {
        Fault::Throttled(wait) => {
            answer(&format!("429 Too Many Requests\r\nretry-after: {}", wait.as_secs()), "")
        }
        Fault::Overloaded => answer("503 Service Unavailable", "overloaded"),
        Fault::Unauthenticated => answer("401 Unauthorized", "who are you?"),
        Fault::Forbidden => answer("403 Forbidden", "not for you"),
        Fault::Unreachable => Trouble::Closed,
        Fault::LostAnswer => Trouble::Lost,
        Fault::CutAnswer => Trouble::Cut,
        _ => return Err(Error::new(ErrorKind::Unsupported, "the relay can't do this")),
    })
}

#[async_trait]
impl Outside for Server {
    async fn edit(&self, key: &Key, body: Option<&Value>) -> Result<()> {
        let path = self.path(key).await;
        let body = body.map(|body| serde_json::to_value(body).unwrap());
        match (path, body) {
            (Some(path), Some(body)) => self.ask("PATCH", &path, Some(&body)).await,
            (Some(path), None) => self.ask("DELETE", &path, None).await,
            (None, Some(mut body)) => {
                body["name"] = key.name().into();
                self.ask("POST", "", Some(&body)).await
            }
            (None, None) => Ok(Json::Null),
        }
        .map(drop)
    }

    async fn add_field(&self, key: &Key) -> Result<()> {
        let path = self.path(key).await.unwrap();
        self.ask("PATCH", &path, Some(&json!({ "comment": "of another client" }))).await.map(drop)
    }

    async fn has_field(&self, key: &Key) -> Result<bool> {
        let path = self.path(key).await.unwrap();
        Ok(self.ask("GET", &path, None).await?["comment"] == "of another client")
    }

    async fn damage(&self, key: &Key) -> Result<()> {
        let path = self.path(key).await.unwrap();
        self.ask("PUT", &path, None).await.map(drop)
    }

    async fn fault(&self, fault: Fault) -> Result<()> {
        self.relay.trouble(trouble(fault)?);
        Ok(())
    }

    async fn fault_at(&self, passing: usize, fault: Fault) -> Result<()> {
        self.relay.trouble_at(passing, trouble(fault)?);
        Ok(())
    }

    async fn later_pages(&self) -> Result<usize> {
        Ok(self.later_pages.load(Ordering::Relaxed))
    }

    async fn landed(&self) -> Result<()> {
        self.relay.settle();
        Ok(())
    }

    async fn mend(&self) -> Result<()> {
        self.relay.mend();
        Ok(())
    }
}
