//! Tables: aligned on a terminal, tab-separated in a pipe.

use anstyle::Style;

use super::style::{escape, paint};

/// How the columns of tables are kept apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Columns {
    /// By spaces, each as wide as its widest cell.
    Aligned,
    /// By one tab each.
    Tabs,
}

/// One cell: text that is escaped when it is drawn, and its style.
#[derive(Clone, Debug)]
pub struct Cell {
    text: String,
    style: Style,
}

impl Cell {
    /// A cell in a style.
    pub fn styled(style: Style, text: impl Into<String>) -> Self {
        Self { text: escape(&text.into()), style }
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self::styled(Style::new(), text)
    }
}

/// Draws rows, one line each, without spaces at the ends of lines.
pub fn draw(rows: &[Vec<Cell>], columns: Columns) -> String {
    let widths = widths(rows);
    let line = |row: &Vec<Cell>| {
        let last = row.iter().rposition(|cell| !cell.text.is_empty()).map_or(0, |index| index + 1);
        let cells: Vec<String> = row[..last]
            .iter()
            .enumerate()
            .map(|(index, cell)| {
                let pads = columns == Columns::Aligned && index + 1 < last;
                let pad = if pads { widths[index] - width(&cell.text) } else { 0 };
                format!("{}{}", paint(cell.style, &cell.text), " ".repeat(pad))
            })
            .collect();
        match columns {
            Columns::Aligned => format!("  {}\n", cells.join("  ")),
            Columns::Tabs => cells.join("\t") + "\n",
        }
    };
    rows.iter().map(line).collect::<Vec<_>>().concat()
}

/// Draws texts below one another, each after its name. Unlike cells, the texts are not escaped.
pub fn labelled(rows: &[(&str, String)]) -> String {
    let widest = rows.iter().map(|(name, _)| width(name)).max().unwrap_or(0);
    let line = |(name, text): &(&str, String)| format!("  {name:<widest$}  {text}\n");
    rows.iter().map(line).collect::<Vec<_>>().concat()
}

fn widths(rows: &[Vec<Cell>]) -> Vec<usize> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widest =
        |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| width(&cell.text)).max();
    (0..columns).map(|column| widest(column).unwrap_or(0)).collect()
}

fn width(text: &str) -> usize {
    text.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> Vec<Vec<Cell>> {
        vec![
            vec!["+".into(), "create".into(), "a\tb".into()],
            vec!["-/+".into(), "replace".into(), "".into()],
        ]
    }

    #[test]
    fn columns_are_aligned_on_a_terminal_and_lines_end_without_spaces() {
        let table = anstream::adapter::strip_str(&draw(&rows(), Columns::Aligned)).to_string();
        assert_eq!(table, "  +    create   a\\tb\n  -/+  replace\n");
    }

    #[test]
    fn in_a_pipe_a_cell_can_not_hold_a_tab() {
        let table = anstream::adapter::strip_str(&draw(&rows(), Columns::Tabs)).to_string();
        assert_eq!(table, "+\tcreate\ta\\tb\n-/+\treplace\n");
    }
}
