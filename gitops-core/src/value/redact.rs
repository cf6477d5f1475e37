//! Hides known secrets in the words of others: what a tool or a server says may quote a secret as it is, and in the forms
//! in which it travels.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

pub use super::credentials::credentials;

/// Forms shorter than this are parts of too many words.
const SHORTEST: usize = 4;

/// What stands in the place of a secret.
pub const HIDDEN: &str = "(sensitive)";

/// The forms in which a secret may be quoted: as it is, within the quotes of JSON, in a URL, and in base64, also as a part
/// of a longer text that was encoded as a whole. None is shorter than four characters but the secret itself.
///
/// ```
/// use gitops_core::value::redact;
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
    // Go writes these characters of HTML by their numbers.
    let go = [('<', "\\u003c"), ('>', "\\u003e"), ('&', "\\u0026")];
    let of_go = go.iter().fold(once.clone(), |text, (mark, number)| text.replace(*mark, number));
    let twice = within(&once);
    vec![once, of_go, twice]
}

/// In a URL: all but letters and digits and `-._~` by their numbers, in both cases, and with `+` for a blank.
fn escaped(secret: &str) -> Vec<String> {
    let with = |number: fn(u8) -> String| -> String {
        let escape = |byte: u8| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                char::from(byte).to_string()
            }
            byte => number(byte),
        };
        secret.bytes().map(escape).collect()
    };
    let (upper, lower) = (with(|byte| format!("%{byte:02X}")), with(|byte| format!("%{byte:02x}")));
    // What may stand in a password or a query as it is.
    let kept = "!$&'()*+,;=:@/?".chars().fold(upper.clone(), |text, mark| {
        text.replace(&format!("%{:02X}", u32::from(mark)), &mark.to_string())
    });
    vec![upper.replace("%20", "+"), lower.replace("%20", "+"), upper, lower, kept]
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
