//! The one HTTP client of the adapters: what every forge's API has in common.

mod answer;
mod ask;
mod auth;
mod base;
mod cache;
mod client;
mod connection;
mod observe;
mod page;
mod patience;
mod refusal;
mod tls;
mod transport;

pub(crate) use answer::Answer;
pub(crate) use ask::Ask;
pub(crate) use auth::{Auth, Credential, StaticToken};
use base::Base;
pub(crate) use client::Client;
pub use connection::Connection;
pub use observe::{Call, CallObserver};
pub(crate) use page::Paging;
pub(crate) use refusal::refusal;
pub(crate) use transport::Transport;
