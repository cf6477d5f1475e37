//! A target over a serde type passes the kit whole.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use gitops_core::conformance::{self, Outside, Samples, Subject};
use gitops_core::*;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Quota {
    limit: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
}

impl Resource for Quota {
    const KIND: &'static str = "Quota";
}

/// Quotas by name; what somebody wrote that is no quota is kept as its text.
#[derive(Default)]
struct Quotas(Mutex<(u64, BTreeMap<String, Found<Quota>>)>);

impl Quotas {
    /// Writes under the lock, if the precondition holds.
    fn put(
        &self,
        key: &Key,
        resource: Quota,
        precondition: Precondition<'_>,
        owner_label: &OwnerLabel,
    ) -> Result<Applied> {
        let mut quotas = self.0.lock().unwrap();
        let (version, uid) = match (quotas.1.get(key.name()), precondition) {
            (None, Precondition::Absent) => (quotas.0 + 1, Uid::new((quotas.0 + 1).to_string())),
            (Some(found), _) if is_left_by(found, &resource, owner_label) => return Ok(state(found)),
            (Some(found), Precondition::Exactly(expect)) if is_ours(found, expect, owner_label) => {
                (quotas.0 + 1, found.uid.clone())
            }
            _ => return Err(Error::conflict(key)),
        };
        quotas.0 = version;
        let version = Version::new(version.to_string());
        let found = Found::new(Ok(resource), uid, version).labelled(Some(owner_label.clone()));
        let answer = state(&found);
        quotas.1.insert(key.name().to_owned(), found);
        Ok(answer)
    }
}

fn state(found: &Found<Quota>) -> Applied {
    Applied::Present { uid: found.uid.clone(), version: found.version.clone() }
}

fn is_ours(found: &Found<Quota>, expect: &Expect, owner_label: &OwnerLabel) -> bool {
    let is_expected = (&found.uid, &found.version) == (&expect.uid, &expect.version);
    is_expected && found.owner_label.as_ref().is_some_and(|own| own.is_of(&owner_label.owner))
}

fn is_left_by(found: &Found<Quota>, resource: &Quota, owner_label: &OwnerLabel) -> bool {
    found.owner_label.as_ref() == Some(owner_label) && found.resource.as_ref() == Ok(resource)
}

#[async_trait]
impl TypedTarget for Quotas {
    type Resource = Quota;

    fn info(&self) -> TargetInfo {
        TargetInfo::new("quotas")
    }

    async fn get(&self, _: &Cx, key: &Key) -> Result<Option<Found<Quota>>> {
        Ok(self.0.lock().unwrap().1.get(key.name()).cloned())
    }

    async fn put(
        &self,
        _: &Cx,
        key: &Key,
        quota: &Quota,
        precondition: Precondition<'_>,
        owner_label: &OwnerLabel,
    ) -> Result<Applied> {
        self.put(key, quota.clone(), precondition, owner_label)
    }

    async fn delete(
        &self,
        _: &Cx,
        key: &Key,
        precondition: Precondition<'_>,
        owner_label: &OwnerLabel,
    ) -> Result<Applied> {
        let mut quotas = self.0.lock().unwrap();
        match (quotas.1.get(key.name()), precondition) {
            (None, _) => {}
            (Some(found), Precondition::Exactly(expect)) if is_ours(found, expect, owner_label) => {
                quotas.1.remove(key.name());
            }
            _ => return Err(Error::conflict(key)),
        }
        Ok(Applied::Absent)
    }
}

struct Hands(Arc<Typed<Quotas>>);

#[async_trait]
impl Outside for Hands {
    async fn edit(&self, key: &Key, body: Option<&Value>) -> Result<()> {
        let mut quotas = self.0.0.0.lock().unwrap();
        quotas.0 += 1;
        let version = Version::new(quotas.0.to_string());
        match body.map(|body| body.decode::<Quota>().unwrap()) {
            Some(quota) => {
                let new = || Found::new(Ok(quota.clone()), Uid::new(version.as_str()), version.clone());
                let found = quotas.1.entry(key.name().to_owned()).or_insert_with(new);
                (found.resource, found.version) = (Ok(quota), version);
            }
            None => drop(quotas.1.remove(key.name())),
        }
        Ok(())
    }

    async fn damage(&self, key: &Key) -> Result<()> {
        let mut quotas = self.0.0.0.lock().unwrap();
        quotas.1.get_mut(key.name()).unwrap().resource = Err("no quota".to_owned());
        Ok(())
    }
}

#[tokio::test]
async fn a_typed_target_is_keyed() {
    let key = |name: &str| Key::new("quotas", GroupKind::new("", "Quota"), "", name);
    let quota = |limit: i64| Value::map([("limit", Value::from(limit))]);
    let samples = move || {
        Samples::new(move |n| key(&format!("quota-{n:04}")), move |n| quota(i64::try_from(n).unwrap()))
            .neighbours([key("near"), key("near-by")])
            .narrowing(Value::map([("limit", Value::from(1)), ("note", "n".into())]), quota(1))
            .invalid(Value::map([("limit", "many".into())]))
            .text(|text| Value::map([("limit", Value::from(1)), ("note", text.into())]))
    };
    let report = conformance::target(move || async move {
        let typed = Arc::new(Typed(Quotas::default()));
        Ok(Subject::new(typed.clone(), samples()).outside(Arc::new(Hands(typed))))
    })
    .run()
    .await;
    report.assert_earned(RecoveryClass::Keyed);
}
