use gitops_core::redact;
use gitops_core::{Digest, Secret, SecretKey, Value};
use zeroize::Zeroizing;

use crate::tool::address::{keys_of, with_keys};

/// Texts shorter than this are hidden only where they are the whole text: they are parts of too many words.
const PART: usize = 4;

/// Hides the values that are known to be secret, wherever they appear in a text.
///
/// The marks of the tool don't cover what it prints as free text: messages, snippets, the output of provisioners.
#[derive(Default)]
pub(crate) struct Redact {
    texts: Vec<Zeroizing<String>>,
    /// Those of them that are whole values.
    whole: Vec<Zeroizing<String>>,
    /// Digests of secrets whose text is not known any more, and the key that they are under.
    digests: Option<(Vec<Digest>, SecretKey)>,
}

impl Redact {
    /// Knows secrets by their digests under a key, and hides what it finds under the same key.
    pub fn knowing(digests: Vec<Digest>, key: &SecretKey) -> Self {
        Self { texts: Vec::new(), whole: Vec::new(), digests: Some((digests, key.clone())) }
    }

    /// The digests of the whole texts that were learnt.
    pub fn digests(&self, key: &SecretKey) -> Vec<Digest> {
        self.whole.iter().map(|text| Secret::new(text.as_str(), key).digest()).collect()
    }

    /// The value with every text that is or holds a secret as a secret of its own.
    pub fn value(&self, value: &Value) -> Value {
        let hidden = |text: &str| match &self.digests {
            Some((digests, key)) => {
                let secret = Secret::new(text, key);
                let is_secret = digests.contains(&secret.digest()) || self.text(text) != text;
                is_secret.then_some(Value::Secret(secret))
            }
            None => (self.text(text) != text).then(|| "(sensitive)".into()),
        };
        match value {
            Value::Text(text) => hidden(text).unwrap_or_else(|| value.clone()),
            Value::Number(number) => hidden(number.as_str()).unwrap_or_else(|| value.clone()),
            Value::List(items) => Value::List(items.iter().map(|item| self.value(item)).collect()),
            Value::Map(members) => Value::map(
                members
                    .iter()
                    .map(|(name, member)| (self.text(name), self.value(member)))
                    .collect::<Vec<_>>(),
            ),
            value => value.clone(),
        }
    }

    /// Learns what another one learned.
    pub fn join(&mut self, other: &Self) {
        for (ours, theirs) in [(&mut self.texts, &other.texts), (&mut self.whole, &other.whole)] {
            for text in theirs {
                if !ours.contains(text) {
                    ours.push(text.clone());
                }
            }
        }
    }

    /// Learns every text and number within a value.
    pub fn learn(&mut self, value: &Value) {
        match value {
            Value::Text(text) => self.learn_text(text),
            Value::Number(number) => self.learn_text(number.as_str()),
            Value::Secret(secret) => self.learn_text(secret.expose()),
            Value::List(items) => items.iter().for_each(|item| self.learn(item)),
            Value::Map(members) => members.iter().for_each(|(_, member)| self.learn(member)),
            _ => {}
        }
    }

    /// Learns the secrets within a value and nothing else of it.
    pub fn learn_secrets(&mut self, value: &Value) {
        match value {
            Value::Secret(secret) => self.learn_text(secret.expose()),
            Value::List(items) => items.iter().for_each(|item| self.learn_secrets(item)),
            Value::Map(members) => members.iter().for_each(|(_, member)| self.learn_secrets(member)),
            _ => {}
        }
    }

    /// Learns the parts of a value that a mask marks.
    pub fn learn_marked(&mut self, value: &Value, mask: &Value) {
        match (value, mask) {
            (value, Value::Bool(true)) => self.learn(value),
            (Value::List(items), Value::List(masks)) => {
                items.iter().zip(masks.iter()).for_each(|(item, mask)| self.learn_marked(item, mask));
            }
            (Value::Map(members), Value::Map(_)) => {
                for (name, member) in members.iter() {
                    if let Some(mask) = mask.get(name) {
                        self.learn_marked(member, mask);
                    }
                }
            }
            _ => {}
        }
    }

    fn learn_text(&mut self, text: &str) {
        let whole = Zeroizing::new(text.to_owned());
        if !self.whole.contains(&whole) {
            self.whole.push(whole);
        }
        // A message may be broken at the ends of lines.
        let lines = text.lines().map(str::trim).filter(|line| line.len() >= PART && *line != text);
        for form in redact::forms(text).into_iter().chain(lines.flat_map(redact::forms)) {
            if !self.texts.contains(&form) {
                self.texts.push(form);
            }
        }
    }

    /// The text without what is secret. Of a secret that is known by its digest alone, that is where it is quoted, as the
    /// keys of resources are.
    pub fn text(&self, text: &str) -> String {
        if self.texts.iter().any(|secret| **secret == text) {
            return redact::HIDDEN.to_owned();
        }
        let is_known = |key: &str| self.texts.iter().any(|secret| **secret == key) || self.is_old(key);
        let text = with_keys(text, |key| is_known(key).then(|| redact::HIDDEN.to_owned()));
        let long = self.texts.iter().filter(|secret| secret.len() >= PART).cloned();
        redact::hide(&text, &long.collect::<Vec<_>>())
    }

    fn is_old(&self, text: &str) -> bool {
        let Some((digests, key)) = self.digests.as_ref().filter(|(digests, _)| !digests.is_empty()) else {
            return false;
        };
        digests.contains(&Secret::new(text, key).digest())
    }

    /// The digests of the keys in addresses that hold a secret: once its text is gone, they are known by these.
    pub fn digests_of_keys<'a>(
        &self,
        addresses: impl Iterator<Item = &'a str>,
        key: &SecretKey,
    ) -> Vec<Digest> {
        let secret = |name: &String| self.text(name) != *name;
        let digest = |name: String| Secret::new(name, key).digest();
        addresses.flat_map(keys_of).filter(secret).map(digest).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_hidden_in_every_form_that_messages_have() {
        let mut redact = Redact::default();
        redact.learn(&Value::from("one\"two\nthree and four"));
        let encoded = "dGhyZWUgYW5kIGZvdXI";
        redact.learn(&Value::from("three and four"));
        assert_eq!(redact.text(&format!("got {encoded}")), "got (sensitive)");
        assert_eq!(redact.text("https://h/?t=three+and+four"), "https://h/?t=(sensitive)");
        for text in
            ["x one\"two\nthree and four", r#"input = "one\"two\nthree and four""#, "| three and four"]
        {
            let shown = redact.text(text);
            assert!(!shown.contains("three and four"), "{shown}");
        }
    }

    #[test]
    fn a_short_secret_does_not_make_every_word_unreadable() {
        let mut redact = Redact::default();
        redact.learn(&Value::from("a"));
        assert_eq!(redact.text("a"), "(sensitive)");
        assert_eq!(redact.text("an apple"), "an apple");
    }

    #[test]
    fn an_old_secret_is_known_by_its_digest_alone() {
        let key = SecretKey::new([1; 32]);
        let mut then = Redact::default();
        then.learn(&Value::from("old-secret"));
        let now = Redact::knowing(then.digests(&key), &key);
        let value = Value::List([Value::from("old-secret"), Value::from("open")].into());
        assert_eq!(now.value(&value).to_string(), r#"["(sensitive)","open"]"#);
    }

    #[test]
    fn a_secret_is_hidden_in_the_name_of_a_member() {
        let mut redact = Redact::default();
        redact.learn(&Value::from("hunter2"));
        let value = Value::map([("hunter2", Value::from("a")), ("of hunter2", Value::from("b"))]);
        assert_eq!(redact.value(&value).to_string(), r#"{"(sensitive)":"a","of (sensitive)":"b"}"#);
    }

    #[test]
    fn a_secret_in_the_key_of_an_address_is_hidden_when_its_text_is_gone() {
        let key = SecretKey::new([1; 32]);
        let mut then = Redact::default();
        then.learn(&Value::from("s1"));
        then.learn(&Value::from("hunter2"));
        let addresses = [r#"t.a["hunter2"]"#, r#"module.m["of hunter2"].t.b["open"]"#, "t.c[0]"];
        assert_eq!(then.text(r#"t.a["s1"]"#), r#"t.a["(sensitive)"]"#, "a short one, where it is the whole");
        let mut digests = then.digests(&key);
        digests.extend(then.digests_of_keys(addresses.into_iter(), &key));
        let now = Redact::knowing(digests, &key);
        assert_eq!(
            now.text(&addresses.join(", ")),
            r#"t.a["(sensitive)"], module.m["(sensitive)"].t.b["open"], t.c[0]"#
        );
    }

    #[test]
    fn a_secret_within_another_leaves_no_rest() {
        let mut redact = Redact::default();
        redact.learn(&Value::from("hunter2"));
        redact.learn(&Value::from("hunter2-and-more"));
        assert_eq!(redact.text("say hunter2-and-more"), "say (sensitive)");
    }
}
