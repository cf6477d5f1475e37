//! The first try.

use gitops_core::backend::service::{Item, Page, Query, Service, ServiceInfo, Write};
use gitops_core::prelude::*;

use crate::client::{Client, Flag};

/// The flags of the service.
pub struct Flags(pub Client);

fn item(flag: &Flag) -> Item {
    Item::new(&flag.name, &flag.name, flag.fields.clone()).label(&flag.label)
}

#[async_trait]
impl Service for Flags {
    fn info(&self) -> ServiceInfo {
        ServiceInfo::new("flags", "Flag").named()
    }

    async fn list(&self, _: &Cx, _: &Query) -> Result<Page> {
        Ok(Page::last(self.0.all().iter().map(item)))
    }

    async fn get(&self, _: &Cx, _: &Key, id: &str) -> Result<Option<Item>> {
        Ok(self.0.get(id).as_ref().map(item))
    }

    async fn create(&self, cx: &Cx, key: &Key, write: &Write) -> Result<Item> {
        self.update(cx, key, key.name(), write).await
    }

    async fn update(&self, _: &Cx, key: &Key, id: &str, write: &Write) -> Result<Item> {
        let written = self.0.put(id, &write.whole, &write.label, |_| true);
        written.as_ref().map(item).ok_or_else(|| Error::conflict(key))
    }

    async fn delete(&self, _: &Cx, _: &Key, id: &str, _: Option<&Version>) -> Result<()> {
        self.0.remove(id, |_| true);
        Ok(())
    }
}
