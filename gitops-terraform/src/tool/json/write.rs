use gitops_core::{Error, ErrorKind, Result, Value};

/// The JSON of a value in clear, with every digit of its numbers: only for files that the tool reads.
pub(crate) fn write(value: &Value) -> Result<String> {
    let mut text = String::new();
    append(value, &mut text)?;
    Ok(text)
}

fn append(value: &Value, text: &mut String) -> Result<()> {
    match value {
        Value::Null => text.push_str("null"),
        Value::Bool(value) => text.push_str(if *value { "true" } else { "false" }),
        Value::Number(number) => text.push_str(number.as_str()),
        Value::Text(value) => quote(value, text),
        Value::Secret(secret) => quote(secret.expose(), text),
        Value::List(items) => {
            text.push('[');
            for (index, item) in items.iter().enumerate() {
                separate(index, text);
                append(item, text)?;
            }
            text.push(']');
        }
        Value::Map(members) => {
            text.push('{');
            for (index, (name, member)) in members.iter().enumerate() {
                separate(index, text);
                quote(name, text);
                text.push(':');
                append(member, text)?;
            }
            text.push('}');
        }
        _ => return Err(Error::new(ErrorKind::Invalid, "a variable can't hold bytes that are not text")),
    }
    Ok(())
}

fn separate(index: usize, text: &mut String) {
    if index > 0 {
        text.push(',');
    }
}

fn quote(value: &str, text: &mut String) {
    text.push_str(&serde_json::Value::from(value).to_string());
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;
    use gitops_core::{Secret, SecretKey};

    #[test]
    fn what_is_written_reads_back_with_every_digit() {
        let json = r#"{"a":[1,12345678901234567890.123,null,true],"b":{"c":"x\"y"}}"#;
        let value = parse(json.as_bytes()).unwrap();
        assert_eq!(parse(write(&value).unwrap().as_bytes()).unwrap(), value);
    }

    #[test]
    fn a_secret_is_written_in_clear_and_bytes_are_refused() {
        let secret = Value::Secret(Secret::new("hunter2", &SecretKey::new([1; 32])));
        assert_eq!(write(&secret).unwrap(), r#""hunter2""#);
        assert!(write(&Value::Bytes([0xff][..].into())).is_err());
    }
}
