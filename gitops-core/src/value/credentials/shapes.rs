//! What tokens of well-known services look like. The idea is that of the public scanners of repositories: what a service begins its
//! tokens with, so that they can be found, tells them from all other texts.

use super::near;

/// What they begin with, and how many characters follow at least. In two parts, so that no file looks as if it had one.
const TOKENS: [(&str, usize); 82] = [
    (concat!("gh", "p_"), 20),
    (concat!("gh", "o_"), 20),
    (concat!("gh", "u_"), 20),
    (concat!("gh", "s_"), 20),
    (concat!("gh", "r_"), 20),
    (concat!("gi", "thub_pat_"), 20),
    (concat!("gl", "pat-"), 16),
    (concat!("gl", "rt-"), 16),
    (concat!("gl", "rtr-"), 16),
    (concat!("gl", "dt-"), 16),
    (concat!("gl", "cbt-"), 16),
    (concat!("gl", "ptt-"), 16),
    (concat!("gl", "ft-"), 16),
    (concat!("gl", "imt-"), 16),
    (concat!("gl", "agent-"), 16),
    (concat!("gl", "soat-"), 16),
    (concat!("gl", "oas-"), 16),
    (concat!("gl", "ffct-"), 16),
    (concat!("GR", "1348941"), 16),
    (concat!("xo", "xb-"), 16),
    (concat!("xo", "xp-"), 16),
    (concat!("xo", "xa-"), 16),
    (concat!("xo", "xo-"), 16),
    (concat!("xo", "xr-"), 16),
    (concat!("xo", "xs-"), 16),
    (concat!("xo", "xe-"), 16),
    (concat!("xo", "xe.xox"), 16),
    (concat!("xa", "pp-"), 16),
    (concat!("AK", "IA"), 16),
    (concat!("AS", "IA"), 16),
    (concat!("AB", "IA"), 16),
    (concat!("AC", "CA"), 16),
    (concat!("LT", "AI"), 16),
    (concat!("AI", "za"), 30),
    (concat!("GO", "CSPX-"), 20),
    (concat!("ya", "29."), 20),
    (concat!("sk", "_live_"), 16),
    (concat!("rk", "_live_"), 16),
    (concat!("sk", "_test_"), 16),
    (concat!("rk", "_test_"), 16),
    (concat!("wh", "sec_"), 20),
    ("sk-ant-", 16),
    ("sk-proj-", 16),
    ("sk-svcacct-", 16),
    ("sk-admin-", 16),
    (concat!("np", "m_"), 30),
    ("pypi-", 30),
    ("rubygems_", 40),
    ("dckr_pat_", 16),
    ("dckr_oat_", 16),
    ("dop_v1_", 30),
    ("doo_v1_", 30),
    ("dor_v1_", 30),
    ("hvs.", 20),
    ("hvb.", 20),
    ("hvr.", 20),
    ("SG.", 40),
    ("glsa_", 32),
    ("glc_", 32),
    ("shpat_", 30),
    ("shpca_", 30),
    ("shppa_", 30),
    ("shpss_", 30),
    ("ATATT3", 40),
    ("ATCTT3", 40),
    ("ATBB", 28),
    ("dp.pt.", 30),
    ("dp.st.", 30),
    ("hf_", 34),
    ("lin_api_", 32),
    ("NRAK-", 24),
    ("PMAK-", 24),
    ("pul-", 40),
    ("sntrys_", 40),
    ("sntryu_", 40),
    ("tskey-", 16),
    ("pscale_tkn_", 30),
    ("pscale_pw_", 30),
    ("AGE-SECRET-KEY-1", 40),
    ("sha256~", 40),
    ("AKCp", 60),
    ("eyJ", 30),
];

/// The same of what has the characters of base64 and of paths in it: private keys that were encoded, and addresses that are secrets.
const ENCODED: [(&str, usize); 7] = [
    ("LS0tLS1CRUdJTiBQUklWQVRFIEtFWS0t", 8),
    ("LS0tLS1CRUdJTiBSU0EgUFJJVkFURSBL", 8),
    ("LS0tLS1CRUdJTiBFQyBQUklWQVRFIEtF", 8),
    ("LS0tLS1CRUdJTiBPUEVOU1NIIFBSSVZB", 8),
    ("LS0tLS1CRUdJTiBFTkNSWVBURUQgUFJJ", 8),
    ("hooks.slack.com/services/", 16),
    ("discord.com/api/webhooks/", 16),
];

/// What stands in the middle of the tokens of one service, and how much stands before it and after it at least.
const MIDDLE: (&str, usize, usize) = (".atlasv1.", 14, 30);

/// The length of the token that a text begins with.
pub(super) fn token(rest: &str) -> Option<usize> {
    encoded(rest).or_else(|| {
        let (begin, least) = TOKENS.iter().find(|(begin, _)| rest.starts_with(begin))?;
        // Of what begins like the JSON of a token, only what has its three parts is one.
        let is_json = *begin == "eyJ";
        if is_json && !near(rest).bytes().take_while(|byte| is_of_token(*byte)).any(|byte| byte == b'.') {
            return None;
        }
        let more = rest.bytes().skip(begin.len()).take_while(|byte| is_of_token(*byte)).count();
        let is_whole = !is_json || rest[..begin.len() + more].matches('.').count() >= 2;
        (more >= *least && is_whole).then_some(begin.len() + more)
    })
}

fn encoded(rest: &str) -> Option<usize> {
    let (begin, least) = ENCODED.iter().find(|(begin, _)| rest.starts_with(begin))?;
    let is_of = |byte: &u8| is_of_token(*byte) || matches!(*byte, b'+' | b'/' | b'=');
    let more = rest.bytes().skip(begin.len()).take_while(is_of).count();
    (more >= *least).then_some(begin.len() + more)
}

/// Where a token begins and ends whose middle is at a place.
pub(super) fn around(text: &str, at: usize) -> Option<(usize, usize)> {
    let (middle, before, after) = MIDDLE;
    let rest = text[at..].strip_prefix(middle)?;
    let begin = text[..at].bytes().rev().take_while(u8::is_ascii_alphanumeric).count();
    if begin < before {
        return None;
    }
    let more = rest.bytes().take_while(|byte| is_of_token(*byte)).count();
    (more >= after).then(|| (at - begin, at + middle.len() + more))
}

fn is_of_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.')
}

/// Whether a word begins at a place: also behind what escapes a mark in JSON, in a URL or for a terminal.
pub(super) fn is_start(text: &str, at: usize) -> bool {
    let before = &text.as_bytes()[..at];
    match before {
        [.., last] if last.is_ascii_alphanumeric() || *last == b'_' => is_escape(before),
        _ => true,
    }
}

fn is_escape(before: &[u8]) -> bool {
    let is_hex = |digits: &[u8]| digits.iter().all(u8::is_ascii_hexdigit);
    match before {
        [.., b'\\', b'n' | b't' | b'r' | b'f' | b'b' | b'v'] => true,
        [.., b'\\', b'x', a, b] | [.., b'%', a, b] => is_hex(&[*a, *b]),
        [.., b'\\', b'u', a, b, c, d] => is_hex(&[*a, *b, *c, *d]),
        [.., b'[', b'm'] | [.., b'[', _, b'm'] | [.., b'[', _, _, b'm'] => true,
        _ => false,
    }
}
