use std::collections::BTreeMap;
use std::sync::Arc;

use smol_str::SmolStr;

use super::body::filled_body;
use super::{file_body, file_kind};
use crate::cx::Cx;
use crate::render::{Part, Render, RenderRoot};
use crate::value::{Diagnostic, Digest, Hasher, Key, Object, OutputRef, Placeholder, PlaceholderPart, Value};

/// Declares each file of a source as the file of the same path in a directory.
#[derive(Clone, Debug)]
pub struct FileRender {
    target: SmolStr,
    below: SmolStr,
    outputs: BTreeMap<String, OutputRef>,
}

impl FileRender {
    /// Declares files for the directory that the engine knows under this name.
    pub fn new(target: impl Into<SmolStr>) -> Self {
        Self { target: target.into(), below: SmolStr::default(), outputs: BTreeMap::new() }
    }

    /// Declares only the files below this folder of the source, by their paths from there.
    ///
    /// ```
    /// use gitops_core::Render;
    /// use gitops_core::backend::directory::FileRender;
    /// let render = FileRender::new("dir").below("conf");
    /// assert!(render.wants("conf/app.toml") && !render.wants("configure"));
    /// ```
    #[must_use]
    pub fn below(mut self, folder: &str) -> Self {
        self.below = folder.trim_matches('/').into();
        self
    }

    /// Fills `${NAME}` in files of text with an output of another object, which is then written first. Every other
    /// `${…}` stays as it stands.
    ///
    /// ```
    /// use gitops_core::OutputRef;
    /// use gitops_core::backend::directory::FileRender;
    /// let address = OutputRef { key: "tf:Root/-/network".parse()?, output: "address".into() };
    /// let render = FileRender::new("dir").output("ADDRESS", address);
    /// # Ok::<(), gitops_core::ParseKeyError>(())
    /// ```
    #[must_use]
    pub fn output(mut self, name: &str, output: OutputRef) -> Self {
        self.outputs.insert(format!("${{{name}}}"), output);
        self
    }

    /// The text with its outputs; nothing if it has none.
    fn filled(&self, text: &str) -> Option<Value> {
        let (mut parts, mut rest) = (Vec::new(), text);
        while let Some((at, mark, output)) = self.first_in(rest) {
            parts.push(PlaceholderPart::Text(rest[..at].into()));
            parts.push(PlaceholderPart::Output(output.clone()));
            rest = &rest[at + mark.len()..];
        }
        if parts.is_empty() {
            return None;
        }
        parts.push(PlaceholderPart::Text(rest.into()));
        Some(Placeholder { parts }.into())
    }

    fn first_in<'a>(&'a self, text: &str) -> Option<(usize, &'a str, &'a OutputRef)> {
        let places =
            self.outputs.iter().filter_map(|(mark, output)| Some((text.find(mark)?, &**mark, output)));
        places.min_by_key(|(at, ..)| *at)
    }

    fn body(&self, bytes: Arc<[u8]>, executable: bool) -> Value {
        let filled = match self.outputs.is_empty() {
            true => None,
            false => std::str::from_utf8(&bytes).ok().and_then(|text| self.filled(text)),
        };
        match filled {
            Some(content) => filled_body(content, executable),
            None => file_body(bytes, executable),
        }
    }

    fn name<'p>(&self, path: &'p str) -> Option<&'p str> {
        match self.below.is_empty() {
            true => Some(path),
            false => path.strip_prefix(&*self.below)?.strip_prefix('/'),
        }
    }
}

impl Render for FileRender {
    fn render(&self, _: &Cx, part: &Part<'_>) -> Result<Vec<Object>, Vec<Diagnostic>> {
        let Some(name) = self.name(part.path()) else { return Ok(Vec::new()) };
        // The whole path is shared with the part.
        let name = if self.below.is_empty() { part.shared_path() } else { name.into() };
        let key = Key::new(self.target.clone(), file_kind(), "", name);
        let body = self.body(part.bytes()?, part.is_executable());
        Ok(vec![Object::new(key, body, part.provenance(0))])
    }

    fn wants(&self, path: &str) -> bool {
        self.name(path).is_some()
    }

    fn roots(&self) -> Vec<RenderRoot> {
        vec![RenderRoot::folder(&self.below)]
    }

    fn fingerprint(&self) -> Digest {
        let mut hasher = Hasher::new("gitops files 2");
        hasher.field(&self.target).field(&self.below);
        for (mark, output) in &self.outputs {
            hasher.field(mark).field(output.to_string());
        }
        hasher.finish()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn render() -> FileRender {
        let output =
            |name: &str| OutputRef { key: Key::new("tf", file_kind(), "", "x"), output: name.into() };
        FileRender::new("dir").output("A", output("a")).output("AB", output("ab"))
    }

    proptest! {
        /// Filled with its own marks, a text is what it was: nothing is lost, doubled or moved.
        #[test]
        fn only_the_marks_of_outputs_are_filled(text in "([$]{1,2}[{](A|AB|B|)[}]?|[a{}$])*") {
            let filled = render().filled(&text);
            let has_mark = text.contains("${A}") || text.contains("${AB}");
            prop_assert_eq!(filled.is_some(), has_mark);
            if let Some(filled) = filled {
                let again = filled.fill(&mut |output: &OutputRef| {
                    Ok::<_, crate::value::UnfitOutput>(format!("${{{}}}", output.output.to_uppercase()).as_str().into())
                });
                prop_assert_eq!(again.unwrap(), Value::from(text.as_str()));
            }
        }
    }
}
