use std::collections::BTreeMap;

use gitops_core::{Digest, Error, ErrorKind, Result, Secret, SecretKey, Value};

use super::{Part, Reader, parse_part};
use crate::tool::address::{canonical, quoted};

/// What is read of a state: of a resource's attributes, which are nearly all of it, the identity alone.
const READ: Part = Part::Members(&[
    ("version", Part::Whole),
    ("serial", Part::Whole),
    ("lineage", Part::Whole),
    ("encrypted_data", Part::Whole),
    ("outputs", Part::Whole),
    ("resources", Part::Items(&RESOURCE)),
    ("check_results", Part::Whole),
]);

const RESOURCE: Part = Part::Members(&[
    ("mode", Part::Whole),
    ("module", Part::Whole),
    ("type", Part::Whole),
    ("name", Part::Whole),
    ("instances", Part::Items(&INSTANCE)),
]);

const INSTANCE: Part = Part::Members(&[
    ("index_key", Part::Whole),
    ("status", Part::Whole),
    ("deposed", Part::Whole),
    ("attributes", Part::Members(&[("id", Part::Whole)])),
]);

/// A state as it is kept, of the format's version 4.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct StateFile {
    /// The identity of the line of states.
    pub lineage: String,
    /// Grows with each state of the line.
    pub serial: u64,
    /// The digest of all its bytes: an edit at an equal serial shows.
    pub digest: Digest,
    /// The outputs.
    pub outputs: BTreeMap<String, StateOutput>,
    /// The instances of managed resources by address, each with the identity that the provider gave it.
    pub instances: BTreeMap<String, Option<String>>,
    /// The addresses of those that are marked to be replaced, or have leftovers.
    pub unsettled: Vec<String>,
    /// What the checks said that failed.
    pub failed_checks: Vec<String>,
}

/// One output of a state, in clear.
#[derive(Clone, PartialEq)]
pub(crate) struct StateOutput {
    /// Its value.
    pub value: Value,
    /// Whether it must not be shown.
    pub sensitive: bool,
}

impl StateOutput {
    /// The value for others: text that must not be shown is a secret, and so is everything within a structure.
    pub fn shown(&self, key: &SecretKey) -> Value {
        match self.sensitive {
            true => secret(&self.value, key),
            false => self.value.clone(),
        }
    }
}

fn secret(value: &Value, key: &SecretKey) -> Value {
    match value {
        Value::List(items) => Value::List(items.iter().map(|item| secret(item, key)).collect()),
        Value::Map(members) => {
            Value::map(members.iter().map(|(name, member)| (name, secret(member, key))).collect::<Vec<_>>())
        }
        Value::Null => Value::Null,
        Value::Text(text) => Value::Secret(Secret::new(&**text, key)),
        value => Value::Secret(Secret::new(value.to_string(), key)),
    }
}

impl std::fmt::Debug for StateOutput {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StateOutput").field("sensitive", &self.sensitive).finish_non_exhaustive()
    }
}

impl StateFile {
    /// Decodes a state; nothing for bytes that say that there is none.
    ///
    /// # Errors
    /// `Corrupt` for what is no state; `Limit` for one that is nested too deeply.
    pub fn read(bytes: &[u8]) -> Result<Option<Self>> {
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Ok(None);
        }
        let value = parse_part(bytes, READ)?;
        let reader = Reader::new(&value, "state");
        if reader.field("encrypted_data").is_some() {
            let error = Error::new(ErrorKind::Unsupported, "the state is encrypted by the tool itself");
            return Err(error.help("remove its `encryption` block, and let the store or the disk encrypt"));
        }
        let version = reader.number("version");
        if version.is_some_and(|version| version != 4) {
            return Err(reader.wrong("is of another version of the format than 4"));
        }
        let serial = reader.number("serial").ok_or_else(|| reader.wrong("lacks a serial"))?;
        let output = |(name, output): (String, Reader<'_>)| {
            let value = output.value().get("value").cloned().unwrap_or(Value::Null);
            (name, StateOutput { value, sensitive: output.flag("sensitive") == Some(true) })
        };
        let mut state = Self {
            lineage: reader.text("lineage")?,
            serial,
            digest: Digest::of(bytes),
            outputs: reader.members("outputs")?.into_iter().map(output).collect(),
            instances: BTreeMap::new(),
            unsettled: Vec::new(),
            failed_checks: Vec::new(),
        };
        for resource in reader.items("resources")? {
            state.take(&resource)?;
        }
        for check in reader.items("check_results")? {
            state.take_check(&check)?;
        }
        Ok(Some(state))
    }

    /// A `check` block of which something does not hold. What else the tool checks, it refuses to go on without.
    fn take_check(&mut self, check: &Reader<'_>) -> Result<()> {
        for object in check.items("objects")? {
            if object.optional_text("status").as_deref() == Some("fail") {
                let messages = object.items("failure_messages")?;
                let said: Vec<&str> = messages.iter().filter_map(|said| said.value().as_text()).collect();
                self.failed_checks.push(format!("{}: {}", object.text("object_addr")?, said.join("; ")));
            }
        }
        Ok(())
    }

    fn take(&mut self, resource: &Reader<'_>) -> Result<()> {
        if resource.optional_text("mode").as_deref() != Some("managed") {
            return Ok(());
        }
        let module = resource.optional_text("module").map(|module| format!("{}.", canonical(&module)));
        let module = module.unwrap_or_default();
        let base = format!("{module}{}.{}", resource.text("type")?, resource.text("name")?);
        for instance in resource.items("instances")? {
            let address = match instance.field("index_key") {
                None => base.clone(),
                Some(key) => match key.value().as_text() {
                    Some(text) => format!("{base}[{}]", quoted(text)),
                    None => format!("{base}[{}]", key.value()),
                },
            };
            if instance.field("status").is_some() || instance.field("deposed").is_some() {
                self.unsettled.push(address.clone());
            }
            if instance.field("deposed").is_none() {
                let id = instance.field("attributes").and_then(|attributes| attributes.optional_text("id"));
                self.instances.insert(address, id);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const STATE: &str = r#"{"version":4,"serial":7,"lineage":"l","check_results":[{"object_kind":"check","objects":
        [{"object_addr":"check.a","status":"pass"},{"object_addr":"check.b","status":"fail","failure_messages":["too hot"]}]}],"outputs":{"o":{"value":"SECRET","sensitive":true}},
        "resources":[{"mode":"managed","module":"module.m[0]","type":"t","name":"n","instances":
        [{"index_key":"a\"b","attributes":{"id":"i"}},{"index_key":1,"status":"tainted"}]},{"mode":"data","type":"d","name":"x","instances":[{}]}]}"#;

    #[test]
    fn instances_have_their_addresses() {
        let state = StateFile::read(STATE.as_bytes()).unwrap().unwrap();
        let found: Vec<_> =
            state.instances.iter().map(|(address, id)| (address.as_str(), id.as_deref())).collect();
        assert_eq!(found, [(r#"module.m[0].t.n["a\"b"]"#, Some("i")), ("module.m[0].t.n[1]", None)]);
        assert_eq!(state.unsettled, ["module.m[0].t.n[1]"]);
        assert_eq!(state.failed_checks, ["check.b: too hot"]);
        assert!(!format!("{state:?}").contains("SECRET"));
    }

    #[test]
    fn nothing_is_no_state_and_a_stranger_is_an_error() {
        assert_eq!(StateFile::read(b" \n").unwrap(), None);
        assert!(StateFile::read(b"{}").is_err());
        let encrypted = StateFile::read(br#"{"serial":1,"lineage":"l","meta":{},"encrypted_data":"x"}"#);
        assert_eq!(encrypted.unwrap_err().kind(), ErrorKind::Unsupported);
        assert!(StateFile::read(br#"{"version":3,"serial":1,"lineage":"l"}"#).is_err());
    }

    proptest! {
        #[test]
        fn a_state_cut_anywhere_is_an_error_and_no_panic(end in 1..STATE.len()) {
            prop_assert!(StateFile::read(&STATE.as_bytes()[..end]).is_err());
        }
    }
}
