use std::sync::{Arc, Mutex};

use gitops_core::*;

/// A source of files in memory, one JSON object each.
#[derive(Clone, Default)]
pub struct Files(Arc<Mutex<Vec<(String, String)>>>);

impl Files {
    pub fn declare<'a>(&self, objects: impl IntoIterator<Item = (&'a str, serde_json::Value)>) {
        let files = objects.into_iter().map(|(path, body)| (path.to_owned(), body.to_string()));
        self.declare_texts(files);
    }

    pub fn declare_texts(&self, files: impl IntoIterator<Item = (String, String)>) {
        *self.0.lock().unwrap() = files.into_iter().collect();
    }
}

#[async_trait]
impl Source for Files {
    fn info(&self) -> SourceInfo {
        SourceInfo::new("memory", "files")
    }

    async fn resolve(&self, _: &Cx) -> Result<Revision> {
        let text = format!("{:?}", self.0.lock().unwrap());
        Ok(Revision::new(Digest::of(text.as_bytes()).to_string(), ""))
    }

    async fn fetch(&self, _: &Cx, revision: &Revision) -> Result<Snapshot> {
        let files = self.0.lock().unwrap().clone();
        Snapshot::from_files("memory", revision.clone(), files)
    }
}

/// Declares each file as the object that its JSON is, in a namespace.
pub fn render(namespace: String) -> impl Render {
    render_files("json 1", move |part: &Part<'_>| {
        let json: serde_json::Value = serde_json::from_slice(&part.bytes()?).unwrap();
        let (group, kind) = match json["apiVersion"].as_str().unwrap().split_once('/') {
            Some((group, _)) => (group, &json["kind"]),
            None => ("", &json["kind"]),
        };
        let kind = GroupKind::new(group, kind.as_str().unwrap());
        let name = json["metadata"]["name"].as_str().unwrap().to_owned();
        let is_definition = kind.kind() == "CustomResourceDefinition";
        let defined = GroupKind::new("apiextensions.k8s.io", "CustomResourceDefinition");
        let definition = Key::new("k", defined, "", format!("things.{}", kind.group()));
        let namespace = if is_definition { "" } else { namespace.as_str() };
        let is_thing = kind.kind() == "Thing";
        let object =
            Object::new(Key::new("k", kind, namespace, name), Value::from_json(json), part.provenance(0));
        Ok(vec![if is_thing { object.with_need(Need::Object(definition)) } else { object }])
    })
}
