//! A typed target: the quotas of teams. A real one would ask a service; this one keeps them in the process.

use std::collections::BTreeMap;
use std::sync::Mutex;

use gitops_core::prelude::*;
use gitops_core::{Found, Resource, TypedTarget};
use serde::{Deserialize, Serialize};

#[derive(Clone, Serialize, Deserialize)]
pub struct Quota {
    pub limit: u32,
}

impl Resource for Quota {
    const KIND: &'static str = "Quota";
}

type Kept = BTreeMap<Key, Found<Quota>>;

#[derive(Default)]
pub struct Quotas(Mutex<Kept>);

impl Quotas {
    /// Compares and changes in one step, under the lock.
    fn write(
        &self,
        key: &Key,
        on: Precondition<'_>,
        write: impl FnOnce(&mut Kept) -> Applied,
    ) -> Result<Applied> {
        let mut kept = self.0.lock().expect("no write panics");
        let is = kept.get(key).map(|found| Expect { uid: found.uid.clone(), version: found.version.clone() });
        match on {
            Precondition::Absent if is.is_none() => Ok(write(&mut kept)),
            Precondition::Exactly(expect) if is.as_ref() == Some(expect) => Ok(write(&mut kept)),
            _ => Err(Error::conflict(key)),
        }
    }
}

#[async_trait]
impl TypedTarget for Quotas {
    type Resource = Quota;

    fn info(&self) -> TargetInfo {
        TargetInfo::new("quotas")
    }

    async fn get(&self, _: &Cx, key: &Key) -> Result<Option<Found<Quota>>> {
        Ok(self.0.lock().expect("no write panics").get(key).cloned())
    }

    async fn put(
        &self,
        _: &Cx,
        key: &Key,
        quota: &Quota,
        on: Precondition<'_>,
        by: &OwnerLabel,
    ) -> Result<Applied> {
        self.write(key, on, |kept| {
            // The operation that made it is its identity, and the one that wrote it last its version.
            let uid = kept.get(key).map_or_else(|| Uid::new(by.op.as_str()), |found| found.uid.clone());
            let version = Version::new(by.op.as_str());
            let found =
                Found::new(Ok(quota.clone()), uid.clone(), version.clone()).labelled(Some(by.clone()));
            kept.insert(key.clone(), found);
            Applied::Present { uid, version }
        })
    }

    async fn delete(&self, _: &Cx, key: &Key, on: Precondition<'_>, _: &OwnerLabel) -> Result<Applied> {
        self.write(key, on, |kept| {
            kept.remove(key);
            Applied::Absent
        })
    }
}
