//! Feature flags as a target.

use gitops_core::backend::service::{Item, Page, Query, Service, ServiceInfo, Write};
use gitops_core::prelude::*;

use crate::client::{Client, Flag};

/// The flags of the service.
pub struct Flags(pub Client);

fn version(flag: &Flag) -> Version {
    Version::new(flag.version.to_string())
}

fn item(flag: &Flag) -> Item {
    let item = Item::new(&flag.name, &flag.name, flag.fields.clone()).label(&flag.label);
    item.version(flag.version).incarnation(flag.made)
}

#[async_trait]
impl Service for Flags {
    fn info(&self) -> ServiceInfo {
        ServiceInfo::new("flags", "Flag").named().conditional().defaults([("on", false.into())])
    }

    async fn list(&self, _: &Cx, _: &Query) -> Result<Page> {
        Ok(Page::last(self.0.all().iter().map(item)))
    }

    async fn get(&self, _: &Cx, _: &Key, id: &str) -> Result<Option<Item>> {
        Ok(self.0.get(id).as_ref().map(item))
    }

    async fn create(&self, _: &Cx, key: &Key, write: &Write) -> Result<Item> {
        let made = self.0.put(key.name(), &write.whole, &write.label, |found| found.is_none());
        made.as_ref().map(item).ok_or_else(|| Error::conflict(key))
    }

    async fn update(&self, _: &Cx, key: &Key, id: &str, write: &Write) -> Result<Item> {
        let is_expected = |found: Option<&Flag>| found.map(version) == write.expect;
        let written = self.0.put(id, &write.whole, &write.label, is_expected);
        written.as_ref().map(item).ok_or_else(|| Error::conflict(key))
    }

    async fn delete(&self, _: &Cx, key: &Key, id: &str, expect: Option<&Version>) -> Result<()> {
        match self.0.remove(id, |flag| Some(&version(flag)) == expect) {
            true => Ok(()),
            false => Err(Error::conflict(key)),
        }
    }
}
