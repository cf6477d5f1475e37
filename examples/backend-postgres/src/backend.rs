//! The backend: roles of a database server.

use gitops_core::backend::service::{Item, Page, Query, Service, ServiceInfo, Write};
use gitops_core::prelude::*;
use postgres_protocol::{escape::escape_identifier, escape::escape_literal, password::scram_sha_256};
use serde_json::{Map, Value as Json};

/// The roles of a server, reached as a superuser.
pub struct Roles(pub crate::Client);

const ROLES: &str = "SELECT oid, rolname, description, concat(a.xmin, '.', d.xmin), json_build_object(
    'login', rolcanlogin, 'createDb', rolcreatedb, 'connectionLimit', rolconnlimit)
    FROM pg_authid a LEFT JOIN pg_shdescription d ON objoid = oid AND classoid = 'pg_authid'::regclass";

#[async_trait]
impl Service for Roles {
    fn info(&self) -> ServiceInfo {
        let info = ServiceInfo::new("postgres", "Role").named().conditional().max_name(63).secret("password");
        info.defaults([("login", false.into()), ("createDb", false.into()), ("connectionLimit", (-1).into())])
    }

    async fn list(&self, _: &Cx, _: &Query) -> Result<Page> {
        Ok(Page::last(self.0.run(ROLES).await?.iter().map(item)))
    }

    async fn get(&self, _: &Cx, _: &Key, id: &str) -> Result<Option<Item>> {
        Ok(self.0.run(&format!("{ROLES} WHERE rolname = {}", escape_literal(id))).await?.first().map(item))
    }

    async fn create(&self, _: &Cx, key: &Key, write: &Write) -> Result<Item> {
        put(&self.0, "CREATE", key.name(), write).await
    }

    async fn update(&self, _: &Cx, _: &Key, id: &str, write: &Write) -> Result<Item> {
        put(&self.0, &format!("{}; ALTER", locked(id, write.expect.as_ref())), id, write).await
    }

    async fn delete(&self, _: &Cx, _: &Key, id: &str, expect: Option<&Version>) -> Result<()> {
        let statements = format!("{}; DROP ROLE {}", locked(id, expect), escape_identifier(id));
        self.0.run(&statements).await.map(drop)
    }
}

async fn put(client: &crate::Client, verb: &str, name: &str, write: &Write) -> Result<Item> {
    let options = write.decode::<Map<_, _>>()?.iter().map(option).collect::<Result<String>>()?;
    let (role, text, label) = (escape_identifier(name), escape_literal(name), escape_literal(&write.label));
    let comment = format!("COMMENT ON ROLE {role} IS {label}; {ROLES} WHERE rolname = {text}");
    let rows = client.run(&format!("{verb} ROLE {role}{options}; {comment}")).await?;
    rows.last().map(item).ok_or_else(|| Error::new(ErrorKind::Internal, "no row").outcome_unknown())
}

fn item(row: &tokio_postgres::SimpleQueryRow) -> Item {
    let of = |column| row.get(column).unwrap_or_default();
    let fields = serde_json::from_str(of(4)).map_or(Value::Null, Value::from_json);
    Item::new(of(1), of(1), fields).incarnation(of(0)).label(of(2)).version(of(3))
}

/// Keeps a role in this version until the end of the transaction; an error (22012) if it is in another one.
fn locked(name: &str, version: Option<&Version>) -> String {
    let (name, version) = (escape_literal(name), escape_literal(version.map_or("", Version::as_str)));
    let found = format!("{ROLES} WHERE rolname = {name} AND concat(a.xmin, '.', d.xmin) = {version}");
    format!("SELECT 1 / count(*) FROM ({found} FOR UPDATE OF a) AS found")
}

fn option((name, value): (&String, &Json)) -> Result<String> {
    Ok(match (name.as_str(), value) {
        ("login" | "createDb", Json::Bool(on)) => format!(" {}{name}", if *on { "" } else { "NO" }),
        ("connectionLimit", Json::Number(limit)) => format!(" CONNECTION LIMIT {limit}"),
        ("password", Json::Null) => " PASSWORD NULL".to_owned(),
        ("password", Json::String(text)) => format!(" PASSWORD '{}'", scram_sha_256(text.as_bytes())),
        _ => return Err(Error::new(ErrorKind::Invalid, format!("a role has no such field: {name}"))),
    })
}
