//! `gitops run`: keeps the target equal to the source until stopped.

use super::Ended;
use crate::app::App;
use crate::exit::Exit;
use crate::output::style::escape;
use crate::progress;
use crate::session::{Access, Session};

/// Ends only when asked to, at `--timeout`, or when going on would be unsafe.
pub async fn run(app: &App) -> Ended {
    let mut session = Session::open(app, Access::Write, progress::stream(app)).await?;
    session.note_pin(app).await?;
    let targets: Vec<String> = session.config.targets.iter().map(ToString::to_string).collect();
    let (targets, name) = (escape(&targets.join(", ")), &session.config.name);
    app.screen.note(&format!("Keeping {targets} equal to what {name} declares; Ctrl-C stops."));
    session.engine.run(&app.until_stopped(), session.config.sync.interval).await?;
    app.screen
        .note(&format!("Stopped: every change that was sent is recorded. Go on:  {}", app.command("run")));
    Ok(match app.interrupt.is_pressed() {
        true => Exit::Interrupted,
        false => Exit::Ok,
    })
}
