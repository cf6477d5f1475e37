//! Hides known secrets in the words of others: what a tool or a server says may quote a secret as it is, and in the forms
//! in which it travels.

use std::fmt::Write as _;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

pub use super::credentials::{credentials, line, tokens};

/// Forms shorter than this are parts of too many words.
const SHORTEST: usize = 4;

/// What stands in the place of a secret.
pub const HIDDEN: &str = "(sensitive)";

/// The forms in which a secret may be quoted: as it is, within the quotes of JSON, in a URL, and in base64, also as a part
/// of a longer text that was encoded as a whole. None is shorter than four characters but the secret itself.
///
/// ```
/// use gitops_core::redact;
/// let forms = redact::forms("pass word");
/// assert_eq!(redact::hide("at https://me:pass%20word@host", &forms), "at https://me:(sensitive)@host");
/// ```
pub fn forms(secret: &str) -> Vec<Zeroizing<String>> {
    if secret.is_empty() {
        return Vec::new();
    }
    let derived = quoted(secret).into_iter().chain(escaped(secret)).chain(encoded(secret));
    let mut forms = vec![Zeroizing::new(secret.to_owned())];
    for form in derived.filter(|form| form.len() >= SHORTEST) {
        if !forms.iter().any(|known| **known == form) {
            forms.push(Zeroizing::new(form));
        }
    }
    forms
}

/// A text without the forms of secrets. One that holds another goes first, or its rest would stay.
pub fn hide(text: &str, forms: &[Zeroizing<String>]) -> String {
    let mut forms: Vec<&str> =
        forms.iter().map(|form| form.as_str()).filter(|form| !form.is_empty()).collect();
    forms.sort_by_key(|form| std::cmp::Reverse(form.len()));
    forms.into_iter().fold(text.to_owned(), |text, form| text.replace(form, HIDDEN))
}

/// Within the quotes of JSON, once and twice: a tool quotes the answer of a server that was JSON itself.
fn quoted(secret: &str) -> Vec<String> {
    let within = |text: &str| {
        let quoted = serde_json::Value::from(text).to_string();
        quoted[1..quoted.len() - 1].to_owned()
    };
    let once = within(secret);
    // Go writes these characters of HTML by their numbers, Python all that is not ASCII, PHP a slash with another before it.
    let go = [('<', "\\u003c"), ('>', "\\u003e"), ('&', "\\u0026")];
    let of_go = go.iter().fold(once.clone(), |text, (mark, number)| text.replace(*mark, number));
    let of_python = in_ascii(&once);
    let of_php = [&once, &of_python].map(|text| text.replace('/', "\\/"));
    // Within the quotes of HCL, what would begin a template is doubled.
    let of_hcl = once.replace("${", "$${").replace("%{", "%%{");
    let twice = [&once, &of_go, &of_python].map(|text| within(text));
    [once, of_go, of_python, of_hcl].into_iter().chain(of_php).chain(twice).collect()
}

fn in_ascii(text: &str) -> String {
    let (mut written, mut units) = (String::new(), [0; 2]);
    for c in text.chars() {
        if c.is_ascii() {
            written.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut units) {
            let _ = write!(written, "\\u{unit:04x}");
        }
    }
    written
}

/// The marks that the usual encoders of URLs leave as they are: of queries; of paths and of users in Go; of JavaScript, parts
/// and wholes; of Python; of users and queries by the standard.
const LEFT_AS_IT_IS: [&str; 8] =
    ["", "$&+=:@", "$&+,;=", "!'()*", ";,/?:@&=+$!*'()#", "/", "!$&'()*+,;=:", "!$&'()*+,;=:@/?"];

/// In a URL: all but letters and digits and `-._~` by their numbers, in both cases, and with `+` for a blank.
fn escaped(secret: &str) -> Vec<String> {
    let with = |left: &str, number: fn(u8) -> String| -> String {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        let escape = |byte: u8| match is_plain(byte) || left.as_bytes().contains(&byte) {
            true => char::from(byte).to_string(),
            false => number(byte),
        };
        secret.bytes().map(escape).collect()
    };
    let both =
        |left: &str| [with(left, |byte| format!("%{byte:02X}")), with(left, |byte| format!("%{byte:02x}"))];
    LEFT_AS_IT_IS
        .iter()
        .flat_map(|left| both(left))
        .flat_map(|form| [form.replace("%20", "+"), form])
        .collect()
}

/// In base64, wherever in the encoded text it begins: the characters that depend on its neighbours are left out.
fn encoded(secret: &str) -> Vec<String> {
    let at = |offset: usize| {
        let bytes = [&[0; 2][..offset], secret.as_bytes()].concat();
        let keep = bytes.len() / 3 * 4 + [0, 1, 2][bytes.len() % 3];
        let whole = |text: String| text.get([0, 2, 3][offset]..keep).unwrap_or_default().to_owned();
        [whole(STANDARD_NO_PAD.encode(&bytes)), whole(URL_SAFE_NO_PAD.encode(&bytes))]
    };
    let alone = [STANDARD_NO_PAD.encode(secret), URL_SAFE_NO_PAD.encode(secret)];
    alone.into_iter().chain((0..3).flat_map(at)).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_secret_is_hidden_in_the_forms_in_which_it_travels() {
        let secret = "p<a>&ss/wörd 1\"\\";
        let forms = forms(secret);
        let json = serde_json::Value::from(secret).to_string();
        let shown = [
            format!("said: {secret}"),
            format!("said: {json}"),
            format!("said: {}", serde_json::Value::from(json.as_str())),
            "https://me:p%3Ca%3E%26ss%2Fw%C3%B6rd%201%22%5C@host".to_owned(),
            "?token=p%3ca%3e%26ss%2fw%c3%b6rd+1%22%5c".to_owned(),
        ];
        for text in shown {
            let hidden = hide(&text, &forms);
            assert!(hidden.contains(HIDDEN) && !hidden.contains("rd"), "{text} became {hidden}");
        }
    }

    #[test]
    fn a_secret_is_hidden_as_the_encoders_of_many_languages_write_it() {
        let forms = forms("a/b&c=d @é${x}");
        for shown in [
            "https://h/a%2Fb&c=d%20@%C3%A9$%7Bx%7D",
            "https://me:a%2Fb&c=d%20%40%C3%A9$%7Bx%7D@h",
            "?t=a%2Fb%26c%3Dd%20%40%C3%A9%24%7Bx%7D",
            "?t=a%2fb%26c%3dd+%40%c3%a9%24%7bx%7d",
            "quote: a/b%26c%3Dd%20%40%C3%A9%24%7Bx%7D",
            "encodeURI: a/b&c=d%20@%C3%A9$%7Bx%7D",
            r#"{"t":"a/b\u0026c=d @é${x}"}"#,
            r#"{"t": "a/b&c=d @\u00e9${x}"}"#,
            r#"{"t":"a\/b&c=d @\u00e9${x}"}"#,
            r#"t = "a/b&c=d @é$${x}""#,
            r#"body: "{\"t\":\"a/b\\u0026c=d @é${x}\"}""#,
        ] {
            let hidden = hide(shown, &forms);
            assert!(
                hidden.contains(HIDDEN) && !hidden.contains("c=d") && !hidden.contains("x}"),
                "{shown}: {hidden}"
            );
        }
    }

    proptest! {
        #[test]
        fn no_place_in_an_encoded_text_shows_a_secret(
            before in prop::collection::vec(any::<u8>(), 0..7),
            secret in "[a-zA-Z0-9!-~]{6,40}",
            after in prop::collection::vec(any::<u8>(), 0..7),
        ) {
            let text = [&before[..], secret.as_bytes(), &after].concat();
            let forms = forms(&secret);
            for encoded in [STANDARD_NO_PAD.encode(&text), URL_SAFE_NO_PAD.encode(&text)] {
                prop_assert!(hide(&encoded, &forms).contains(HIDDEN), "{}", encoded);
            }
        }

        #[test]
        fn hiding_never_fails_and_forms_are_never_empty(secret: String, text: String) {
            prop_assert!(forms(&secret).iter().all(|form| !form.is_empty()));
            let _ = hide(&text, &forms(&secret));
        }
    }
}
