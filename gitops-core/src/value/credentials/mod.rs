//! Hides what looks like a credential although nobody marked it as a secret: in an annotation, a variable of a container, a URL, a
//! commit's message, the words of a tool.

mod address;
mod names;
mod shapes;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::ops::Range;

use super::redact::HIDDEN;
pub(crate) use names::{is_name, is_variable};

const KEY: &str = "-----BEGIN ";

/// A text without what looks like a credential: tokens of well-known services, private keys, passwords in addresses, and what is
/// given to a name that says it (`password=…`, `password: …`).
///
/// ```
/// use gitops_core::redact::credentials;
/// assert_eq!(credentials("at https://me:hunter2@db:5432/x?a=b"), "at https://me:(sensitive)@db:5432/x?a=b");
/// assert_eq!(credentials("run with DB_PASSWORD=hunter2 now"), "run with DB_PASSWORD=(sensitive) now");
/// assert_eq!(credentials("by the proxy me:hunter2@proxy:3128"), "by the proxy me:(sensitive)@proxy:3128");
/// assert_eq!(credentials("nothing: of@that"), "nothing: of@that");
/// ```
pub fn credentials(text: &str) -> Cow<'_, str> {
    without(text, found)
}

/// The same of a text that is at hand.
pub(crate) fn clear(text: String) -> String {
    match credentials(&text) {
        Cow::Borrowed(_) => text,
        Cow::Owned(text) => text,
    }
}

/// A document that was written without tokens of well-known services and private keys: they are so alike to nothing else that they
/// can be told wherever they stand, also as names of files, objects, branches and people. All other rules need what stands around.
///
/// ```
/// use gitops_core::redact::tokens;
/// assert_eq!(tokens("password=x"), "password=x");
/// ```
pub fn tokens(text: &str) -> Cow<'_, str> {
    without(text, |text, at| match text.as_bytes()[at] {
        b'-' => key_in_document(&text[at..]).map(|end| (at, at + end)),
        b'.' => shapes::around(text, at),
        byte if byte.is_ascii_alphanumeric() => token(text, at),
        _ => None,
    })
}

/// A line of a file, or several, for a picture, with another character for each one of what looks like a credential, so that all the rest stands
/// where it stood. Of URLs also users, and values of queries: nobody needs them to see what is wrong.
///
/// ```
/// use gitops_core::redact::line;
/// assert_eq!(line("url: https://me:pw@host/x?a=b"), "url: https://*****@host/x?***");
/// ```
pub fn line(text: &str) -> String {
    let mut hidden = vec![false; text.len()];
    for range in places(text, found).chain(address::parts(text)) {
        hidden[range].fill(true);
    }
    text.char_indices().map(|(at, c)| if c != '\n' && hidden[at] { '*' } else { c }).collect()
}

/// So much of a text is looked at around a place where more would be no name, address or title: otherwise whoever writes a text
/// would say how long it takes.
const NEAR: usize = 256;

/// The end of a text, and no more than is near.
fn near_end(text: &str) -> &str {
    let begin = text.len().saturating_sub(NEAR);
    let begin = (begin..=text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len());
    &text[begin..]
}

/// The beginning of a text, and no more than is near.
fn near(text: &str) -> &str {
    let end = text.len().min(NEAR);
    let end = (0..=end).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    &text[..end]
}

fn without(text: &str, found: fn(&str, usize) -> Option<(usize, usize)>) -> Cow<'_, str> {
    let (mut out, mut copied) = (String::new(), 0);
    for Range { start, end } in places(text, found) {
        out += &text[copied..start];
        out += HIDDEN;
        copied = end;
    }
    match copied {
        0 => Cow::Borrowed(text),
        _ => Cow::Owned(out + &text[copied..]),
    }
}

/// What is to be hidden of a text, in order. None begins before the end of the one before.
fn places(
    text: &str,
    found: fn(&str, usize) -> Option<(usize, usize)>,
) -> impl Iterator<Item = Range<usize>> + '_ {
    let (mut at, mut last) = (0, 0);
    std::iter::from_fn(move || {
        while at < text.len() {
            match found(text, at).filter(|(start, _)| *start >= last) {
                Some((start, end)) => {
                    (at, last) = (end, end);
                    return Some(start..end);
                }
                None => at += text[at..].chars().next().map_or(1, char::len_utf8),
            }
        }
        None
    })
}

/// Where a credential begins and ends that begins at a place, or whose name, address or middle does.
fn found(text: &str, at: usize) -> Option<(usize, usize)> {
    let rest = &text[at..];
    match rest.as_bytes().first()? {
        b'-' => key(rest).map(|end| (at, at + end)).or_else(|| names::option(text, at)),
        b':' => match address::of_url(rest) {
            Some((start, end)) => Some((at + start, at + end)),
            None => names::told(text, at),
        },
        b'=' => names::given(text, at),
        b'@' => address::without_scheme(text, at),
        b'.' => shapes::around(text, at),
        byte if byte.is_ascii_alphanumeric() => token(text, at).or_else(|| names::bearer(text, at)),
        _ => None,
    }
}

fn token(text: &str, at: usize) -> Option<(usize, usize)> {
    let length = shapes::is_start(text, at).then(|| shapes::token(&text[at..])).flatten()?;
    Some((at, at + length))
}

/// A private key, up to its last line or the end of the text.
fn key(rest: &str) -> Option<usize> {
    let after = rest.strip_prefix(KEY)?;
    let title = near(after).split("-----").next()?;
    if !(title.ends_with("PRIVATE KEY") || title.ends_with("PRIVATE KEY BLOCK")) || title.len() > 40 {
        return None;
    }
    let last = format!("-----END {title}-----");
    Some(rest.find(&last).map_or(rest.len(), |at| at + last.len()))
}

/// The same in a document: one that is cut ends with the string that it stands in.
fn key_in_document(rest: &str) -> Option<usize> {
    let end = key(rest)?;
    let is_whole = rest[..end].ends_with("-----");
    Some(if is_whole { end } else { rest.find(['"', '\n']).unwrap_or(end).min(end) })
}
