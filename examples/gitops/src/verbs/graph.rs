//! `gitops graph`: draws what needs what.

use gitops_core::{Direction, Error, ErrorKind, Graph, Key};
use serde::Serialize;

use super::Ended;
use crate::app::App;
use crate::cli::{GraphArgs, GraphFormat};
use crate::exit::Exit;
use crate::output::Document;
use crate::output::changes;
use crate::output::table::{Cell, Columns, draw};
use crate::progress;
use crate::session::{Access, Session};

/// The graph of everything that is declared.
pub async fn run(app: &App, args: &GraphArgs) -> Ended {
    let mut session = Session::open(app, Access::Look, progress::sink(app)).await?;
    session.engine.plan(&app.cx).await?;
    let graph = session.engine.graph().map_err(|cycle| {
        Error::new(ErrorKind::Invalid, cycle.to_string()).help("remove one of these needs")
    })?;
    app.screen.answer(&GraphDocument::new(&graph), || match args.format {
        GraphFormat::Text => text(&graph, app.screen.columns()),
        GraphFormat::Dot => graph.dot(Direction::Down),
        GraphFormat::Mermaid => graph.mermaid(Direction::Down),
    })?;
    Ok(Exit::Ok)
}

/// One line per object, each after what it needs.
fn text(graph: &Graph, columns: Columns) -> String {
    let row = |key: &Key| -> Vec<Cell> {
        let needs: Vec<String> = graph.needs(key).into_iter().map(changes::object).collect();
        let needs = if needs.is_empty() { String::new() } else { format!("needs {}", needs.join(", ")) };
        vec![key.to_string().into(), needs.into()]
    };
    draw(&graph.order().into_iter().map(row).collect::<Vec<_>>(), columns)
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
}

impl Document for GraphDocument<'_> {
    const KIND: &'static str = "Graph";
}

impl<'a> GraphDocument<'a> {
    fn new(graph: &'a Graph) -> Self {
        let node = |key: &'a Key| Node { key, needs: graph.needs(key) };
        Self { nodes: graph.order().into_iter().map(node).collect() }
    }
}
