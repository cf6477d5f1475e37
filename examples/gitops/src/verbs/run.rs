//! `gitops run`: keeps the target equal to the source until stopped.

use super::Ended;
use crate::app::App;
use crate::exit::Exit;
use crate::progress;
use crate::session::{Access, Session};

/// Ends only when asked to, or when going on would be unsafe.
pub async fn run(app: &App) -> Ended {
    let mut session = Session::open(app, Access::Write, progress::stream(app)).await?;
    session.note_pin(app).await?;
    let (name, root) = (&session.config.name, session.config.root.display());
    app.screen.note(&format!("Keeping {root} equal to what {name} declares; Ctrl-C stops."));
    session.engine.run(&app.cx, session.config.sync.interval).await?;
    app.screen.note("Stopped: every change that was sent is recorded. Go on:  gitops run");
    Ok(match app.interrupt.is_termination() {
        true => Exit::Ok,
        false => Exit::Interrupted,
    })
}
