//! Both sides of an object: what is live, and what is declared.

use gitops_core::redact::HIDDEN;
use gitops_core::{FieldChange, Value};

/// What a changed secret is shown as.
const CHANGED: &str = "(sensitive, changed)";

/// Both sides of an object that differs in some fields: all the rest is as `base` has it.
///
/// Fields are found as targets name them: members of maps by name, items of lists by position (`0`), by their keys (`name=web`)
/// or by value. A secret that changes is told from the one that it was.
pub fn sides(base: &Value, fields: &[FieldChange]) -> (Value, Value) {
    let side = |pick: fn(&FieldChange) -> &Option<Value>| {
        // From the end: what goes from a list moves nothing that is still to be found.
        fields.iter().rev().fold(base.clone(), |base, field| {
            put(Some(&base), &elements(&field.path), pick(field).clone()).unwrap_or(Value::Null)
        })
    };
    let (before, after) = (side(|field| &field.before), side(|field| &field.after));
    (hidden(&before, &after), told_apart(&before, &after))
}

/// The elements of a JSON pointer.
fn elements(path: &str) -> Vec<String> {
    let parts = path.split('/').skip(1);
    parts.map(|part| part.replace("~1", "/").replace("~0", "~")).collect()
}

/// The value with something else, or nothing, at a path. What is missing on the way is made, and what becomes empty stays.
fn put(base: Option<&Value>, path: &[String], value: Option<Value>) -> Option<Value> {
    let Some((element, rest)) = path.split_first() else { return value };
    match base {
        Some(Value::List(items)) => Some(Value::List(put_item(items, element, rest, value).into())),
        None if value.is_none() => None,
        None if keys(element).is_some() => Some(Value::List(put_item(&[], element, rest, value).into())),
        base => {
            let members = match base {
                Some(Value::Map(members)) => members.iter().collect(),
                _ => Vec::new(),
            };
            let inner = members.iter().find(|(name, _)| *name == element.as_str()).map(|(_, inner)| *inner);
            let inner = put(inner, rest, value).map(|inner| (element.clone(), inner));
            let others = members.into_iter().filter(|(name, _)| *name != element.as_str());
            let others = others.map(|(name, value)| (name.to_owned(), value.clone()));
            Some(Value::map(others.chain(inner)))
        }
    }
}

fn put_item(items: &[Value], element: &str, rest: &[String], value: Option<Value>) -> Vec<Value> {
    let at = items.iter().position(|item| is_named(item, element)).or_else(|| {
        let at = element.parse::<usize>().ok()?;
        (at < items.len()).then_some(at)
    });
    let mut items = items.to_vec();
    match at {
        Some(at) => match put(Some(&items[at]), rest, value) {
            Some(item) => items[at] = item,
            None => drop(items.remove(at)),
        },
        None if value.is_none() => {}
        None => items.extend(put(named(element).as_ref(), rest, value)),
    }
    items
}

/// The keys by which an item of a list is found: `name=web`, `port=80,protocol=TCP`.
fn keys(element: &str) -> Option<Vec<(&str, &str)>> {
    element.split(',').map(|key| key.split_once('=')).collect()
}

fn is_named(item: &Value, element: &str) -> bool {
    match (item, keys(element)) {
        // A key that is left out has its default.
        (Value::Map(members), Some(keys)) => {
            keys.iter().any(|(name, _)| members.contains_key(name))
                && keys.iter().all(|(name, value)| members.get(name).is_none_or(|is| word(is) == *value))
        }
        (Value::Map(_) | Value::List(_), _) => false,
        (item, _) => word(item) == element,
    }
}

fn word(value: &Value) -> String {
    value.as_text().map_or_else(|| value.to_string(), str::to_owned)
}

/// A new item of which only the keys are known.
fn named(element: &str) -> Option<Value> {
    let keys = keys(element)?;
    Some(Value::map(keys.into_iter().map(|(name, value)| (name, Value::from(value)))))
}

/// The first value, without what is a secret in the second one: what was in clear may be the same.
pub(super) fn hidden(before: &Value, after: &Value) -> Value {
    match (before, after) {
        (Value::Secret(_), _) => before.clone(),
        (_, Value::Secret(_)) => Value::from(HIDDEN),
        (Value::Map(was), Value::Map(is)) => {
            let member = |(name, value): (&str, &Value)| {
                let value = is.get(name).map_or_else(|| value.clone(), |is| hidden(value, is));
                (name.to_owned(), value)
            };
            Value::map(was.iter().map(member))
        }
        (Value::List(was), Value::List(is)) if was.len() == is.len() => {
            Value::List(was.iter().zip(is.iter()).map(|(was, is)| hidden(was, is)).collect())
        }
        (before, _) => before.clone(),
    }
}

/// The second value, with each secret that is another than in the first one told as such, and what was one hidden.
pub(super) fn told_apart(before: &Value, after: &Value) -> Value {
    match (before, after) {
        (Value::Secret(was), Value::Secret(is)) if was == is => after.clone(),
        (Value::Secret(_), _) | (_, Value::Secret(_)) => Value::from(CHANGED),
        (Value::Map(was), Value::Map(is)) => {
            let member = |(name, value): (&str, &Value)| {
                let value = was.get(name).map_or_else(|| value.clone(), |was| told_apart(was, value));
                (name.to_owned(), value)
            };
            Value::map(is.iter().map(member))
        }
        (Value::List(was), Value::List(is)) if was.len() == is.len() => {
            Value::List(was.iter().zip(is.iter()).map(|(was, is)| told_apart(was, is)).collect())
        }
        (_, after) => after.clone(),
    }
}

/// The second value as it is shown, with what is masked and changes told as such.
pub(super) fn cleared(before: &Value, after: &Value) -> Value {
    match (before, after) {
        (Value::Text(_), Value::Text(_)) => {
            let (was, is) = (before.shown(), after.shown());
            match before != after && was == is {
                true => Value::from(format!("{} (changed)", is.as_text().unwrap_or_default()).as_str()),
                false => is,
            }
        }
        (Value::Map(was), Value::Map(is)) => {
            // What a name says is seen from the map alone.
            let (shown_was, shown_is) = (before.shown(), after.shown());
            let member = |(name, value): (&str, &Value)| {
                let (shown, old) = (shown_is.get(name).cloned().unwrap_or(Value::Null), was.get(name));
                let is_masked_alike = shown_was.get(name) == Some(&shown) && matches!(value, Value::Text(_));
                let value = match old {
                    Some(old) if old != value && is_masked_alike => Value::from(CHANGED),
                    Some(old) if !matches!(value, Value::Text(_)) => cleared(old, value),
                    _ => shown,
                };
                (name.to_owned(), value)
            };
            Value::map(is.iter().map(member))
        }
        (Value::List(was), Value::List(is)) if was.len() == is.len() => {
            Value::List(was.iter().zip(is.iter()).map(|(was, is)| cleared(was, is)).collect())
        }
        (_, after) => after.shown(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::documents::yaml;
    use gitops_core::{Secret, SecretKey};

    fn change(path: &str, before: Option<Value>, after: Option<Value>) -> FieldChange {
        FieldChange::new(path.to_owned(), before, after)
    }

    fn pod() -> Value {
        let container = |name: &str| Value::map([("image", Value::from("a:1")), ("name", name.into())]);
        Value::map([
            ("containers", Value::List([container("web"), container("log")].into())),
            ("finalizers", Value::List([Value::from("b"), "c".into()].into())),
        ])
    }

    #[test]
    fn fields_are_found_by_name_key_value_and_position() {
        let fields = [
            change("/args/1", None, None),
            change("/containers/name=log/image", Some("a:0".into()), Some("a:1".into())),
            change("/containers/name=old", Some(Value::map([("name", Value::from("old"))])), None),
            change("/finalizers/a", Some("a".into()), None),
            change("/labels/x~1y", None, Some("1".into())),
            change("/ports/port=80,protocol=TCP/name", Some("web".into()), None),
        ];
        let (before, after) = sides(&pod(), &fields);
        insta::assert_snapshot!(yaml::lines(&before).join("\n"), @r#"
        containers:
        - image: a:1
          name: web
        - image: a:0
          name: log
        - name: old
        finalizers:
        - b
        - c
        - a
        ports:
        - name: web
          port: "80"
          protocol: TCP
        "#);
        insta::assert_snapshot!(yaml::lines(&after).join("\n"), @r#"
        containers:
        - image: a:1
          name: web
        - image: a:1
          name: log
        finalizers:
        - b
        - c
        labels:
          x/y: "1"
        "#);
    }

    #[test]
    fn a_credential_that_nobody_marked_is_masked_and_its_change_is_told() {
        let value = |text: &str| {
            let env = Value::map([("name", Value::from("DB_PASSWORD")), ("value", text.into())]);
            let args = Value::List([Value::from(format!("--url=https://me:{text}@host").as_str())].into());
            Value::map([("args", args), ("env", Value::List([env].into())), ("size", "1".into())])
        };
        let (before, after) = (value("hunter1"), value("hunter2"));
        insta::assert_snapshot!(yaml::lines(&cleared(&before, &after)).join("\n"), @r#"
        args:
        - "--url=https://me:(sensitive)@host (changed)"
        env:
        - name: DB_PASSWORD
          value: (sensitive, changed)
        size: "1"
        "#);
        assert_eq!(cleared(&before, &before), before.shown());
    }

    #[test]
    fn a_secret_that_changes_is_not_taken_for_the_old_one() {
        let key = SecretKey::new([7; 32]);
        let secret = |text: &str| Value::Secret(Secret::new(text, &key));
        let base = Value::map([("a", secret("1")), ("b", secret("2"))]);
        let (before, after) = sides(&base, &[change("/b", Some(secret("1")), Some(secret("2")))]);
        assert_eq!(yaml::lines(&before), ["a: (sensitive)", "b: (sensitive)"]);
        assert_eq!(yaml::lines(&after), ["a: (sensitive)", "b: (sensitive, changed)"]);
        // What was in clear becomes one, and the other way.
        for (was, is) in [(Value::from("1"), secret("1")), (secret("1"), "1".into())] {
            let (before, after) = sides(&base, &[change("/b", Some(was), Some(is))]);
            assert_eq!(yaml::lines(&before), ["a: (sensitive)", "b: (sensitive)"]);
            assert_eq!(yaml::lines(&after), ["a: (sensitive)", "b: (sensitive, changed)"]);
        }
    }
}
