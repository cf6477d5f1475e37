//! What renderers depend on besides the tree may change while the revision stays.
//!
//! Met with charts that declare more once an operator is there, which was noticed with the next commit.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use gitops_core::*;

use crate::support::{World, body, key, yes};

/// Declares what it knows of the world, which it finds out when it is asked to.
#[derive(Default)]
struct Outside {
    is: Mutex<&'static str>,
    known: Mutex<&'static str>,
    asked: Mutex<usize>,
    is_away: Mutex<bool>,
}

impl Outside {
    fn becomes(&self, now: &'static str) {
        *self.is.lock().unwrap() = now;
    }

    fn asked(&self) -> usize {
        *self.asked.lock().unwrap()
    }
}

struct Chart(Arc<Outside>);

#[async_trait]
impl Render for Chart {
    fn render(&self, _: &Cx, part: &Part<'_>) -> Result<Vec<Object>, Vec<Diagnostic>> {
        let known = *self.0.known.lock().unwrap();
        Ok(vec![Object::new(key("a"), body(known), part.provenance(0))])
    }

    async fn refresh(&self, _: &Cx) -> Result<()> {
        if *self.0.is_away.lock().unwrap() {
            return Err(Error::new(ErrorKind::Unavailable, "nobody answers"));
        }
        *self.0.known.lock().unwrap() = *self.0.is.lock().unwrap();
        *self.0.asked.lock().unwrap() += 1;
        Ok(())
    }

    fn fingerprint(&self) -> Digest {
        Digest::of(self.0.known.lock().unwrap().as_bytes())
    }
}

async fn engine(world: &World, outside: &Arc<Outside>) -> Engine {
    let builder = world.without_render("test").render(Arc::new(Chart(outside.clone())));
    builder.target("t", world.memory.clone()).open(&world.cx).await.unwrap()
}

#[tokio::test]
async fn a_plan_knows_what_has_changed_outside_and_a_reconciliation_soon_after_asks_nobody() {
    let (world, outside) = (World::with(&[("chart", "1")]), Arc::<Outside>::default());
    outside.becomes("old");
    let mut engine = engine(&world, &outside).await;
    engine.reconcile(&world.cx).await.unwrap();
    let before = outside.asked();
    outside.becomes("new");
    assert_eq!(engine.reconcile(&world.cx).await.unwrap().plan.steps, []);
    assert_eq!(outside.asked(), before, "a minute is not over");
    let plan = engine.plan(&world.cx).await.unwrap();
    assert_eq!(plan.steps.len(), 1);
    engine.apply(&world.cx, &plan, &yes()).await.unwrap();
    assert_eq!(world.contents(), [("a".to_owned(), "new".to_owned())]);
}

#[tokio::test]
async fn a_running_engine_asks_once_an_interval() {
    let (world, outside) = (World::with(&[("chart", "1")]), Arc::<Outside>::default());
    outside.becomes("old");
    let (cx, memory, is) = (world.cx.clone(), world.memory.clone(), outside.clone());
    let sink = move |event: &Event| {
        if !matches!(event, Event::Finished { .. }) {
            return;
        }
        match memory.get(&key("a")).is_some_and(|live| live.body == body("new")) {
            true => cx.cancel(),
            false => is.becomes("new"),
        }
    };
    let builder = world.without_render("test").render(Arc::new(Chart(outside.clone())));
    let builder = builder.target("t", world.memory.clone()).events(Arc::new(sink));
    let mut engine = builder.open(&world.cx).await.unwrap();
    engine.run(&world.cx, Duration::from_millis(1)).await.unwrap();
    assert_eq!(world.contents(), [("a".to_owned(), "new".to_owned())]);
}

/// One cluster that was away kept the objects of all others waiting, in each interval.
#[tokio::test]
async fn where_nobody_answers_what_is_known_is_gone_on_with() {
    let (world, outside) = (World::with(&[("chart", "1")]), Arc::<Outside>::default());
    outside.becomes("old");
    let mut engine = engine(&world, &outside).await;
    engine.reconcile(&world.cx).await.unwrap();
    *outside.is_away.lock().unwrap() = true;
    world.memory.edit(&key("a"), Some(body("edited")));
    let plan = engine.plan(&world.cx).await.unwrap();
    engine.apply(&world.cx, &plan, &yes()).await.unwrap();
    assert_eq!(world.contents(), [("a".to_owned(), "old".to_owned())]);
}
