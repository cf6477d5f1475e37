//! The kit for layers.

mod probe;

use std::collections::BTreeMap;
use std::sync::Arc;

use self::probe::{Probe, live};
use super::check::{Asked, Bench, Check, Checked, check, ensure};
use super::kit::Kit;
use super::poll::drop_at;
use crate::capability::{Beside, Scope, Target};
use crate::cx::Cx;
use crate::layer::Layer;
use crate::render::Desired;
use crate::source::Source;
use crate::value::{
    Applied, Change, Error, ErrorKind, GroupKind, Key, Object, OwnerLabel, Provenance, Revision, Uid, Value,
};

pub(super) const CHECKS: &[Check<LayerBench>] = &[
    check!("Y01", Asked::All, info, "What a target or a source is comes through."),
    check!("Y02", Asked::All, powers, "A power is offered exactly if what is within offers it."),
    check!("Y03", Asked::All, calls, "Each call of a target comes through once, with its answer."),
    check!("Y04", Asked::All, errors, "An error comes through with its kind, and whether anything happened."),
    check!("Y05", Asked::All, calls_of_powers, "Each call of a power comes through once."),
    check!("Y06", Asked::All, sources, "Each call of a source comes through once."),
    check!("Y07", Asked::All, apart, "What one layer wraps stays apart."),
    check!("Y08", Asked::All, dropped, "A call that is dropped is dropped within."),
];

/// The kit for a layer that passes calls on; `make` gives a fresh one for each check.
///
/// A layer that answers in the place of a target has a contract of its own.
pub fn layer(make: impl Fn() -> Arc<dyn Layer> + Send + Sync + 'static) -> Kit {
    Kit::of(CHECKS, move |cx| {
        let layer = make();
        async move { Ok(LayerBench { cx, layer }) }
    })
}

pub(super) struct LayerBench {
    cx: Cx,
    layer: Arc<dyn Layer>,
}

impl Bench for LayerBench {
    fn subject(&self) -> String {
        "layer".to_owned()
    }
}

impl LayerBench {
    /// A probe, and the same seen through the layer.
    fn target(&self, probe: Probe) -> (Arc<Probe>, Arc<dyn Target>) {
        let probe = Arc::new(probe);
        (probe.clone(), self.layer.layer(probe))
    }

    fn source(&self, probe: Probe) -> (Arc<Probe>, Arc<dyn Source>) {
        let probe = Arc::new(probe);
        (probe.clone(), self.layer.layer_source(probe))
    }
}

fn key() -> Key {
    Key::new("probe", GroupKind::new("", "Thing"), "", "thing")
}

fn object() -> Arc<Object> {
    let provenance = Provenance { source: "".into(), revision: "".into(), path: "".into(), line: 0 };
    Arc::new(Object::new(key(), Value::from("text"), provenance))
}

fn creation() -> Change {
    let owner_label = OwnerLabel { owner: "kit".into(), op: "1".into() };
    Change::Create { object: object(), owner_label, preview: None }
}

fn scope() -> Scope {
    [key()].into_iter().collect()
}

fn came(probe: &Probe, expected: &[&str]) -> Checked {
    let calls = probe.calls();
    ensure!(calls == expected, "{expected:?} was called, and {calls:?} came through");
    Ok(())
}

async fn info(bench: &LayerBench) -> Checked {
    let (probe, target) = bench.target(Probe::able());
    ensure!(target.info() == Target::info(&*probe), "the target is shown as {:?}", target.info());
    let (probe, source) = bench.source(Probe::able());
    ensure!(source.info() == Source::info(&*probe), "the source is shown as {:?}", source.info());
    Ok(())
}

fn offered(target: &dyn Target, source: &dyn Source) -> [(&'static str, bool); 8] {
    [
        ("a dry run", target.dry_run().is_some()),
        ("admission", target.admission().is_some()),
        ("a watch", target.watch().is_some()),
        ("health", target.health().is_some()),
        ("import", target.import().is_some()),
        ("batches", target.batch().is_some()),
        ("history", source.history().is_some()),
        ("a watch of a source", source.watch().is_some()),
    ]
}

async fn powers(bench: &LayerBench) -> Checked {
    for (make, within) in [(Probe::plain as fn() -> Probe, false), (Probe::able, true)] {
        let (target, source) = (bench.target(make()).1, bench.source(make()).1);
        for (power, is_offered) in offered(&*target, &*source) {
            ensure!(
                is_offered == within,
                "within, {power} is offered: {within}; seen from outside: {is_offered}"
            );
        }
    }
    Ok(())
}

async fn calls(bench: &LayerBench) -> Checked {
    let (probe, target) = bench.target(Probe::able());
    let live = target.observe(&bench.cx, &scope()).await?;
    let answer = target.apply(&bench.cx, &creation()).await?;
    came(&probe, &["observe", "apply"])?;
    ensure!(live == [probe::live()], "the probe shows {:?}, and {live:?} came through", probe::live());
    ensure!(answer == Applied::from(&probe::live()), "the answer came through as {answer:?}");
    Ok(())
}

async fn errors(bench: &LayerBench) -> Checked {
    for kind in [ErrorKind::Invalid, ErrorKind::Conflict, ErrorKind::Forbidden, ErrorKind::NotOwned] {
        for unknown in [false, true] {
            let error = move || {
                let error = Error::new(kind, "as it was");
                if unknown { error.outcome_unknown() } else { error }
            };
            let target = bench.target(Probe::failing(error)).1;
            let Err(told) = target.apply(&bench.cx, &creation()).await else {
                ensure!(false, "an error of kind {kind:?} came through as success");
                continue;
            };
            let (is, was) = ((told.kind(), told.is_unknown()), (kind, unknown));
            ensure!(is == was, "an error that was {was:?} came through as {is:?}");
        }
    }
    Ok(())
}

async fn calls_of_powers(bench: &LayerBench) -> Checked {
    let (probe, target) = bench.target(Probe::able());
    let cx = &bench.cx;
    if let Some(plan) = target.dry_run() {
        plan.preview(cx, &key(), Some(&object()), None).await?;
    }
    if let Some(admission) = target.admission() {
        admission.admits(cx, &object(), &Beside::new(Desired::default(), None)).await?;
        admission.refuses_deletion(cx, &live()).await?;
        admission.going(cx, &[key()], &BTreeMap::new()).await?;
    }
    if let Some(watch) = target.watch() {
        watch.moved(cx).await?;
    }
    if let Some(health) = target.health() {
        health.ready(cx, &key(), &Applied::Absent).await?;
        health.look(cx, &[key()]).await?;
        health.ends(cx, &[(key(), Uid::new("1"))]).await?;
    }
    if let Some(import) = target.import() {
        import.adopt(cx, &creation()).await?;
    }
    if let Some(batch) = target.batch() {
        ensure!(batch.limit() == 7, "a batch of 7 is shown as one of {}", batch.limit());
        let answers = batch.apply_all(cx, &[creation(), creation()]).await;
        ensure!(answers.len() == 2, "two changes have {} answers", answers.len());
    }
    let of_admission = ["preview", "admits", "refuses_deletion", "going"];
    came(&probe, &[&of_admission[..], &["moved", "ready", "look", "ends", "adopt", "apply_all"]].concat())
}

async fn sources(bench: &LayerBench) -> Checked {
    let (probe, source) = bench.source(Probe::able());
    let (cx, revision) = (&bench.cx, Revision::new("1", "main"));
    source.resolve(cx).await?;
    source.fetch(cx, &revision).await?;
    if let Some(history) = source.history() {
        history.relation(cx, &revision, &revision).await?;
        history.find(cx, "main").await?;
        history.describe(cx, &revision).await?;
        history.log(cx, &revision, "", 1).await?;
        history.between(cx, &revision, &revision, 1).await?;
        history.blame(cx, &revision, "a", 1..=1).await?;
    }
    if let Some(watch) = source.watch() {
        watch.changed(cx).await?;
    }
    came(&probe, &["resolve", "fetch", "relation", "find", "describe", "log", "between", "blame", "changed"])
}

async fn apart(bench: &LayerBench) -> Checked {
    let (first, target) = bench.target(Probe::able());
    let (second, other) = bench.target(Probe::able());
    target.apply(&bench.cx, &creation()).await?;
    other.observe(&bench.cx, &scope()).await?;
    came(&first, &["apply"])?;
    came(&second, &["observe"])
}

async fn dropped(bench: &LayerBench) -> Checked {
    for awaits in 1..16 {
        let (probe, target) = bench.target(Probe::able());
        let done = drop_at(target.apply(&bench.cx, &creation()), awaits).await.is_some();
        let begun = probe.calls().len();
        // What goes on by itself shows when others have had their turn.
        for _ in 0..8 {
            tokio::task::yield_now().await;
        }
        let (now, open) = (probe.calls().len(), probe.open());
        ensure!(open == 0 && now == begun, "a call that was dropped at await {awaits} goes on within");
        if done {
            break;
        }
    }
    Ok(())
}
