//! Rows that say the same of many objects, as one.

use std::collections::BTreeMap;

use gitops_core::Key;

use super::table::Cell;

/// Of so many objects the same is still said one by one.
const ALIKE: usize = 3;

/// What a table says of one object.
pub struct Line<'a> {
    /// Which one.
    pub key: &'a Key,
    /// Its row, with the object in the fourth column.
    pub row: Vec<Cell>,
    /// The rows below it.
    pub below: Vec<Vec<Cell>>,
    /// Whether it may be one of many: nothing is to be said of it alone.
    pub folds: bool,
}

/// The column of the object.
const OBJECT: usize = 3;

/// The column of its place, where there is one.
const PLACE: usize = 5;

/// The rows of a table.
pub struct Rows {
    /// The rows.
    pub rows: Vec<Vec<Cell>>,
    /// Whether some of them stand for many objects.
    pub is_folded: bool,
}

/// All rows, each where the first of its objects is; `each` lists all objects one by one. The place in the source
/// is each object's own.
pub fn rows(lines: Vec<Line<'_>>, each: bool) -> Rows {
    let mut groups: Vec<Vec<Line<'_>>> = Vec::new();
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    for line in lines {
        let place = line.folds.then(|| *places.entry(said(&line)).or_insert(groups.len()));
        match place.and_then(|place| groups.get_mut(place)) {
            Some(group) => group.push(line),
            None => groups.push(vec![line]),
        }
    }
    let mut found = Rows { rows: Vec::new(), is_folded: false };
    for group in groups {
        if group.len() > ALIKE && !each {
            found.is_folded = true;
            found.rows.push(folded(&group));
        } else {
            found.rows.extend(
                group.into_iter().flat_map(|Line { row, below, .. }| std::iter::once(row).chain(below)),
            );
        }
    }
    found
}

/// What is said of an object, without its name and its place.
fn said(line: &Line<'_>) -> String {
    let cells = line.row.iter().enumerate().filter(|(column, _)| *column != OBJECT && *column < PLACE);
    let cells: Vec<&str> = cells.map(|(_, cell)| cell.text()).collect();
    format!("{}\0{}", line.key.kind(), cells.join("\0"))
}

fn folded(group: &[Line<'_>]) -> Vec<Cell> {
    let keys = || group.iter().map(|line| line.key);
    let (first, last) = (keys().min().map(name), keys().max().map(name));
    let (first, last) = (first.unwrap_or_default(), last.unwrap_or_default());
    let object = format!("{} ×{} ({first} … {last})", group[0].key.kind(), group.len());
    let mut row = group[0].row.clone();
    row.truncate(PLACE);
    row[OBJECT] = object.into();
    row
}

/// An object without its kind.
fn name(key: &Key) -> String {
    match key.namespace() {
        "" => key.name().to_owned(),
        namespace => format!("{namespace}/{}", key.name()),
    }
}
