use std::path::{Component, Path, PathBuf};

use gitops_core::{Error, ErrorKind, Result};

use super::{GitUrl, Transport};
use crate::fault::{invalid, shown};

const MAX_BYTES: usize = 4096;

pub(super) fn url(text: &str) -> Result<GitUrl> {
    check_text(text)?;
    if let Some((scheme, rest)) = text.split_once("://") {
        return with_scheme(text, &scheme.to_ascii_lowercase(), rest);
    }
    if let Some((helper, _)) = text.split_once("::").filter(|(helper, _)| is_word(helper)) {
        return Err(unsupported(text, &format!("{helper}::")));
    }
    match text.split_once(':').filter(|(host, _)| !host.contains('/')) {
        Some((authority, path)) => scp_like(authority, path).map_err(|fault| refused(text, fault)),
        None => folder(PathBuf::from(text)),
    }
}

/// A folder of this machine, its path without `.` and with `..` as written.
pub(super) fn folder(path: PathBuf) -> Result<GitUrl> {
    let clean: PathBuf = path.components().filter(|part| *part != Component::CurDir).collect();
    let Some(text) = clean.to_str() else {
        return Err(invalid(format!("the path `{}` is not UTF-8", shown(&path.to_string_lossy(), 200))));
    };
    check_text(if text.is_empty() { "." } else { text })?;
    let address = match clean.is_absolute() {
        true => text.to_owned(),
        false => format!("./{text}"),
    };
    Ok(GitUrl { address, transport: Transport::Local(clean) })
}

fn check_text(text: &str) -> Result<()> {
    let fault = match text {
        "" => "it is empty",
        _ if text.len() > MAX_BYTES => "it is longer than 4,096 bytes",
        _ if text.starts_with('-') => "it begins with `-`, as an option does",
        _ if text.contains(char::is_control) => "it holds a control character",
        _ => return Ok(()),
    };
    Err(refused(text, fault))
}

fn with_scheme(text: &str, scheme: &str, rest: &str) -> Result<GitUrl> {
    let parsed = match scheme {
        "file" => return file(rest).map_err(|fault| refused(text, fault)).and_then(folder),
        "https" | "http" => http(scheme, rest),
        "ssh" | "git+ssh" | "ssh+git" => ssh(rest),
        _ => return Err(unsupported(text, &format!("{scheme}://"))),
    };
    parsed.map_err(|fault| refused(text, fault))
}

type Parsed<T> = std::result::Result<T, &'static str>;

fn file(rest: &str) -> Parsed<PathBuf> {
    let path = rest.strip_prefix("localhost").unwrap_or(rest);
    let decoded = decode(path)?;
    match decoded.starts_with('/') {
        true => Ok(Path::new(&decoded).to_owned()),
        false => Err("a file URL has three slashes and an absolute path, as `file:///srv/site.git`"),
    }
}

fn http(scheme: &str, rest: &str) -> Parsed<GitUrl> {
    let (authority, path) = rest.split_once('/').ok_or("the path of the repository is missing")?;
    if authority.contains('@') {
        return Err("user and password belong into the credentials, not into the URL");
    }
    let authority = Authority::parse(authority)?;
    decode(path)?;
    if path.contains([' ', '#', '?']) {
        return Err("the path holds a space, `#` or `?`");
    }
    let secure = scheme == "https";
    let port = authority.port.filter(|port| *port != if secure { 443 } else { 80 });
    let port = port.map(|port| format!(":{port}")).unwrap_or_default();
    let address = format!("{scheme}://{}{port}/{}", authority.host, path.trim_end_matches('/'));
    Ok(GitUrl { address, transport: Transport::Http { secure, host: authority.host } })
}

fn ssh(rest: &str) -> Parsed<GitUrl> {
    let (authority, path) = rest.split_once('/').ok_or("the path of the repository is missing")?;
    let Authority { user, host, port } = Authority::parse(authority)?;
    let path = path.trim_end_matches('/');
    let decoded = decode(path)?;
    if decoded.trim_matches('/').is_empty() {
        return Err("the path of the repository is missing");
    }
    let user = user.map(|user| format!("{user}@")).unwrap_or_default();
    let port = port.filter(|port| *port != 22);
    let shown_port = port.map(|port| format!(":{port}")).unwrap_or_default();
    let address = format!("ssh://{user}{host}{shown_port}/{path}");
    // A home folder is written `/~user`, and is no path below the root.
    let path = if decoded.starts_with('~') { decoded } else { format!("/{decoded}") };
    Ok(GitUrl { address, transport: Transport::Ssh { host: format!("{user}{}", bare(&host)), port, path } })
}

fn scp_like(authority: &str, path: &str) -> Parsed<GitUrl> {
    let Authority { user, host, .. } = Authority::parse(authority)?;
    if path.trim_matches('/').is_empty() || path.starts_with('-') {
        return Err("the path of the repository is missing or begins with `-`");
    }
    let user = user.map(|user| format!("{user}@")).unwrap_or_default();
    let path = path.trim_end_matches('/').to_owned();
    let address = format!("{user}{host}:{path}");
    let host = format!("{user}{}", bare(&host));
    Ok(GitUrl { address, transport: Transport::Ssh { host, port: None, path } })
}

/// A host without the brackets of an IPv6 address.
fn bare(host: &str) -> &str {
    host.trim_start_matches('[').trim_end_matches(']')
}

/// User, host and port.
struct Authority {
    user: Option<String>,
    host: String,
    port: Option<u16>,
}

impl Authority {
    fn parse(text: &str) -> Parsed<Self> {
        let (user, place) = match text.rsplit_once('@') {
            Some((user, place)) => (Some(user), place),
            None => (None, text),
        };
        let (host, port) = match place.rsplit_once(':').filter(|_| !place.ends_with(']')) {
            Some((host, port)) => (host, Some(port)),
            None => (place, None),
        };
        Ok(Self {
            user: user.map(check_user).transpose()?,
            host: check_host(host)?,
            port: port.map(check_port).transpose()?,
        })
    }
}

fn check_user(user: &str) -> Parsed<String> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.+$".contains(c);
    match user {
        _ if user.contains(':') => Err("a password belongs into the credentials, not into the URL"),
        _ if user.starts_with('-') => Err("the user begins with `-`, as an option does"),
        _ if user.is_empty() || !user.chars().all(is_plain) => {
            Err("the user is empty or holds an odd character")
        }
        _ => Ok(user.to_owned()),
    }
}

fn check_host(host: &str) -> Parsed<String> {
    let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let is_name = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let good = match address {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => !host.is_empty() && !host.starts_with('-') && host.chars().all(is_name),
    };
    match good {
        true => Ok(host.to_ascii_lowercase()),
        false => Err("the host is empty, begins with `-` or holds an odd character"),
    }
}

fn check_port(port: &str) -> Parsed<u16> {
    let digits = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    port.parse().ok().filter(|port| digits && *port > 0).ok_or("the port is not a number from 1 to 65,535")
}

/// Decodes `%20` and the like.
fn decode(text: &str) -> Parsed<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => hex(rest.next())
                .zip(hex(rest.next()))
                .map(|(high, low)| high << 4 | low)
                .ok_or(NOT_ENCODED)?,
            _ => byte,
        });
    }
    let text = String::from_utf8(bytes).map_err(|_| "it is not UTF-8 once it is decoded")?;
    match text.contains(char::is_control) {
        true => Err("it holds an encoded control character"),
        false => Ok(text),
    }
}

const NOT_ENCODED: &str = "a `%` in it is not followed by two hexadecimal digits";

fn hex(byte: Option<u8>) -> Option<u8> {
    char::from(byte?).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_+.".contains(&byte))
}

fn refused(text: &str, fault: &str) -> Error {
    let text = without_password(text);
    invalid(format!("`{}` is not the URL of a repository: {fault}", shown(&text, 120)))
        .help("write a path, or a URL such as `https://host/repository` or `ssh://git@host/repository`")
}

fn unsupported(text: &str, scheme: &str) -> Error {
    let message = format!(
        "`{}` can't be used: {} is not supported",
        shown(&without_password(text), 120),
        shown(scheme, 40)
    );
    Error::new(ErrorKind::Unsupported, message).help("use https, ssh or a path")
}

/// What stands before an `@`, or behind a `?`, may be a password, so it is not shown.
fn without_password(text: &str) -> String {
    let plain = text.split(['?', '#']).next().unwrap_or_default();
    let rest = if plain.len() < text.len() { "?…" } else { "" };
    format!("{}{rest}", without_user(plain))
}

fn without_user(text: &str) -> String {
    match text.rsplit_once('@') {
        Some((before, after)) => {
            let scheme =
                before.split_once("://").map(|(scheme, _)| format!("{scheme}://")).unwrap_or_default();
            format!("{scheme}…@{after}")
        }
        None => text.to_owned(),
    }
}
