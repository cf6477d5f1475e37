//! A rendering that hangs, as a template tool that waits for a server does.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use gitops_core::*;

use crate::support::World;

const LONG: Duration = Duration::from_secs(3600);

/// Waits for what never comes, and tells how the wait began and ended.
struct Hangs(std::sync::Mutex<Sender<Option<ErrorKind>>>);

#[async_trait]
impl Render for Hangs {
    fn render(&self, cx: &Cx, _: &Part<'_>) -> Result<Vec<Object>, Vec<Diagnostic>> {
        let told = self.0.lock().unwrap();
        told.send(None).unwrap();
        let ended = cx.block_on(LONG, std::future::pending::<()>()).unwrap_err();
        told.send(Some(ended.kind())).unwrap();
        Err(vec![Diagnostic::error("GO0411", "a", "it was killed")])
    }

    fn fingerprint(&self) -> Digest {
        Digest::of(b"hangs")
    }
}

async fn engine(cx: &Cx) -> (Engine, Receiver<Option<ErrorKind>>) {
    let world = World::with(&[("a", "1")]);
    let (told, heard) = channel();
    let render = Arc::new(Hangs(told.into()));
    let builder = world.builder("test").target("t", world.memory.clone()).render(render);
    (builder.open(cx).await.unwrap(), heard)
}

/// One thread drives all futures: were it the one that renders, nobody could ask for anything.
#[tokio::test]
async fn who_asks_to_stop_is_heard_while_something_is_rendered() {
    let cx = Cx::system();
    let (mut engine, heard) = engine(&cx).await;
    let (asks, begun) = (cx.clone(), tokio::task::spawn_blocking(move || (heard.recv().unwrap(), heard)));
    let stop = async {
        let (_, heard) = begun.await.unwrap();
        asks.cancel();
        heard
    };
    let (planned, heard) = tokio::join!(engine.plan(&cx), stop);
    assert_eq!(planned.unwrap_err().kind(), ErrorKind::Cancelled, "not a fault of what is declared");
    let ended = tokio::task::spawn_blocking(move || heard.recv().unwrap()).await.unwrap();
    assert_eq!(ended, Some(ErrorKind::Cancelled), "the rendering itself ends");
}

#[tokio::test]
async fn the_deadline_ends_a_rendering() {
    let cx = Cx::system();
    let (mut engine, _heard) = engine(&cx).await;
    let error = engine.plan(&cx.within(Duration::from_millis(100))).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(error.to_string().contains("render"), "it says what took so long: {error}");
}

/// So it is when a lease is lost: who worked under it drops the work.
#[tokio::test]
async fn nobody_waits_any_more_and_the_rendering_ends() {
    let cx = Cx::system();
    let (mut engine, heard) = engine(&cx).await;
    let begun = tokio::task::spawn_blocking(move || (heard.recv().unwrap(), heard));
    let heard = tokio::select! {
        _ = engine.plan(&cx) => panic!("it hangs"),
        begun = begun => begun.unwrap().1,
    };
    let ended = tokio::task::spawn_blocking(move || heard.recv().unwrap()).await.unwrap();
    assert_eq!((ended, cx.is_cancelled()), (Some(ErrorKind::Cancelled), false));
    assert!(engine.desired().is_none());
}
