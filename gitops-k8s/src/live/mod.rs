//! What is there: objects as the server has them, whose fields they are, how they do, and how they are followed.

pub(crate) mod application;
pub(crate) mod clients;
pub(crate) mod events;
pub(crate) mod fields;
pub(crate) mod follow;
pub(crate) mod health;
pub(crate) mod ignore;
pub(crate) mod list;
pub(crate) mod object;
pub(crate) mod observe;
pub(crate) mod outputs;
pub(crate) mod owner_label;
pub(crate) mod told;
pub(crate) mod walk;
pub(crate) mod watch;
