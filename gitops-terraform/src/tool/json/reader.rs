use gitops_core::{Error, ErrorKind, Result, Value};

/// Reads the fields of a value, and names the place where one is not as expected.
#[derive(Clone)]
pub(crate) struct Reader<'a> {
    value: &'a Value,
    path: String,
}

impl<'a> Reader<'a> {
    /// Reads a value that is called so in errors.
    pub fn new(value: &'a Value, name: &str) -> Self {
        Self { value, path: name.to_owned() }
    }

    /// The value itself.
    pub fn value(&self) -> &'a Value {
        self.value
    }

    /// A field that may be absent or null.
    pub fn field(&self, name: &str) -> Option<Reader<'a>> {
        let value = self.value.get(name).filter(|value| **value != Value::Null)?;
        Some(Reader { value, path: format!("{}.{name}", self.path) })
    }

    /// A field that must be there.
    pub fn required(&self, name: &str) -> Result<Reader<'a>> {
        self.field(name).ok_or_else(|| self.wrong(&format!("lacks the field `{name}`")))
    }

    /// A text that must be there.
    pub fn text(&self, name: &str) -> Result<String> {
        let field = self.required(name)?;
        field.value.as_text().map(str::to_owned).ok_or_else(|| field.wrong("is not a text"))
    }

    /// A text that may be absent.
    pub fn optional_text(&self, name: &str) -> Option<String> {
        self.field(name)?.value.as_text().map(str::to_owned)
    }

    /// A truth value that may be absent.
    pub fn flag(&self, name: &str) -> Option<bool> {
        self.value.get(name)?.as_bool()
    }

    /// A whole number that may be absent.
    pub fn number(&self, name: &str) -> Option<u64> {
        match self.field(name)?.value {
            Value::Number(number) => number.as_str().parse().ok(),
            _ => None,
        }
    }

    /// The items of a list that may be absent.
    pub fn items(&self, name: &str) -> Result<Vec<Reader<'a>>> {
        let Some(field) = self.field(name) else { return Ok(Vec::new()) };
        let Value::List(items) = field.value else { return Err(field.wrong("is not a list")) };
        let item = |(index, value)| Reader { value, path: format!("{}[{index}]", field.path) };
        Ok(items.iter().enumerate().map(item).collect())
    }

    /// The members of a mapping that may be absent, in the order of their names.
    pub fn members(&self, name: &str) -> Result<Vec<(String, Reader<'a>)>> {
        let Some(field) = self.field(name) else { return Ok(Vec::new()) };
        let Value::Map(members) = field.value else { return Err(field.wrong("is not a mapping")) };
        let member = |(name, value): (&str, &'a Value)| {
            let reader = Reader { value, path: format!("{}.{name}", field.path) };
            (name.to_owned(), reader)
        };
        Ok(members.iter().map(member).collect())
    }

    /// An error that names this place.
    pub fn wrong(&self, what: &str) -> Error {
        Error::new(
            ErrorKind::Corrupt,
            format!("what the tool printed has another shape: `{}` {what}", self.path),
        )
        .help("check the tool's version: it may be newer than what is understood here")
    }
}
