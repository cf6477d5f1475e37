//! The target and the store, proven by the conformance kit.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use gitops_core::conformance::{self, Fault as Asked, Outside, Samples, StoreSubject, Subject};
use gitops_core::{Error, ErrorKind, GroupKind, Key, RecoveryClass, Result, Value};
use gitops_k8s::ClusterStore;
use serde_json::{Value as Json, json};
use testbed::{Fault, FaultProxy};

use crate::support::World;

struct Hands {
    world: World,
    proxy: FaultProxy,
}

fn uri(key: &Key) -> String {
    format!("/api/v1/namespaces/{}/configmaps/{}", key.namespace(), key.name())
}

fn config_map(name: &str, data: Json) -> Json {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data})
}

#[async_trait]
impl Outside for Hands {
    async fn edit(&self, key: &Key, body: Option<&Value>) -> Result<()> {
        let (admin, uri) = (&self.world.admin, uri(key));
        let Some(body) = body else {
            admin.send("DELETE", &uri, "application/json", &Json::Null).await;
            return Ok(());
        };
        let mut body: Json = body.decode().unwrap();
        body["metadata"] = json!({"name": key.name()});
        let patch = json!({"data": body["data"]});
        // What is absent for one request may be there for the next, and the other way round.
        loop {
            let merged = admin.send("PATCH", &uri, "application/merge-patch+json", &patch).await;
            if merged.0 == 200 {
                return Ok(());
            }
            assert_eq!(merged.0, 404, "{}", merged.1);
            let collection = uri.rsplit_once('/').unwrap().0;
            let made = admin.send("POST", collection, "application/json", &body).await;
            if made.0 == 201 {
                return Ok(());
            }
            assert_eq!(made.0, 409, "{}", made.1);
        }
    }

    async fn add_field(&self, key: &Key) -> Result<()> {
        self.world.admin.merge(&uri(key), &json!({"data": {"theirs": "1"}})).await;
        Ok(())
    }

    async fn has_field(&self, key: &Key) -> Result<bool> {
        let there = self.world.admin.get(&uri(key)).await;
        Ok(there.is_some_and(|it| it["data"]["theirs"] == "1"))
    }

    async fn copy_owner_label(&self, from: &Key, to: &Key) -> Result<()> {
        let mut copy = self.world.admin.get(&uri(from)).await.unwrap();
        let metadata = copy["metadata"].take();
        copy["metadata"] = json!({
            "name": to.name(), "labels": metadata["labels"], "annotations": metadata["annotations"]
        });
        self.world.admin.post(uri(to).rsplit_once('/').unwrap().0, &copy).await;
        Ok(())
    }

    async fn hold(&self, key: &Key) -> Result<()> {
        let held = json!({"metadata": {"finalizers": ["example.org/hold"]}});
        self.world.admin.merge(&uri(key), &held).await;
        Ok(())
    }

    async fn release(&self, key: &Key) -> Result<()> {
        self.world.admin.merge(&uri(key), &json!({"metadata": {"finalizers": null}})).await;
        Ok(())
    }

    async fn fault(&self, fault: Asked) -> Result<()> {
        let fail = |method, part, fault| self.proxy.fail(method, part, usize::MAX, fault);
        match fault {
            Asked::Throttled(delay) => {
                let seconds = u32::try_from(delay.as_secs()).unwrap();
                fail("", "", Fault::Answer(429, Some(seconds)));
            }
            Asked::Overloaded => fail("", "", Fault::Answer(429, None)),
            Asked::Unauthenticated => fail("", "", Fault::Answer(401, None)),
            Asked::Forbidden => fail("", "", Fault::Answer(403, None)),
            Asked::LostAnswer => {
                for method in ["PATCH", "DELETE"] {
                    fail(method, "", Fault::LoseAnswer);
                }
            }
            Asked::CutAnswer => fail("GET", "limit=", Fault::Cut),
            _ => return Err(Error::new(ErrorKind::Unsupported, "the proxy has no such fault")),
        }
        Ok(())
    }

    async fn fault_at(&self, passing: usize, fault: Asked) -> Result<()> {
        match fault {
            Asked::Unreachable => self.proxy.fail_after(passing, "", "", Fault::LoseRequest),
            Asked::LostAnswer => self.proxy.fail_after(passing, "", "", Fault::LoseAnswer),
            _ => return Err(Error::new(ErrorKind::Unsupported, "the proxy has no such fault")),
        }
        Ok(())
    }

    async fn fault_later_pages(&self, fault: Asked) -> Result<()> {
        let fault = match fault {
            Asked::Unreachable => Fault::LoseRequest,
            Asked::Forbidden => Fault::Answer(403, None),
            _ => return Err(Error::new(ErrorKind::Unsupported, "the proxy has no such fault")),
        };
        self.proxy.fail("GET", "continue=", usize::MAX, fault);
        Ok(())
    }

    async fn later_pages(&self) -> Result<usize> {
        Ok(self.proxy.later_pages())
    }

    async fn mend(&self) -> Result<()> {
        self.proxy.mend();
        Ok(())
    }
}

/// No key of an unknown kind is among them: the server says which kinds are defined, and of one that nothing defines
/// there are no objects. A kind that is defined and can't be read is tested beside this.
fn samples(world: &World) -> Samples {
    let key = |namespace: &str, name: &str| Key::new("k", GroupKind::new("", "ConfigMap"), namespace, name);
    let body = |data: Json| {
        let mut body = config_map("", data);
        body.as_object_mut().unwrap().remove("metadata");
        Value::from_json(body)
    };
    let namespace = world.namespace.clone();
    let inner = format!("{namespace}-inner");
    let outer = Key::new("k", GroupKind::new("", "Namespace"), "", inner.as_str());
    let container = Value::from_json(json!({"apiVersion": "v1", "kind": "Namespace"}));
    let [near, near_by, upper] = ["near", "near-by", "Upper"].map(|name| key(&namespace, name));
    Samples::new(
        move |n| key(&namespace, &format!("note-{n:04}")),
        move |n| body(json!({"n": format!("{n}")})),
    )
    .text(move |text| body(json!({"text": text})))
    .neighbours([near, near_by])
    .narrowing(body(json!({"a": "1", "b": "1"})), body(json!({"a": "1"})))
    .invalid(body(json!({"n": 5})))
    .too_large(body(json!({"n": "x".repeat(1 << 20)})))
    .illegal_keys([upper])
    .container((outer, container), (key(&inner, "theirs"), body(json!({"theirs": "1"}))))
    .awaits(24)
    .many(40)
}

async fn subject() -> Result<Subject> {
    // With controllers, for only they end a namespace with all that is in it.
    let (world, proxy) = World::controlled_behind("kit").await;
    let target = world.builder().replace(true).build()?;
    proxy.limit_pages(15);
    let samples = samples(&world);
    let hands = Arc::new(Hands { world, proxy });
    Ok(Subject::new(Arc::new(target), samples).outside(hands).patience(Duration::from_secs(20)))
}

#[tokio::test]
async fn kubernetes_is_keyed() {
    let report = conformance::target(subject).run().await;
    report.assert_earned(RecoveryClass::Keyed);
    for number in ["C11", "C12", "C18", "C31", "C75", "C77", "C78", "C80", "C81", "C82", "C83"] {
        assert!(!report.skipped().contains(&number), "{number} is run: {report}");
    }
}

#[tokio::test]
async fn the_store_in_the_cluster_keeps_the_contract() {
    let store = || async {
        let world = World::new("kit-store").await;
        let open = || ClusterStore::new(world.cluster.clone(), &world.namespace, "kit");
        let subject = StoreSubject::new("store in the cluster", Arc::new(open()));
        Ok(subject.beside(Arc::new(open())))
    };
    conformance::store(store).run().await.assert_passed();
}
