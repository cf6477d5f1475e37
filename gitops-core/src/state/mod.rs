//! What an application must not forget: records, the journal that keeps them, the inventory that is their sum, stores, the
//! audit log, leases.

pub(crate) mod approval;
pub mod audit;
pub(crate) mod inventory;
pub mod journal;
pub(crate) mod lease;
pub mod record;
pub(crate) mod store;
