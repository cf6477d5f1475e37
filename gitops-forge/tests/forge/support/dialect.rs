//! What the stood-in forges have in common.

use std::future::Future;

use gitops_core::{Error, ErrorKind, Result};
use serde_json::{Value, json};

use super::{Answered, Asked};

/// The answer of something that may fail.
pub async fn answered(done: impl Future<Output = Result<Answered>>) -> Answered {
    done.await.unwrap_or_else(|error| refusal(&error))
}

fn refusal(error: &Error) -> Answered {
    let status = match error.kind() {
        ErrorKind::NotFound => 404,
        ErrorKind::Conflict => 409,
        ErrorKind::Limit | ErrorKind::Invalid => 422,
        _ => 500,
    };
    Answered::json(status, json!({"message": error.message()}))
}

/// How a forge pages.
pub struct Pages {
    pub parameter: &'static str,
    /// The most items of a page, whatever is asked for.
    pub most: usize,
    pub has_total: bool,
    pub has_links: bool,
}

impl Pages {
    /// One page of a list; `wrap` makes the body of it.
    pub fn of(&self, asked: &Asked, items: Vec<Value>, wrap: impl Fn(Vec<Value>) -> Value) -> Answered {
        let number =
            |name: &str, usual| asked.query.get(name).and_then(|text| text.parse().ok()).unwrap_or(usual);
        let size = number(self.parameter, 30usize).clamp(1, self.most);
        let page = number("page", 1usize);
        let total = items.len();
        let shown: Vec<_> = items.into_iter().skip((page - 1) * size).take(size).collect();
        let mut answer = Answered::json(200, wrap(shown));
        if self.has_total {
            answer = answer.header("x-total-count", total.to_string());
        }
        if self.has_links && page * size < total {
            let next = asked
                .target
                .split('&')
                .filter(|part| !part.starts_with("page="))
                .collect::<Vec<_>>()
                .join("&");
            // A forge writes the host that it believes to have.
            let link = format!("<https://forge.internal{next}&page={}>; rel=\"next\"", page + 1);
            answer = answer.header("link", link);
        }
        answer
    }
}

/// A number out of a part of a path.
pub fn number<T: std::str::FromStr>(part: &str) -> Result<T> {
    part.parse().map_err(|_| Error::new(ErrorKind::NotFound, "no number"))
}

/// A text of a body.
pub fn text(body: &Value, name: &str) -> String {
    body[name].as_str().unwrap_or_default().to_owned()
}
