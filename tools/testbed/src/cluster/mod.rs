mod admin;
mod api_server;
mod audit;
mod controllers;
mod proxy;
mod servers;
mod webhook;

pub use admin::{Admin, collection_of};
pub use api_server::{ApiServer, User};
pub use audit::Request;
pub use proxy::{Fault, FaultProxy};
pub use webhook::{Answer, Webhook};
