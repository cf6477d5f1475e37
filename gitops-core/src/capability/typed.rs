//! Backends over serde types.

use async_trait::async_trait;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Scope, Target, TargetInfo};
use crate::cx::Cx;
use crate::value::{
    Applied, Change, Error, ErrorKind, Key, Live, OwnerLabel, Ownership, Precondition, Result, Uid, Value,
    Version,
};

/// A type that stands for one kind of object.
pub trait Resource: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The kind, as in [`GroupKind::kind`](crate::GroupKind::kind).
    const KIND: &'static str;
}

/// A target of one kind of object, written over a serde type instead of [`Value`]; [`Typed`] makes it a [`Target`].
///
/// # Guarantees asked of an implementation
/// Those of [`Target`]: `put` and `delete` check the precondition and make the change in one step.
#[async_trait]
pub trait TypedTarget: Send + Sync {
    /// What it keeps.
    type Resource: Resource;

    /// What the target is and how much it can take.
    fn info(&self) -> TargetInfo;

    /// The object of a key, if it is there. One that can't be decoded is there, with the error in it.
    async fn get(&self, cx: &Cx, key: &Key) -> Result<Option<Found<Self::Resource>>>;

    /// Makes or changes an object, with its owner label, if the precondition holds.
    async fn put(
        &self,
        cx: &Cx,
        key: &Key,
        resource: &Self::Resource,
        precondition: Precondition<'_>,
        owner_label: &OwnerLabel,
    ) -> Result<Applied>;

    /// Removes an object, if the precondition holds and the object carries the owner's owner label.
    async fn delete(
        &self,
        cx: &Cx,
        key: &Key,
        precondition: Precondition<'_>,
        owner_label: &OwnerLabel,
    ) -> Result<Applied>;
}

/// An object as a typed target has it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Found<R> {
    /// The object, or why it can't be decoded.
    pub resource: Result<R, String>,
    /// Which incarnation.
    pub uid: Uid,
    /// Which state of it.
    pub version: Version,
    /// The owner label that it carries, if it carries one: the owner, and the operation that wrote it last.
    pub owner_label: Option<OwnerLabel>,
}

impl<R> Found<R> {
    /// An object, or why it can't be decoded, of nobody.
    pub fn new(resource: Result<R, String>, uid: Uid, version: Version) -> Self {
        Self { resource, uid, version, owner_label: None }
    }

    /// With the owner label that it carries.
    #[must_use]
    pub fn labelled(mut self, owner_label: Option<OwnerLabel>) -> Self {
        self.owner_label = owner_label;
        self
    }
}

/// A [`TypedTarget`] as a [`Target`].
#[derive(Clone, Debug)]
pub struct Typed<T>(pub T);

impl<T: TypedTarget> Typed<T> {
    fn check_kind(key: &Key) -> Result<()> {
        if key.kind().kind() == T::Resource::KIND {
            return Ok(());
        }
        let message = format!("this target keeps objects of the kind {}", T::Resource::KIND);
        Err(Error::new(ErrorKind::Unsupported, message).at(key))
    }

    fn live(key: &Key, found: Found<T::Resource>) -> Live {
        let mut live = match found.resource.and_then(|resource| Value::encode(&resource)) {
            Ok(body) => Live::new(key.clone(), found.uid, found.version, body),
            Err(reason) => Live::unreadable(key.clone(), reason),
        };
        if let Some(OwnerLabel { owner, op }) = found.owner_label {
            (live.ownership, live.op) = (Ownership::Owner(owner.into()), Some(op));
        }
        live
    }
}

#[async_trait]
impl<T: TypedTarget> Target for Typed<T> {
    fn info(&self) -> TargetInfo {
        self.0.info()
    }

    async fn observe(&self, cx: &Cx, scope: &Scope) -> Result<Vec<Live>> {
        let mut found = Vec::new();
        for key in scope.keys() {
            Self::check_kind(key)?;
            found.extend(self.0.get(cx, key).await?.map(|object| Self::live(key, object)));
        }
        Ok(found)
    }

    async fn apply(&self, cx: &Cx, change: &Change) -> Result<Applied> {
        Self::check_kind(change.key())?;
        let Some(body) = change.body() else {
            return self.0.delete(cx, change.key(), change.expects(), change.owner_label()).await;
        };
        let resource = body.decode().map_err(|error| {
            let message = format!("the declaration is no {}: {error}", T::Resource::KIND);
            Error::new(ErrorKind::Invalid, message).at(change.key())
        })?;
        self.0.put(cx, change.key(), &resource, change.expects(), change.owner_label()).await
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::value::{Expect, GroupKind, Object, Presence, Provenance};

    #[derive(Debug, Clone, PartialEq, Serialize, serde::Deserialize)]
    struct Quota {
        limit: u32,
    }

    impl Resource for Quota {
        const KIND: &'static str = "Quota";
    }

    /// Keeps JSON texts, so that one of them can be damaged.
    #[derive(Default)]
    struct Texts(Mutex<BTreeMap<String, String>>);

    #[async_trait]
    impl TypedTarget for Texts {
        type Resource = Quota;

        fn info(&self) -> TargetInfo {
            TargetInfo::new("texts")
        }

        async fn get(&self, _: &Cx, key: &Key) -> Result<Option<Found<Quota>>> {
            let found = |text: &String| Found {
                resource: serde_json::from_str(text).map_err(|error| error.to_string()),
                uid: Uid::new("1"),
                version: Version::new(text.as_str()),
                owner_label: None,
            };
            Ok(self.0.lock().unwrap().get(key.name()).map(found))
        }

        async fn put(
            &self,
            _: &Cx,
            key: &Key,
            quota: &Quota,
            _: Precondition<'_>,
            _: &OwnerLabel,
        ) -> Result<Applied> {
            let text = serde_json::to_string(quota)?;
            self.0.lock().unwrap().insert(key.name().to_owned(), text.clone());
            Ok(Applied::Present { uid: Uid::new("1"), version: Version::new(text) })
        }

        async fn delete(&self, _: &Cx, key: &Key, _: Precondition<'_>, _: &OwnerLabel) -> Result<Applied> {
            self.0.lock().unwrap().remove(key.name());
            Ok(Applied::Absent)
        }
    }

    fn key(name: &str) -> Key {
        Key::new("texts", GroupKind::new("", "Quota"), "", name)
    }

    fn create(name: &str, body: Value) -> Change {
        let provenance = Provenance { source: "".into(), revision: "".into(), path: "".into(), line: 0 };
        let object = Arc::new(Object::new(key(name), body, provenance));
        Change::Create {
            object,
            owner_label: OwnerLabel { owner: "us".into(), op: "1".into() },
            preview: None,
        }
    }

    #[tokio::test]
    async fn an_object_that_can_not_be_decoded_is_its_own_error_alone() {
        let (cx, target) = (Cx::system(), Typed(Texts::default()));
        target.apply(&cx, &create("a", Value::map([("limit", Value::from(3))]))).await.unwrap();
        target.0.0.lock().unwrap().insert("b".into(), "no quota".into());
        let found = target.observe(&cx, &[key("a"), key("b"), key("c")].into_iter().collect()).await.unwrap();
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].body, Value::map([("limit", Value::from(3))]));
        assert!(matches!(found[1].presence, Presence::Unreadable(_)));
        let expect = Expect::from(&found[1]);
        assert!(!Precondition::Exactly(&expect).holds(Some(&found[1])), "nothing is written over it");
    }

    #[tokio::test]
    async fn a_declaration_of_another_shape_is_refused_before_any_call() {
        let target = Typed(Texts::default());
        let change = create("a", Value::map([("limit", "many".into())]));
        let error = target.apply(&Cx::system(), &change).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert!(target.0.0.lock().unwrap().is_empty());
    }
}
