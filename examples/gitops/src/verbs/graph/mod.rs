//! `gitops graph`: draws what needs what.

mod parts;

use gitops_app::documents::changes;
use gitops_app::documents::graph::{self, Choice, GraphDocument};
use gitops_app::lookup;
use gitops_app::session::Access;
use gitops_core::{Component, Direction, Drawn, Key, Parts, Picture};

use super::Ended;
use crate::app::App;
use crate::cli::{GraphArgs, GraphFormat};
use crate::exit::Exit;
use crate::output::style::{YELLOW, paint};
use crate::output::table::{Cell, Columns, draw};
use crate::progress;

/// So many objects, or resources of a root, that look alike are still drawn one by one.
const ALIKE: usize = 3;

/// How many needs a line names.
const NAMED: usize = 5;

/// How many edges Mermaid draws unless it is told otherwise (`maxEdges`).
const MERMAID_EDGES: usize = 500;

/// The graph of everything that is declared, or of what is chosen.
pub async fn run(app: &App, args: &GraphArgs) -> Ended {
    let mut session = app.open(Access::Look, progress::sink(app)).await?;
    session.engine.plan(&app.cx).await?;
    let graph = graph::declared(&session)?;
    let choice = match &args.key {
        Some(text) => Choice::One(lookup::find(text, graph.keys())?),
        None => Choice::of(&args.kinds, &args.namespaces, &graph)?,
    };
    let graph = graph.around(args.depth.unwrap_or(usize::MAX), |key| choice.has(key));
    let components = graph::components(&app.cx, &session, &graph).await?;
    app.answer(&GraphDocument::new(&graph, &components), || {
        let many = if args.all { usize::MAX } else { ALIKE };
        let components = parts::folded(&components, many);
        let is_made_of_parts = |key: &Key| components.get(key).is_some_and(|parts| !parts.is_empty());
        let picture = graph.folded(many, |key| choice.names(key) || is_made_of_parts(key));
        match args.format {
            GraphFormat::Text => text(&picture, &components, app.screen.columns(), args.all),
            GraphFormat::Dot => picture.dot(Direction::Down, &components),
            GraphFormat::Mermaid => {
                warn_of_size(app, &picture, &components);
                picture.mermaid(Direction::Down, &components)
            }
        }
    })?;
    Ok(Exit::Ok)
}

/// Says that a flowchart may be too large to be drawn.
fn warn_of_size(app: &App, picture: &Picture, components: &Parts) {
    let edges = picture.edges().len() + components.values().map(Vec::len).sum::<usize>();
    if edges > MERMAID_EDGES {
        app.screen.note(&format!(
            "{} {edges} edges, and Mermaid draws {MERMAID_EDGES} unless `maxEdges` is raised: choose an object, `--kind`, \
             `--namespace` or `--depth`, or use `--format dot`.",
            paint(YELLOW, "Too large to draw:")
        ));
    }
}

/// One line per node, each after what it needs; below it a line for each resource that it is made of.
fn text(picture: &Picture, components: &Parts, columns: Columns, all: bool) -> String {
    let row = |at: usize| -> Vec<Cell> {
        let needs: Vec<String> = picture.needs(at).map(short).collect();
        vec![picture.nodes()[at].to_string().into(), needed(&needs, all).into()]
    };
    let part = |part: &Component| -> Vec<Cell> {
        vec![format!("  {}", part.name).into(), part.trouble.clone().unwrap_or_default().into()]
    };
    let rows = |at: &usize| -> Vec<Vec<Cell>> {
        let parts = picture.nodes()[*at].single().and_then(|key| components.get(key));
        std::iter::once(row(*at)).chain(parts.into_iter().flatten().map(part)).collect()
    };
    draw(&picture.order().iter().flat_map(rows).collect::<Vec<_>>(), columns)
}

/// A node without its target.
fn short(node: &Drawn) -> String {
    match node.single() {
        Some(key) => changes::object(key),
        None => node.to_string(),
    }
}

fn needed(needs: &[String], all: bool) -> String {
    let shown = if all { needs.len() } else { NAMED };
    match needs.len().saturating_sub(shown) {
        _ if needs.is_empty() => String::new(),
        0 => format!("needs {}", needs.join(", ")),
        more => format!("needs {} and {more} more", needs[..shown].join(", ")),
    }
}
