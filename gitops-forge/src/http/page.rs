//! Lists that come in pages.

use gitops_core::{Cx, Error, ErrorKind, Result};
use serde::de::DeserializeOwned;

use super::{Answer, Ask, Client};
use crate::fault::over_limit;

/// How a forge pages.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Paging {
    /// The parameter of how many items a page has.
    pub parameter: &'static str,
    pub size: usize,
    /// Whether a page with fewer items, and no word of a next one, is the last one. A forge that may cap the size is asked
    /// for the next page until one is empty.
    pub short_is_last: bool,
}

impl Client {
    /// The whole list of a call.
    pub async fn list<T: DeserializeOwned>(&self, cx: &Cx, ask: &Ask, paging: Paging) -> Result<Vec<T>> {
        self.list_in(cx, ask, paging, |items: Vec<T>| items).await
    }

    /// The beginning of the list of a call, up to the first item that is not wanted: what comes after it is not asked for.
    pub async fn list_while<T: DeserializeOwned>(
        &self,
        cx: &Cx,
        ask: &Ask,
        paging: Paging,
        is_wanted: impl Fn(&T) -> bool,
    ) -> Result<Vec<T>> {
        self.pages(cx, ask, paging, |items: Vec<T>| items, is_wanted).await
    }

    /// The whole list of a call whose pages hold the items in something.
    ///
    /// A list that can't be read to its end is an error, never a shorter list.
    pub async fn list_in<P: DeserializeOwned, T>(
        &self,
        cx: &Cx,
        ask: &Ask,
        paging: Paging,
        items: impl Fn(P) -> Vec<T>,
    ) -> Result<Vec<T>> {
        self.pages(cx, ask, paging, items, |_| true).await
    }

    async fn pages<P: DeserializeOwned, T>(
        &self,
        cx: &Cx,
        ask: &Ask,
        paging: Paging,
        items: impl Fn(P) -> Vec<T>,
        is_wanted: impl Fn(&T) -> bool,
    ) -> Result<Vec<T>> {
        let sized = ask.clone().query(paging.parameter, paging.size);
        let mut url = self.base().url(&sized.target());
        let mut found = Vec::new();
        for page in 1..=self.limits().pages {
            let answer = self.call_at(cx, ask, url).await?;
            let items = items(answer.json(ask)?);
            let count = items.len();
            let before = found.len();
            found.extend(items.into_iter().take_while(&is_wanted));
            if found.len() < before + count {
                return Ok(found);
            }
            url = match next(&answer, paging, count, found.len()) {
                Next::End => return Ok(found),
                Next::Link(link) => self.own(ask, &link)?,
                Next::Number => self.base().url(&sized.clone().query("page", page + 1).target()),
            };
        }
        Err(over_limit("a list of the forge has too many pages", "pages", self.limits().pages)
            .with("route", ask.route))
    }

    /// The next page, under the path that was asked: a forge writes links with the host that it believes to have, and a
    /// link to somebody else would be sent the token.
    fn own(&self, ask: &Ask, link: &str) -> Result<String> {
        let query = link.split_once('?').map(|(_, query)| query.split('#').next().unwrap_or_default());
        query.map(|query| self.base().url(&format!("{}?{query}", ask.path()))).ok_or_else(|| {
            Error::new(ErrorKind::Unsupported, "the link to the next page of a list has no query")
                .with("route", ask.route)
        })
    }
}

enum Next {
    End,
    Link(String),
    Number,
}

fn next(answer: &Answer, paging: Paging, count: usize, so_far: usize) -> Next {
    if let Some(links) = answer.header("link") {
        return link(links).map_or(Next::End, Next::Link);
    }
    if let Some(total) = answer.number::<usize>("x-total-count") {
        return if so_far >= total || count == 0 { Next::End } else { Next::Number };
    }
    match count == 0 || (paging.short_is_last && count < paging.size) {
        true => Next::End,
        false => Next::Number,
    }
}

/// The URL of the next page in a header such as `<https://…?page=2>; rel="next", <…>; rel="last"`.
fn link(links: &str) -> Option<String> {
    links.split('<').skip(1).find_map(|link| {
        let (url, rest) = link.split_once('>')?;
        let parameters = rest.split(['<', ',']).next().unwrap_or_default();
        let is_next = parameters.split(';').any(|parameter| {
            matches!(parameter.trim().split_once('='), Some(("rel", value)) if value.trim_matches('"') == "next")
        });
        is_next.then(|| url.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::link;

    #[test]
    fn the_next_page_is_found() {
        let links = r#"<https://a/b?page=1,2>; rel="prev", <https://a/b?page=3>; rel="next", <https://a/b?page=9>; rel="last""#;
        assert_eq!(link(links).as_deref(), Some("https://a/b?page=3"));
        assert_eq!(link(r#"<https://a/b?page=1>; rel="last""#), None);
        assert_eq!(link("<https://a/b>; rel=next").as_deref(), Some("https://a/b"));
    }

    proptest! {
        #[test]
        fn any_header_is_read(text: String) {
            let _ = link(&text);
        }
    }
}
