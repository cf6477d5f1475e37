//! `gitops graph`: draws what needs what.

use gitops_app::documents::Document;
use gitops_app::documents::changes;
use gitops_app::session::Access;
use gitops_core::{Component, Direction, Error, ErrorKind, Graph, Key, Parts};
use serde::Serialize;

use super::Ended;
use crate::app::App;
use crate::cli::{GraphArgs, GraphFormat};
use crate::exit::Exit;
use crate::output::table::{Cell, Columns, draw};
use crate::progress;

/// The graph of everything that is declared.
pub async fn run(app: &App, args: &GraphArgs) -> Ended {
    let mut session = app.open(Access::Look, progress::sink(app)).await?;
    session.engine.plan(&app.cx).await?;
    let graph = session.engine.graph().map_err(|cycle| {
        Error::new(ErrorKind::Invalid, cycle.to_string()).help("remove one of these needs")
    })?;
    let components = session.components(&app.cx).await?;
    app.answer(&GraphDocument::new(&graph, &components), || match args.format {
        GraphFormat::Text => text(&graph, &components, app.screen.columns()),
        GraphFormat::Dot => graph.dot(Direction::Down, &components),
        GraphFormat::Mermaid => graph.mermaid(Direction::Down, &components),
    })?;
    Ok(Exit::Ok)
}

/// One line per object, each after what it needs; below it a line for each resource that it is made of.
fn text(graph: &Graph, components: &Parts, columns: Columns) -> String {
    let row = |key: &Key| -> Vec<Cell> {
        let needs: Vec<String> = graph.needs(key).into_iter().map(changes::object).collect();
        let needs = if needs.is_empty() { String::new() } else { format!("needs {}", needs.join(", ")) };
        vec![key.to_string().into(), needs.into()]
    };
    let part = |part: &Component| -> Vec<Cell> {
        vec![format!("  {}", part.name).into(), part.trouble.clone().unwrap_or_default().into()]
    };
    let rows = |key: &Key| -> Vec<Vec<Cell>> {
        let parts = components.get(key).into_iter().flatten();
        std::iter::once(row(key)).chain(parts.map(part)).collect()
    };
    draw(&graph.order().into_iter().flat_map(rows).collect::<Vec<_>>(), columns)
}

/// The document of `graph`.
#[derive(Serialize)]
struct GraphDocument<'a> {
    nodes: Vec<Node<'a>>,
}

#[derive(Serialize)]
struct Node<'a> {
    key: &'a Key,
    needs: Vec<&'a Key>,
    components: &'a [Component],
}

impl Document for GraphDocument<'_> {
    const KIND: &'static str = "Graph";
}

impl<'a> GraphDocument<'a> {
    fn new(graph: &'a Graph, components: &'a Parts) -> Self {
        let of = |key: &Key| components.get(key).map(Vec::as_slice).unwrap_or_default();
        let node = |key: &'a Key| Node { key, needs: graph.needs(key), components: of(key) };
        Self { nodes: graph.order().into_iter().map(node).collect() }
    }
}
