//! A real server, behind a relay that fails on purpose.

use std::sync::atomic::{AtomicUsize, Ordering};

use backend_postgres::{Client, Roles};
use gitops_core::backend::service::ServiceTarget;
use gitops_core::conformance::{Fault, Outside};
use gitops_core::*;
use testbed::{Postgres, Relay, Trouble};

static NEXT: AtomicUsize = AtomicUsize::new(0);

/// A server, and names of its own for each part of a test.
pub struct Server {
    _postgres: std::sync::Arc<Postgres>,
    relay: Relay,
    /// Another client of the server, who does not go through the relay.
    pub other: Client,
    pub prefix: String,
}

impl Server {
    pub fn of(postgres: std::sync::Arc<Postgres>) -> Self {
        let relay = Relay::start(postgres.address(), |bytes| bytes.first() == Some(&b'Q'));
        let other = client(postgres.address().port());
        let prefix = format!("part{}-", NEXT.fetch_add(1, Ordering::Relaxed));
        Self { _postgres: postgres, relay, other, prefix }
    }

    pub fn target(&self) -> ServiceTarget<Roles> {
        ServiceTarget::new(Roles(client(self.relay.address().port())))
    }

    /// The first column of a statement's last row.
    pub async fn ask(&self, statement: &str) -> Option<String> {
        let rows = self.other.run(statement).await.unwrap();
        rows.last().and_then(|row| row.get(0)).map(str::to_owned)
    }
}

fn client(port: u16) -> Client {
    Client::new(&format!("host=127.0.0.1 port={port} user=postgres dbname=postgres")).unwrap()
}

/// What the server says to a client that it does not let in.
fn refusal(code: &str, message: &str) -> Trouble {
    let fields = format!("SFATAL\0VFATAL\0C{code}\0M{message}\0\0");
    let length = u32::try_from(fields.len() + 4).unwrap();
    Trouble::Answer([&b"E"[..], &length.to_be_bytes(), fields.as_bytes()].concat())
}

fn trouble(fault: Fault) -> Result<Trouble> {
    Ok(match fault {
        Fault::Overloaded => refusal("53300", "sorry, too many clients already"),
        Fault::Unauthenticated => refusal("28P01", "password authentication failed"),
        Fault::Forbidden => refusal("42501", "permission denied for database"),
        Fault::Unreachable => Trouble::Closed,
        Fault::LostAnswer => Trouble::Lost,
        Fault::CutAnswer => Trouble::Cut,
        _ => return Err(Error::new(ErrorKind::Unsupported, "a PostgreSQL server does not say this")),
    })
}

/// Another administrator, with a client of their own.
#[async_trait]
impl Outside for Server {
    async fn edit(&self, key: &Key, body: Option<&Value>) -> Result<()> {
        let name = key.name();
        let Some(body) = body else {
            return self.other.run(&format!("DROP ROLE IF EXISTS \"{name}\"")).await.map(drop);
        };
        let login =
            if body.get("login").and_then(Value::as_bool) == Some(true) { "LOGIN" } else { "NOLOGIN" };
        let limit = body.get("connectionLimit").map_or("-1".to_owned(), ToString::to_string);
        // Who is refused because somebody else wrote at the same moment looks again, and tries again: what was absent
        // may be there by now.
        loop {
            let exists =
                self.ask(&format!("SELECT 1 FROM pg_roles WHERE rolname = '{name}'")).await.is_some();
            let verb = if exists { "ALTER" } else { "CREATE" };
            let statement = format!("{verb} ROLE \"{name}\" {login} CONNECTION LIMIT {limit}");
            match self.other.run(&statement).await {
                Err(error) if error.is_conflict() => {}
                other => return other.map(drop),
            }
        }
    }

    async fn add_field(&self, key: &Key) -> Result<()> {
        self.other.run(&format!("ALTER ROLE \"{}\" CREATEROLE", key.name())).await.map(drop)
    }

    async fn has_field(&self, key: &Key) -> Result<bool> {
        let name = key.name();
        Ok(self
            .ask(&format!("SELECT 1 FROM pg_roles WHERE rolname = '{name}' AND rolcreaterole"))
            .await
            .is_some())
    }

    async fn copy_owner_label(&self, from: &Key, to: &Key) -> Result<()> {
        let (from, to) = (from.name(), to.name());
        let of = "SELECT shobj_description(oid, 'pg_authid') FROM pg_roles WHERE rolname =";
        let label = self.ask(&format!("{of} '{from}'")).await.unwrap();
        self.other
            .run(&format!("CREATE ROLE \"{to}\"; COMMENT ON ROLE \"{to}\" IS '{label}'"))
            .await
            .map(drop)
    }

    async fn fault(&self, fault: Fault) -> Result<()> {
        self.relay.trouble(trouble(fault)?);
        Ok(())
    }

    async fn fault_at(&self, passing: usize, fault: Fault) -> Result<()> {
        self.relay.trouble_at(passing, trouble(fault)?);
        Ok(())
    }

    async fn mend(&self) -> Result<()> {
        self.relay.mend();
        Ok(())
    }
}
