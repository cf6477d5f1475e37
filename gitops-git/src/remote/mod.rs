//! What a repository has to offer: its branches and tags, asked for without fetching anything.

mod advertised;
mod local;
mod select;

pub(crate) use advertised::Advertised;
pub(crate) use local::{advertised as read_local, common_folder};
pub(crate) use select::{named, newest};
