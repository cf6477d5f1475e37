//! What happens while a verb works, on standard error.

mod bars;
mod heartbeat;
mod lines;
mod repeats;
mod served;
mod stream;
mod words;

use std::sync::Arc;

use gitops_core::EventSink;
use gitops_server::ServerEvent;

use crate::app::App;

/// The one sink for a verb that ends by itself: drawn in place on a terminal, plain lines elsewhere.
pub fn sink(app: &App) -> Arc<dyn EventSink> {
    match app.screen.draws_progress() && !app.screen.is_verbose() {
        true => Arc::new(bars::Bars::new()),
        false => lines(app),
    }
}

/// The one sink for `run`: plain lines, or one JSON document per event on standard output.
pub fn stream(app: &App) -> Arc<dyn EventSink> {
    match app.screen.is_json() {
        true => Arc::new(stream::Stream::new(app)),
        false => lines(app),
    }
}

/// What is told of a server: plain lines, or one JSON document per event on standard output.
pub fn served(app: &App) -> impl Fn(&ServerEvent) + Send + Sync + 'static {
    let served = served::Served::new(app);
    move |event| served.event(event)
}

fn lines(app: &App) -> Arc<dyn EventSink> {
    let under_way = heartbeat::UnderWay::default();
    heartbeat::start(app, under_way.clone());
    Arc::new(lines::Lines::new(app, under_way))
}
