//! Version 2 of Git's protocol, as far as one question needs it: the pack of one commit, for who has some others.
//!
//! ```text
//! server: version 2, its capabilities, flush
//! we:     command=fetch, delimiter, ofs-delta …, want ID, have ID …, done, flush
//! server: "packfile", the pack in bands, flush
//! ```
//! Everything is said at once, so one exchange is enough and no reference is listed. The pack is not looked at here:
//! it is handed on to `git index-pack`, which checks it.

mod answer;
mod line;
mod request;

pub(crate) use answer::{Answer, Talk};
pub(crate) use request::Request;
