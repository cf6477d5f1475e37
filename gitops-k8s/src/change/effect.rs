//! Whether a write left what was sent.
//!
//! A webhook may do something else where it is asked without an effect, and then a plan shows a change that its apply does not
//! make. What the server holds as it was sent needs no question. Where it holds another form, or another value, a dry run of
//! the same apply says which: what it would change again was not done. What it would not, is [stored otherwise](stored) each time.

use gitops_core::{Applied, Cx, Object, Result, Version};
use serde_json::Value as Json;

use crate::change::document::Document;
use crate::change::stored::{self, says_nothing};
use crate::live::application::Inner;
use crate::live::clients::Decision;
use crate::live::fields::changes;
use crate::live::object::Seen;
use crate::live::owner_label;

/// What was written: the declaration as it was sent, and what was decided about fields of others.
pub(crate) struct Sent<'a> {
    pub object: &'a Object,
    pub document: &'a Document,
    pub decision: &'a Decision,
    pub uri: &'a str,
}

impl Inner {
    /// What the engine is told of a write, by what the server answered to it.
    pub async fn made(&self, cx: &Cx, sent: Sent<'_>, seen: &Seen) -> Applied {
        let applied = self.applied(&sent.object.key, seen);
        let Applied::Present { uid, version } = &applied else { return applied };
        if is_as_sent(&sent.document.json, &seen.json) {
            return applied;
        }
        match Box::pin(self.undone(cx, &sent, seen)).await {
            Ok(fields) if fields.is_empty() => applied,
            Ok(fields) => Applied::Differs { uid: uid.clone(), version: version.clone(), fields },
            // It is not known: recorded in no version, it is compared by the next plan.
            Err(_) => Applied::Present { uid: uid.clone(), version: Version::new("") },
        }
    }

    /// The fields that the same apply would change again, or that it would leave as they are though they are declared otherwise.
    async fn undone(&self, cx: &Cx, sent: &Sent<'_>, seen: &Seen) -> Result<Vec<String>> {
        let owner_label = seen.owner_label.as_ref();
        let document = Document::among(sent.object, owner_label, seen, &self.eye, sent.decision)?;
        // What is left to others is declared as they have it.
        if is_as_sent(&document.json, &seen.json) {
            return Ok(Vec::new());
        }
        let again = Seen::new(self.ask(cx, &document, sent.uri, true).await?);
        let mut fields = seen.owned(&self.eye);
        fields.merge(&again.owned(&self.eye));
        owner_label::strip(&mut fields);
        let undone: Vec<_> =
            changes(&fields, &seen.json, &again.json).into_iter().map(|change| change.path).collect();
        if !undone.is_empty() {
            return Ok(undone);
        }
        let mut otherwise = stored::otherwise(&self.eye, sent.object, seen, sent.decision)?;
        // What the plan told of is no news.
        otherwise.retain(|field| !sent.decision.foreign.contains(field));
        Ok(otherwise.into_iter().map(|field| field.path).collect())
    }
}

/// Whether the server holds every field as it was sent. A value that says nothing may be left out.
fn is_as_sent(sent: &Json, held: &Json) -> bool {
    match (sent, held) {
        (Json::Object(sent), Json::Object(held)) => sent.iter().all(|(name, value)| match held.get(name) {
            Some(held) => is_as_sent(value, held),
            None => says_nothing(value),
        }),
        (Json::Array(sent), Json::Array(held)) => {
            sent.len() == held.len() && sent.iter().zip(held).all(|(sent, held)| is_as_sent(sent, held))
        }
        (Json::Null, _) => true,
        (sent, held) => sent == held,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_the_server_adds_or_leaves_out_as_empty_is_as_sent_and_another_value_is_not() {
        let sent = json!({"metadata": {"labels": {"a": "1"}}, "spec": {"cpu": "1000m", "ports": [{"p": 1}]}});
        let changed = |path: &str, value: Json| {
            let mut held = sent.clone();
            *held.pointer_mut(path).unwrap() = value;
            held
        };
        let held = changed("/spec/ports/0", json!({"p": 1, "protocol": "TCP"}));
        assert!(is_as_sent(&sent, &held) && is_as_sent(&sent, &sent));
        for (path, value) in [
            ("/metadata/labels/a", json!("2")),
            ("/metadata/labels", json!({})),
            ("/spec/cpu", json!("1")),
            ("/spec/ports", json!([{"p": 1}, {"p": 2}])),
            ("/spec/ports/0/p", json!(2)),
        ] {
            assert!(!is_as_sent(&sent, &changed(path, value)), "{path}");
        }
        let empty = json!({"a": null, "b": false, "c": 0, "d": "", "e": [], "f": {"g": {}}});
        assert!(is_as_sent(&empty, &json!({})));
        assert!(!is_as_sent(&json!({"b": true}), &json!({})));
    }
}
