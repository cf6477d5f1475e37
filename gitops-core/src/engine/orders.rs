//! What people ordered for an application until further notice: the document that every process reads.

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use super::{Engine, Pin, Suspension};
use crate::cx::Cx;
use crate::state::store::Document;
use crate::value::{Error, ErrorKind, Result, Version, owner};

/// The document's name, from when it held a pin only.
const DOCUMENT: &str = "pin";

/// What people ordered until further notice.
#[derive(Default)]
pub(super) struct Orders {
    pub pin: Option<Pin>,
    pub suspension: Option<Suspension>,
}

/// The stored form: a document once written is replaced, never removed, so that its version goes on.
#[derive(Default, Serialize, Deserialize)]
struct StoredOrders {
    /// The label of the owner that it belongs to; nothing in a document of an older version.
    #[serde(default)]
    owner: Option<SmolStr>,
    pin: Option<Pin>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    suspension: Option<Suspension>,
}

impl Engine {
    pub(super) async fn orders(&self, cx: &Cx) -> Result<Orders> {
        let orders = self.load_orders(cx).await?.0;
        self.tell_of_orders(&orders);
        Ok(orders)
    }

    /// What is ordered is told as soon as it is known, whatever keeps the source or a target from answering.
    fn tell_of_orders(&self, Orders { pin, suspension }: &Orders) {
        let status = self.shared.status();
        if (&status.pinned, &status.suspended) != (pin, suspension) {
            self.shared.tell(|status| (status.pinned, status.suspended) = (pin.clone(), suspension.clone()));
        }
    }

    /// Changes what is ordered.
    pub(super) async fn store_orders(&self, cx: &Cx, change: impl FnOnce(&mut Orders)) -> Result<()> {
        let (mut orders, version) = self.load_orders(cx).await?;
        change(&mut orders);
        let (pin, suspension) = (orders.pin.clone(), orders.suspension.clone());
        let stored = StoredOrders { owner: Some(self.inventory().owner().clone()), pin, suspension };
        let document = Document { epoch: self.ledger.epoch(), bytes: serde_json::to_vec(&stored)? };
        self.ledger.store().swap(cx, DOCUMENT, version.as_ref(), document).await?;
        self.tell_of_orders(&orders);
        Ok(())
    }

    async fn load_orders(&self, cx: &Cx) -> Result<(Orders, Option<Version>)> {
        let Some(stored) = self.ledger.store().load(cx, DOCUMENT).await.map_err(Error::of_state)? else {
            return Ok((Orders::default(), None));
        };
        let orders =
            serde_json::from_slice(&stored.document.bytes).map_err(|error| Error::from(error).of_state());
        let StoredOrders { owner, pin, suspension } = orders?;
        match owner.filter(|owner| !owner::is_same(owner, self.inventory().owner())) {
            None => Ok((Orders { pin, suspension }, Some(stored.version))),
            Some(other) => Err(of_another(&other)),
        }
    }
}

fn of_another(owner: &str) -> Error {
    let message = format!("the pin in the state belongs to `{owner}`, which is another owner");
    Error::new(ErrorKind::NotOwned, message)
        .with("document", DOCUMENT)
        .help("put the whole state back from one backup: its documents do not belong together")
}
