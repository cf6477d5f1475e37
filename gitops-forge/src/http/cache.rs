//! Answers that are kept, so that an unchanged one is not sent again.

use std::collections::BTreeMap;

use http::HeaderValue;

use super::Answer;

/// Answers by URL, the least lately used of which go when there are too many bytes.
pub(crate) struct Cache {
    limit: usize,
    bytes: usize,
    tick: u64,
    kept: BTreeMap<String, Kept>,
}

struct Kept {
    tag: HeaderValue,
    answer: Answer,
    used: u64,
}

impl Cache {
    pub fn new(limit: usize) -> Self {
        Self { limit, bytes: 0, tick: 0, kept: BTreeMap::new() }
    }

    /// The tag of the answer that is kept of a URL.
    pub fn tag(&self, url: &str) -> Option<HeaderValue> {
        self.kept.get(url).map(|kept| kept.tag.clone())
    }

    /// The answer that is kept of a URL, used now.
    pub fn take(&mut self, url: &str) -> Option<Answer> {
        self.tick += 1;
        let kept = self.kept.get_mut(url)?;
        kept.used = self.tick;
        Some(kept.answer.clone())
    }

    /// Keeps an answer that has a tag.
    pub fn put(&mut self, url: &str, answer: &Answer) {
        self.forget(url);
        let Some(tag) = answer.headers.get(http::header::ETAG).cloned() else { return };
        let size = size(url, answer);
        if size > self.limit / 4 {
            return;
        }
        self.tick += 1;
        self.bytes += size;
        self.kept.insert(url.to_owned(), Kept { tag, answer: answer.clone(), used: self.tick });
        while self.bytes > self.limit {
            let oldest = self.kept.iter().min_by_key(|(_, kept)| kept.used).map(|(url, _)| url.clone());
            self.forget(&oldest.expect("what has bytes has an entry"));
        }
    }

    fn forget(&mut self, url: &str) {
        if let Some(kept) = self.kept.remove(url) {
            self.bytes -= size(url, &kept.answer);
        }
    }
}

/// About how many bytes an answer keeps occupied.
fn size(url: &str, answer: &Answer) -> usize {
    let headers: usize = answer.headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    url.len() + headers + answer.body.len() + 256
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, StatusCode};

    use super::*;

    fn answer(bytes: usize) -> Answer {
        let headers = HeaderMap::from_iter([(http::header::ETAG, HeaderValue::from_static("\"1\""))]);
        Answer { status: StatusCode::OK, headers, body: vec![b'a'; bytes].into() }
    }

    #[test]
    fn it_is_bounded_and_keeps_what_was_used_last() {
        let mut cache = Cache::new(10_000);
        for url in ["a", "b", "c", "d", "e", "f"] {
            cache.put(url, &answer(1500));
            assert!(cache.take("a").is_some() && cache.bytes <= 10_000);
        }
        assert!(cache.tag("b").is_none() && cache.tag("f").is_some());
        cache.put("huge", &answer(9_000));
        assert!(cache.tag("huge").is_none() && cache.tag("a").is_some());
        for _ in 0..100 {
            cache.put("a", &answer(1));
        }
        assert!(cache.bytes < 9_000);
    }
}
