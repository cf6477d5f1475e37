use gitops_core::Value;

/// The texts at a path: names with dots between them, and `[]` behind a name for each item of a list.
pub(super) fn texts<'a>(value: &'a Value, path: &str) -> Vec<&'a str> {
    values(value, path).into_iter().filter_map(Value::as_text).filter(|text| !text.is_empty()).collect()
}

/// The values at a path.
pub(super) fn values<'a>(value: &'a Value, path: &str) -> Vec<&'a Value> {
    path.split('.').fold(vec![value], |values, step| match step.strip_suffix("[]") {
        Some(name) => values.iter().filter_map(|value| value.get(name)).flat_map(items).collect(),
        None => values.iter().filter_map(|value| value.get(step)).collect(),
    })
}

fn items(value: &Value) -> &[Value] {
    match value {
        Value::List(items) => items,
        _ => &[],
    }
}
