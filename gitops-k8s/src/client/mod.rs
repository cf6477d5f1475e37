//! One cluster, reached as one identity: requests, discovery, schemas, limits.

pub(crate) mod cluster;
pub(crate) mod kinds;
pub(crate) mod schema;
pub(crate) mod tenancy;
pub(crate) mod warnings;
