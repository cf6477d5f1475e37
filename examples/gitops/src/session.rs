//! Puts the engine together from the configuration.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use gitops_core::{Engine, EventSink, Options, Pin, Plan, Render, Result, Source, StateDir, Target};
use gitops_core::{Key, Live, Scope};

use crate::app::App;
use crate::config::Config;

/// The name under which keys call the folder.
const TARGET: &str = "dir";

/// One application, ready to work.
pub struct Session {
    /// The engine.
    pub engine: Engine,
    /// The configuration that it was made from.
    pub config: Config,
    target: Arc<dyn Target>,
}

/// What a verb does with the state folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Looks at it, also while another process is at work; makes and changes nothing.
    Look,
    /// Takes it for itself.
    Write,
}

impl Session {
    /// Reads the configuration and opens source, target and state.
    ///
    /// # Errors
    /// `Invalid` with diagnostics for faults of the configuration; `Locked` if another process has the state;
    /// whatever keeps source or target from being opened.
    pub async fn open(app: &App, access: Access, events: Arc<dyn EventSink>) -> Result<Self> {
        let config = app.config()?;
        let source = source(&config)?;
        let target = target(&config.root)?;
        let state = match access {
            Access::Look => StateDir::peek(&config.state),
            Access::Write => StateDir::open(&config.state, &app.cx)?,
        };
        let sync = &config.sync;
        let options = Options::default().prune(sync.prune).drift(sync.drift).adopt(sync.adopt);
        let engine = Engine::builder(&config.name)
            .source(source)
            .render(render())
            .target(TARGET, target.clone())
            .options(options)
            .events(events)
            .state(state)
            .open(&app.cx)
            .await?;
        Ok(Self { engine, config, target })
    }

    /// An object as it is now.
    pub async fn live(&self, app: &App, key: &Key) -> Result<Option<Live>> {
        let scope: Scope = std::iter::once(key.clone()).collect();
        Ok(self.target.observe(&app.cx, &scope).await?.pop())
    }
}
