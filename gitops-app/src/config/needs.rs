//! Which applications come before which.

use std::collections::BTreeMap;

use gitops_core::{Cycle, Graph, GroupKind, Key};

use super::node::{Node, Place};
use super::reader::Reader;
use super::{Config, Found, suggest};

/// The names under `needs`, each with its place.
pub fn read(reader: &Reader, node: &Node) -> Vec<(String, Place)> {
    let items = reader.items(node, "`needs`", "write a list of names such as `[network]`");
    items.iter().filter_map(|item| Some((reader.text(item, "a name in `needs`")?, item.place))).collect()
}

/// Finds needs that can't be met: of an application that is not there, or in a circle.
pub fn check(reader: &Reader, all: &[Found]) {
    let names: Vec<&str> = all.iter().map(|found| found.config.name.as_str()).collect();
    for Found { config, needs, .. } in all {
        for (need, place) in config.needs.iter().zip(needs) {
            if !names.contains(&need.as_str()) {
                let message = format!("`{}` needs `{need}`, which is no application here", config.name);
                reader.fault("GO0110", *place, message, suggest::suggestion(need, &names));
            }
        }
    }
    let Err(cycle) = graph(all.iter().map(|found| &found.config)) else { return };
    let circle: Vec<&str> = cycle.members().iter().map(Key::name).collect();
    let first = all.iter().find(|found| found.config.name == circle[0]);
    let place = first.and_then(|Found { config, needs, .. }| {
        let at = config.needs.iter().position(|need| circle.contains(&need.as_str()))?;
        needs.get(at)
    });
    if let Some(place) = place {
        let message =
            format!("applications need each other in a circle: {} → {}", circle.join(" → "), circle[0]);
        reader.fault("GO0110", *place, message, "take one of these needs out");
    }
}

/// The applications in an order in which each comes after those that it needs; where none is needed, by name.
pub fn in_order(all: &[Config]) -> Vec<&Config> {
    let by_name: BTreeMap<&str, &Config> = all.iter().map(|config| (config.name.as_str(), config)).collect();
    match graph(all) {
        Ok(graph) => graph.order().into_iter().filter_map(|key| by_name.get(key.name()).copied()).collect(),
        // A configuration with a circle is refused when it is read.
        Err(_) => all.iter().collect(),
    }
}

fn graph<'a>(all: impl IntoIterator<Item = &'a Config>) -> Result<Graph, Cycle> {
    let key = |name: &str| Key::new("configuration", GroupKind::new("", "Application"), "", name);
    let all: Vec<&Config> = all.into_iter().collect();
    let is_there = |need: &&String| all.iter().any(|config| config.name == **need);
    let needs = |config: &Config| config.needs.iter().filter(is_there).map(|need| key(need)).collect();
    Graph::new(all.iter().map(|config| (key(&config.name), needs(config))))
}
