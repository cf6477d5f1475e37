//! The backend: records of a DNS service. The namespace of a key is its zone, the name is type and name: `A/www`.

use gitops_core::backend::service::{Item, Page, Query, Service, ServiceInfo, Write};
use gitops_core::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::Client;

/// A DNS service, reached through a client of its own.
pub struct Dns(pub Client);

/// A record as the service shows it; what else it shows is not managed.
#[derive(Serialize, Deserialize)]
struct Record {
    content: String,
    ttl: u32,
    comment: Option<String>,
}

fn item(json: &Json) -> Item {
    let (id, name) = (json["id"].as_str().unwrap_or_default(), json["name"].as_str().unwrap_or_default());
    match Record::deserialize(json) {
        Ok(record) => Item::encode(id, name, &record),
        Err(error) => Item::unreadable(id, name, error.to_string()),
    }
}

#[async_trait]
impl Service for Dns {
    fn info(&self) -> ServiceInfo {
        ServiceInfo::new("dns", "Record").defaults([("ttl", 3600.into())]).secret("updateKey")
    }

    async fn list(&self, _: &Cx, query: &Query) -> Result<Page> {
        let path = format!("/{}?page={}", query.namespace, query.page.as_deref().unwrap_or("1"));
        let list = self.0.ask("GET", &path, None).await?;
        let records = list["records"].as_array().into_iter().flatten();
        Ok(Page::last(records.map(item)).next(list["next"].as_str().map(str::to_owned)))
    }

    async fn get(&self, _: &Cx, key: &Key, id: &str) -> Result<Option<Item>> {
        match self.0.ask("GET", &format!("/{}/{id}", key.namespace()), None).await {
            Err(error) if error.is_not_found() => Ok(None),
            answer => Ok(Some(item(&answer?))),
        }
    }

    async fn create(&self, _: &Cx, key: &Key, write: &Write) -> Result<Item> {
        let mut body: Json = write.decode()?;
        body["name"] = key.name().into();
        Ok(item(&self.0.ask("POST", &format!("/{}", key.namespace()), Some(&body)).await?))
    }

    async fn update(&self, _: &Cx, key: &Key, id: &str, write: &Write) -> Result<Item> {
        let body = write.decode()?;
        Ok(item(&self.0.ask("PATCH", &format!("/{}/{id}", key.namespace()), Some(&body)).await?))
    }

    async fn delete(&self, _: &Cx, key: &Key, id: &str, _: Option<&Version>) -> Result<()> {
        self.0.ask("DELETE", &format!("/{}/{id}", key.namespace()), None).await.map(drop)
    }
}
