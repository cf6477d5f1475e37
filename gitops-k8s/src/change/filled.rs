//! The data of a Secret whose values were outputs of others.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use gitops_core::{Error, ErrorKind, Result};
use serde_json::{Value as Json, json};

/// Folds what was filled in under `stringData` into `data`.
///
/// # Errors
/// `Invalid` for a value that is no text, or that stands under `data` and is no base64; no message holds a value.
pub(crate) fn fold(secret: &mut Json) -> Result<()> {
    let Some(body) = secret.as_object_mut() else { return Ok(()) };
    let texts = body.remove("stringData");
    let data = body.get("data").and_then(Json::as_object).into_iter().flatten();
    for (name, value) in data.filter(|(_, value)| !value.is_null()) {
        if STANDARD.decode(text(name, value)?).is_err() {
            let error = Error::new(ErrorKind::Invalid, format!("`{name}` of the Secret is not base64"));
            return Err(error.help("put plain text, and outputs that are plain text, under `stringData`"));
        }
    }
    let Some(texts) = texts.as_ref().and_then(Json::as_object) else { return Ok(()) };
    for (name, value) in texts {
        secret["data"][name] = json!(STANDARD.encode(text(name, value)?));
    }
    Ok(())
}

fn text<'a>(name: &str, value: &'a Json) -> Result<&'a str> {
    value.as_str().ok_or_else(|| {
        Error::new(ErrorKind::Invalid, format!("`{name}` of the Secret is filled with what is no text"))
            .help("make a text of the output where it is made, or of several parts where it is used")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn plain_text_is_encoded_and_wins_over_data() {
        let mut secret = json!({ "data": { "a": "b2xk", "b": "b3Blbg==" }, "stringData": { "a": "new" } });
        fold(&mut secret).unwrap();
        assert_eq!(secret, json!({ "data": { "a": "bmV3", "b": "b3Blbg==" } }));
        let mut only = json!({ "stringData": { "a": "new" } });
        fold(&mut only).unwrap();
        assert_eq!(only, json!({ "data": { "a": "bmV3" } }));
    }

    #[test]
    fn what_does_not_fit_is_named_and_not_shown() {
        for wrong in
            [json!({ "data": { "a": "canary!" } }), json!({ "stringData": { "a": { "b": "canary!" } } })]
        {
            let error = fold(&mut wrong.clone()).unwrap_err().with_help();
            assert!(error.contains("`a` of the Secret") && !error.contains("canary"), "{error}");
        }
    }

    proptest! {
        #[test]
        fn any_text_comes_through(text in ".{0,20}") {
            let mut secret = json!({ "stringData": { "a": text } });
            fold(&mut secret).unwrap();
            let bytes = STANDARD.decode(secret["data"]["a"].as_str().unwrap()).unwrap();
            prop_assert_eq!(String::from_utf8(bytes).unwrap(), text);
        }
    }
}
