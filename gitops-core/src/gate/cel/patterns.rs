use std::collections::BTreeMap;
use std::sync::Arc;

use ::cel::extractors::This;
use ::cel::{Context, ExecutionError};
use regex::{Regex, RegexBuilder};

use crate::value::{Error, ErrorKind, Result};

/// How large a compiled pattern becomes at most.
const MAX_COMPILED: usize = 1 << 20;

/// The patterns that an expression has, compiled.
#[derive(Clone)]
pub(super) struct Patterns(Arc<BTreeMap<String, Regex>>);

impl Patterns {
    pub fn compile(texts: &[String]) -> Result<Self> {
        let compile = |text: &String| {
            let regex = RegexBuilder::new(text).size_limit(MAX_COMPILED).build();
            let regex = regex.map_err(|error| no_pattern(text, &error))?;
            Ok((text.clone(), regex))
        };
        Ok(Self(Arc::new(texts.iter().map(compile).collect::<Result<_>>()?)))
    }

    /// Makes `text.matches(pattern)` a function of the context.
    pub fn offer(&self, context: &mut Context<'_>) {
        let patterns = self.0.clone();
        let matches = move |This(text): This<Arc<String>>, pattern: Arc<String>| match patterns.get(&*pattern)
        {
            Some(regex) => Ok(regex.is_match(&text)),
            None => Err(ExecutionError::function_error("matches", "the pattern is not written down")),
        };
        context.add_function("matches", matches);
    }
}

fn no_pattern(text: &str, error: &regex::Error) -> Error {
    let reason = match error {
        regex::Error::CompiledTooBig(_) => "it becomes too large".to_owned(),
        error => {
            error.to_string().lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned()
        }
    };
    Error::new(ErrorKind::Invalid, format!("`{text}` can't be a pattern: {reason}"))
}
