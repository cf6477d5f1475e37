//! What the kit may do behind the model's back.

use gitops_core::conformance::{Fault, Outside};
use gitops_core::*;

use super::Model;
use super::server::Item;

impl Model {
    fn touch(&self, key: &Key, touch: impl FnOnce(&mut Item)) -> Result<()> {
        let mut server = self.server();
        let item = server
            .items
            .get_mut(&self.slot(key))
            .ok_or_else(|| Error::new(ErrorKind::NotFound, "no such item"))?;
        touch(item);
        Ok(())
    }
}

#[async_trait]
impl Outside for Model {
    async fn edit(&self, key: &Key, body: Option<&Value>) -> Result<()> {
        let mut server = self.server();
        let version = server.next_version();
        match (body, server.items.get_mut(&self.slot(key))) {
            (None, _) => drop(server.items.remove(&self.slot(key))),
            (Some(body), Some(item)) => {
                (item.body, item.version, item.is_edited) = (body.clone(), version, true);
            }
            (Some(body), None) => {
                let item = server.new_item(key, body.clone(), None, "");
                server.items.insert(self.slot(key), item);
            }
        }
        drop(server);
        if !self.is("C65") {
            self.tell(key);
        }
        Ok(())
    }

    async fn add_field(&self, key: &Key) -> Result<()> {
        self.touch(key, |item| item.has_extra = true)
    }

    async fn has_field(&self, key: &Key) -> Result<bool> {
        Ok(self.server().items.get(&self.slot(key)).is_some_and(|item| item.has_extra))
    }

    async fn copy_owner_label(&self, from: &Key, to: &Key) -> Result<()> {
        let mut server = self.server();
        let original = server.items.get(&self.slot(from)).cloned().unwrap();
        let mut copy = server.new_item(to, original.body, original.owner, &original.op);
        if self.is("C56") {
            copy.uid = original.uid;
        }
        server.items.insert(self.slot(to), copy);
        Ok(())
    }

    async fn damage(&self, key: &Key) -> Result<()> {
        self.touch(key, |item| item.is_damaged = true)
    }

    async fn hold(&self, key: &Key) -> Result<()> {
        self.touch(key, |item| item.is_held = true)
    }

    async fn release(&self, key: &Key) -> Result<()> {
        if !self.is("C37") {
            self.server().items.remove(&self.slot(key));
        }
        Ok(())
    }

    async fn fault(&self, fault: Fault) -> Result<()> {
        self.server().requests = Some(fault);
        Ok(())
    }

    async fn fault_at(&self, passing: usize, fault: Fault) -> Result<()> {
        self.server().one_request = Some((passing, fault));
        Ok(())
    }

    async fn fault_later_pages(&self, fault: Fault) -> Result<()> {
        self.server().fault_of_later_pages = Some(fault);
        Ok(())
    }

    async fn later_pages(&self) -> Result<usize> {
        Ok(self.server().later_pages)
    }

    async fn landed(&self) -> Result<()> {
        let late = std::mem::take(&mut self.server().late);
        for change in late.into_values() {
            self.change(&change).await?;
        }
        Ok(())
    }

    async fn mend(&self) -> Result<()> {
        self.server().requests = None;
        self.server().one_request = None;
        self.server().fault_of_later_pages = None;
        Ok(())
    }
}
