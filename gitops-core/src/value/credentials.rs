//! Hides what looks like a credential although nobody marked it as a secret: in an annotation, a variable of a container, a URL, a
//! commit's message, the words of a tool.

use std::borrow::Cow;

use super::redact::HIDDEN;

/// What tokens of well-known services begin with, and how many characters follow at least. In two parts, so that no file looks as if it had one.
const TOKENS: [(&str, usize); 28] = [
    (concat!("gh", "p_"), 20),
    (concat!("gh", "o_"), 20),
    (concat!("gh", "u_"), 20),
    (concat!("gh", "s_"), 20),
    (concat!("gh", "r_"), 20),
    (concat!("gi", "thub_pat_"), 20),
    (concat!("gl", "pat-"), 16),
    (concat!("gl", "rt-"), 16),
    (concat!("gl", "dt-"), 16),
    (concat!("xo", "xb-"), 16),
    (concat!("xo", "xp-"), 16),
    (concat!("xo", "xa-"), 16),
    (concat!("xa", "pp-"), 16),
    (concat!("AK", "IA"), 16),
    (concat!("AS", "IA"), 16),
    (concat!("AI", "za"), 30),
    (concat!("sk", "_live_"), 16),
    (concat!("rk", "_live_"), 16),
    ("sk-ant-", 16),
    ("sk-proj-", 16),
    (concat!("np", "m_"), 30),
    ("pypi-", 30),
    ("dckr_pat_", 16),
    ("dop_v1_", 30),
    ("hvs.", 20),
    ("hvb.", 20),
    ("SG.", 40),
    ("eyJ", 30),
];

/// The ends of names whose values are credentials, in lower case and without marks between words.
const NAMES: [&str; 12] = [
    "password",
    "passwd",
    "passphrase",
    "token",
    "apikey",
    "accesskey",
    "secretkey",
    "privatekey",
    "clientsecret",
    "credential",
    "credentials",
    "connectionstring",
];

/// The same for variables of programs, whose names refer to nothing else.
const OF_VARIABLES: [&str; 3] = ["secret", "pwd", "dsn"];

const KEY: &str = "-----BEGIN ";

/// Whether a field of this name holds a credential, if it holds a text.
pub(crate) fn is_name(name: &str) -> bool {
    let name = plain(name);
    NAMES.iter().any(|end| name.ends_with(end))
}

/// The same of a variable of a program.
pub(crate) fn is_variable(name: &str) -> bool {
    let name = plain(name);
    NAMES.iter().chain(&OF_VARIABLES).any(|end| name.ends_with(end))
}

fn plain(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

/// A text without what looks like a credential: tokens of well-known services, private keys, passwords in URLs, and what is given to
/// a name that says it (`password=…`).
///
/// ```
/// use gitops_core::redact::credentials;
/// assert_eq!(credentials("at https://me:hunter2@db:5432/x?a=b"), "at https://me:(sensitive)@db:5432/x?a=b");
/// assert_eq!(credentials("run with DB_PASSWORD=hunter2 now"), "run with DB_PASSWORD=(sensitive) now");
/// assert_eq!(credentials("nothing: of@that"), "nothing: of@that");
/// ```
pub fn credentials(text: &str) -> Cow<'_, str> {
    let might = text.contains("://")
        || text.contains('=')
        || text.contains(KEY)
        || TOKENS.iter().any(|(begin, _)| text.contains(begin));
    if !might {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let (mut at, mut copied) = (0, 0);
    while at < text.len() {
        match found(text, at) {
            Some((start, end)) => {
                out += &text[copied..start];
                out += HIDDEN;
                (at, copied) = (end, end);
            }
            None => at += text[at..].chars().next().map_or(1, char::len_utf8),
        }
    }
    match copied {
        0 => Cow::Borrowed(text),
        _ => Cow::Owned(out + &text[copied..]),
    }
}

/// Where a credential begins and ends that begins at a place, or whose name or URL does.
fn found(text: &str, at: usize) -> Option<(usize, usize)> {
    let rest = &text[at..];
    match rest.as_bytes().first()? {
        b'-' => key(rest).map(|end| (at, at + end)),
        b':' => password(rest).map(|(start, end)| (at + start, at + end)),
        b'=' => given(text, at),
        byte if byte.is_ascii_alphanumeric() && is_start(text, at) => token(rest).map(|end| (at, at + end)),
        _ => None,
    }
}

fn is_start(text: &str, at: usize) -> bool {
    !text[..at].chars().next_back().is_some_and(|before| before.is_ascii_alphanumeric() || before == '_')
}

fn is_of_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.')
}

fn token(rest: &str) -> Option<usize> {
    let (begin, least) = TOKENS.iter().find(|(begin, _)| rest.starts_with(begin))?;
    let more = rest.bytes().skip(begin.len()).take_while(|byte| is_of_token(*byte)).count();
    // Of what begins like the JSON of a token, only what has its three parts is one.
    let is_whole = *begin != "eyJ" || rest[..begin.len() + more].matches('.').count() == 2;
    (more >= *least && is_whole).then_some(begin.len() + more)
}

/// A private key, up to its last line or the end of the text.
fn key(rest: &str) -> Option<usize> {
    let after = rest.strip_prefix(KEY)?;
    let title = after.split("-----").next()?;
    if !title.ends_with("PRIVATE KEY") || title.len() > 40 {
        return None;
    }
    let last = format!("-----END {title}-----");
    Some(rest.find(&last).map_or(rest.len(), |at| at + last.len()))
}

/// The password of a URL, from its `://`.
fn password(rest: &str) -> Option<(usize, usize)> {
    let authority = rest.strip_prefix("://")?;
    let authority = authority.split(['/', '?', '#', ' ', '\t', '\n', '"', '\'', '<', '>', '`']).next()?;
    let (user, _) = authority.rsplit_once('@')?;
    let start = match user.split_once(':') {
        Some((name, _)) => name.len() + 1,
        // A token alone, as some forges have it.
        None => (user.len() >= 16).then_some(0)?,
    };
    (start < user.len()).then_some((3 + start, 3 + user.len()))
}

/// What is given to a name that says that it is a credential.
fn given(text: &str, at: usize) -> Option<(usize, usize)> {
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let name_at = text[..at]
        .rfind(|c: char| !is_of_name(c))
        .map_or(0, |before| before + text[before..].chars().next().map_or(1, char::len_utf8));
    if !is_variable(&text[name_at..at]) {
        return None;
    }
    let value = &text[at + 1..];
    let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''));
    let start = at + 1 + usize::from(quote.is_some());
    let rest = &text[start..];
    let end = match quote {
        Some(quote) => rest.find(quote).unwrap_or(rest.len()),
        None => rest.find(|c: char| c.is_whitespace() || "\"'`,;&)<>|".contains(c)).unwrap_or(rest.len()),
    };
    let is_hidden = rest.starts_with(HIDDEN.trim_end_matches(')'));
    (end > 0 && !is_hidden).then_some((start, start + end))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Made here, so that no file has one.
    fn token(begin: &str) -> String {
        format!("{begin}{}", "a1B2".repeat(12))
    }

    #[test]
    fn what_looks_like_a_credential_is_hidden_and_its_surroundings_are_not() {
        for begin in [
            concat!("gh", "p_"),
            concat!("gl", "pat-"),
            concat!("AK", "IA"),
            concat!("sk", "_live_"),
            "hvs.",
            concat!("xo", "xb-"),
        ] {
            let text = format!("before \"{}\", after", token(begin));
            assert_eq!(credentials(&text), "before \"(sensitive)\", after", "{begin}");
        }
        let three = format!("eyJ{0}.{0}.{0}", "a1B2".repeat(4));
        assert_eq!(credentials(&format!("Bearer {three}\n")), "Bearer (sensitive)\n");
        let key = format!("{KEY}RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY-----\nrest");
        assert_eq!(credentials(&key), "(sensitive)\nrest");
        let cut = format!("x {KEY}PRIVATE KEY-----\nabc");
        assert_eq!(credentials(&cut), "x (sensitive)");
        for (text, expected) in [
            ("https://me:pass:word@host/a and https://h/b", "https://me:(sensitive)@host/a and https://h/b"),
            ("https://0123456789abcdef0123@host", "https://(sensitive)@host"),
            ("git@host:a/b https://git@host/a", "git@host:a/b https://git@host/a"),
            (
                "postgres://u:p@h/d?sslmode=x&password=p2&a=b",
                "postgres://u:(sensitive)@h/d?sslmode=x&password=(sensitive)&a=b",
            ),
            ("API_KEY='a b' x", "API_KEY='(sensitive)' x"),
            ("token=(sensitive), token: bad, tokens=3", "token=(sensitive), token: bad, tokens=3"),
            ("short monkey=1 é=ü", "short monkey=1 é=ü"),
        ] {
            assert_eq!(credentials(text), expected);
        }
    }

    #[test]
    fn names_say_what_they_hold() {
        for name in
            ["password", "DB_PASSWORD", "example.org/api-token", "clientSecret", "AWS_SECRET_ACCESS_KEY"]
        {
            assert!(is_name(name), "{name}");
        }
        for name in ["secretName", "existingSecret", "tokenPath", "passwordRef", "key", "size"] {
            assert!(!is_name(name), "{name}");
        }
        assert!(is_variable("APP_SECRET") && !is_variable("SECRET_NAME"));
    }

    proptest! {
        #[test]
        fn hiding_never_fails_and_is_done_once(text in "[ -~é\n]{0,80}") {
            let once = credentials(&text).into_owned();
            prop_assert_eq!(credentials(&once), once.as_str());
        }

        #[test]
        fn a_planted_token_is_never_left(before in "[ -~]{0,20}", after in "[ -~]{0,20}") {
            let planted = token(concat!("gh", "p_"));
            let hidden = credentials(&format!("{before} {planted} {after}")).into_owned();
            prop_assert!(!hidden.contains(&planted), "{}", hidden);
        }
    }
}
