//! What an object is made of is seen by gates, though it is one step of a plan.
#![cfg(feature = "cel")]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::sync::Arc;

use gitops_core::capability::{DryRun, Preview};
use gitops_core::gate::cel::{CelGate, Expression};
use gitops_core::*;
use support::{World, key};

/// Objects of ten components each; the content of a declaration says how many of them it takes away.
struct Compound(Arc<Memory>);

#[async_trait]
impl Target for Compound {
    fn info(&self) -> TargetInfo {
        self.0.info()
    }

    async fn observe(&self, cx: &Cx, scope: &Scope) -> Result<Vec<Live>> {
        let mut found = self.0.observe(cx, scope).await?;
        found.iter_mut().for_each(|live| live.components = vec![Component::default(); 10]);
        Ok(found)
    }

    async fn apply(&self, cx: &Cx, change: &Change) -> Result<Applied> {
        self.0.apply(cx, change).await
    }

    fn dry_run(&self) -> Option<&dyn DryRun> {
        Some(self)
    }
}

fn loss(number: usize) -> ComponentChange {
    let before = Value::Secret(Secret::new("canary", &SecretKey::new([1; 32])));
    let change = ComponentChange::new(format!("disk-{number}"), "disk", "delete");
    change.losing(Some(Risk::Delete)).between(Some(before), None)
}

#[async_trait]
impl DryRun for Compound {
    async fn preview(
        &self,
        _: &Cx,
        _: &Key,
        object: Option<&Object>,
        live: Option<&Live>,
    ) -> Result<Preview> {
        let content = object.and_then(|object| object.body.get("content")?.as_text());
        let lost = content.and_then(|text| text.parse().ok()).filter(|_| live.is_some()).unwrap_or(0);
        let body = object.map_or(Value::Null, |object| object.body.clone());
        let diff = live.map(|live| Structural::default().diff(&body, &live.body)).unwrap_or_default();
        let digest = Digest::of(content.unwrap_or_default().as_bytes());
        Ok(Preview::new(diff, digest).made_of((0..lost).map(loss).collect()))
    }
}

fn render(part: &Part<'_>) -> Result<Vec<Object>, Vec<Diagnostic>> {
    let body = Value::map([("content", Value::text_or_bytes(part.bytes()?))]);
    Ok(vec![Object::new(key(part.path()), body, part.provenance(0))])
}

/// The plan after one object was made and its declaration changed, and what the gates say of it.
async fn planned(content: &str, gate: Option<CelGate>) -> (Plan, Verdict) {
    let world = World::with(&[("a", "made"), ("b", "made")]);
    let builder = world.builder("test").render(Arc::new(render_files("components 1", render)));
    let builder = gate.into_iter().fold(builder, |builder, gate| builder.gate(Arc::new(gate)));
    let mut engine =
        builder.target("t", Arc::new(Compound(world.memory.clone()))).open(&world.cx).await.unwrap();
    assert!(engine.reconcile(&world.cx).await.unwrap().is_converged());
    world.declare(&[("a", content), ("b", "made")]);
    let plan = engine.plan(&world.cx).await.unwrap();
    let verdict = engine.verdict(&world.cx, &plan);
    (plan, verdict)
}

#[tokio::test]
async fn a_change_that_takes_much_of_an_object_needs_an_approval_and_one_that_takes_little_does_not() {
    let (plan, verdict) = planned("5", None).await;
    assert_eq!((&plan.steps[0].risk[..], plan.steps[0].components.owned), (&[Risk::Delete][..], 10));
    assert_eq!(verdict, Verdict::Allow);
    let (_, verdict) = planned("6", None).await;
    let said = "mass-delete: in t:K/-/a, 6 of 10 components would be deleted; more than 5 need an approval";
    assert!(matches!(verdict, Verdict::NeedsApproval { .. }));
    assert_eq!(verdict.messages()[0].to_string(), said);
    assert!(planned("other", None).await.0.steps[0].risk.is_empty());
}

#[tokio::test]
async fn a_rule_sees_components_with_their_secrets_masked() {
    let rule =
        "steps.all(s, s.components.all(c, c.kind != 'disk' || c.action != 'delete' || c.before == 'canary'))";
    let gate = CelGate::new("disks", Expression::parse(rule).unwrap(), Verdict::deny("disks", "disks stay"));
    assert_eq!(planned("0", Some(gate.clone())).await.1, Verdict::Allow);
    assert_eq!(planned("1", Some(gate)).await.1, Verdict::deny("disks", "disks stay"));
}
