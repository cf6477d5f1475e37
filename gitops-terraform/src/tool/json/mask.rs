use gitops_core::{Secret, SecretKey, Value};

/// What stands for a value that is known only after the apply.
const UNKNOWN: &str = "(known after apply)";

/// A value with the parts that a mask marks as secrets, and those that another marks as unknown named so.
///
/// A mask is a tree of truth values, or one truth value for everything below.
pub(crate) fn masked(value: &Value, sensitive: &Value, unknown: &Value, key: &SecretKey) -> Value {
    if sensitive.as_bool() == Some(true) {
        return Value::Secret(Secret::new(value.to_string(), key));
    }
    if unknown.as_bool() == Some(true) {
        return UNKNOWN.into();
    }
    match value {
        Value::List(items) => {
            let item = |(at, item)| masked(item, &nth(sensitive, at), &nth(unknown, at), key);
            let beyond = unknown_items(unknown).skip(items.len()).map(|_| Value::from(UNKNOWN));
            Value::List(items.iter().enumerate().map(item).chain(beyond).collect())
        }
        Value::Map(members) => {
            let known = members.iter().map(|(name, member)| {
                (name.to_owned(), masked(member, &named(sensitive, name), &named(unknown, name), key))
            });
            let unknown = unknown_members(unknown).filter(|(name, _)| value.get(name).is_none());
            let unknown = unknown.map(|(name, mask)| {
                let mask = masked(&Value::Null, &named(sensitive, &name), &mask, key);
                (name, mask)
            });
            Value::map(known.chain(unknown).collect::<Vec<_>>())
        }
        value => value.clone(),
    }
}

fn nth(mask: &Value, at: usize) -> Value {
    match mask {
        Value::List(items) => items.get(at).cloned().unwrap_or(Value::Bool(false)),
        mask => mask.clone(),
    }
}

fn named(mask: &Value, name: &str) -> Value {
    match mask {
        Value::Map(_) => mask.get(name).cloned().unwrap_or(Value::Bool(false)),
        mask => mask.clone(),
    }
}

fn unknown_items(mask: &Value) -> impl Iterator<Item = &Value> {
    match mask {
        Value::List(items) => items.iter(),
        _ => [].iter(),
    }
}

/// The members that are unknown as a whole; what is unknown only in parts is in the value too.
fn unknown_members(mask: &Value) -> impl Iterator<Item = (String, Value)> {
    let members: Vec<(String, Value)> = match mask {
        Value::Map(members) => members.iter().map(|(name, mask)| (name.to_owned(), mask.clone())).collect(),
        _ => Vec::new(),
    };
    members.into_iter().filter(|(_, mask)| mask.as_bool() == Some(true))
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;
    use proptest::prelude::*;

    fn shown(value: &str, sensitive: &str, unknown: &str) -> String {
        let json = |text: &str| parse(text.as_bytes()).unwrap();
        masked(&json(value), &json(sensitive), &json(unknown), &SecretKey::new([1; 32])).to_string()
    }

    #[test]
    fn marked_parts_are_hidden_and_unknown_parts_are_named() {
        let value = r#"{"a": "x", "b": {"c": ["y", "z"]}}"#;
        let shown = shown(value, r#"{"b": {"c": [false, true]}}"#, r#"{"id": true, "a": false}"#);
        assert_eq!(shown, r#"{"a":"x","b":{"c":["y","(sensitive)"]},"id":"(known after apply)"}"#);
    }

    #[test]
    fn one_truth_value_is_a_mask_for_everything() {
        assert_eq!(shown(r#"{"a": ["x"]}"#, "true", "false"), r#""(sensitive)""#);
        assert_eq!(shown(r#"{"a": ["x"]}"#, "false", "true"), r#""(known after apply)""#);
    }

    fn trees() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![any::<bool>().prop_map(Value::from), Just(Value::from("SECRET"))];
        leaf.prop_recursive(3, 16, 3, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(|items| Value::List(items.into())),
                prop::collection::btree_map("[ab]", inner, 0..3).prop_map(Value::map),
            ]
        })
    }

    proptest! {
        #[test]
        fn masks_of_any_shape_fit_and_hide(value in trees(), mask in trees(), unknown in trees()) {
            let key = SecretKey::new([1; 32]);
            masked(&value, &mask, &unknown, &key);
            let hidden = masked(&value, &Value::Bool(true), &unknown, &key).to_string();
            prop_assert!(!hidden.contains("SECRET"));
        }
    }
}
