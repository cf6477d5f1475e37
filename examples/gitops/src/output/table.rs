//! Tables: aligned on a terminal, tab-separated in a pipe.

use anstyle::Style;

use super::style::{escape, paint};

/// How the columns of tables are kept apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Columns {
    /// By spaces, each as wide as its widest cell, in lines of so many characters.
    Within(usize),
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
    /// Its text, as it is drawn.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// A cell in a style.
    pub fn styled(style: Style, text: impl Into<String>) -> Self {
        Self { text: escape(&text.into()), style }
    }
}

/// How far columns are apart.
const GAP: usize = 2;

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self::styled(Style::new(), text)
    }
}

/// How far what goes on below is moved in.
const INDENT: usize = 6;

/// Draws rows, one line each, without spaces at the ends of lines. On a terminal a row that is too long for a line goes on below,
/// moved in.
pub fn draw(rows: &[Vec<Cell>], columns: Columns) -> String {
    match columns {
        Columns::Tabs => rows.iter().map(|row| tabbed(row)).collect(),
        Columns::Within(room) => {
            let widths = widths(rows, room);
            rows.iter().map(|row| aligned(row, &widths, room)).collect()
        }
    }
}

/// The cells up to the last one that is not empty.
fn filled(row: &[Cell]) -> &[Cell] {
    &row[..row.iter().rposition(|cell| !cell.text.is_empty()).map_or(0, |index| index + 1)]
}

fn tabbed(row: &[Cell]) -> String {
    let cells: Vec<String> = filled(row).iter().map(|cell| paint(cell.style, &cell.text)).collect();
    cells.join("\t") + "\n"
}

fn aligned(row: &[Cell], widths: &[usize], room: usize) -> String {
    let (mut out, mut at, mut start, mut is_first_line) = (String::new(), 0, GAP, true);
    for (index, cell) in filled(row).iter().enumerate() {
        let long = width(&cell.text);
        if long > 0 {
            let here = match is_first_line {
                true => start.max(if at == 0 { 0 } else { at + GAP }),
                false => at + GAP,
            };
            if here + long <= room || at == 0 {
                out += &" ".repeat(here - at);
                out += &paint(cell.style, &cell.text);
                at = here + long;
            } else {
                is_first_line = false;
                let lines = wrapped(&cell.text, room.saturating_sub(INDENT));
                for line in &lines {
                    out += "\n";
                    out += &" ".repeat(INDENT);
                    out += &paint(cell.style, line);
                }
                at = INDENT + lines.last().map_or(0, |line| width(line));
            }
        }
        start += widths[index] + GAP;
    }
    out + "\n"
}

/// Draws texts below one another, each after its name; on a terminal what is too long for a line goes on below its beginning. Unlike
/// cells, the texts are not escaped.
pub fn labelled(rows: &[(&str, String)], columns: Columns) -> String {
    let widest = rows.iter().map(|(name, _)| width(name)).max().unwrap_or(0);
    let begin = widest + 2 * GAP;
    let line = |(name, text): &(&str, String)| {
        let text = match columns {
            Columns::Within(room) => {
                wrapped(text, room.saturating_sub(begin)).join(&format!("\n{}", " ".repeat(begin)))
            }
            Columns::Tabs => text.clone(),
        };
        format!("  {name:<widest$}  {text}\n")
    };
    rows.iter().map(line).collect()
}

/// A text of which, on a terminal, no line is longer than there is room: what does not fit goes on below, moved in a little more.
pub fn fit(text: &str, columns: Columns) -> String {
    let Columns::Within(room) = columns else { return text.to_owned() };
    let line = |line: &str| {
        if width(&anstream::adapter::strip_str(line).to_string()) <= room {
            return format!("{line}\n");
        }
        let words = line.trim_start_matches(' ');
        let before = " ".repeat(line.len() - words.len());
        let below = format!("\n{before}    ");
        format!("{before}{}\n", wrapped(words, room.saturating_sub(below.len() - 1)).join(&below))
    };
    text.lines().map(line).collect()
}

/// The lines of a text that has so much room. A word, such as a path, is never cut.
fn wrapped(text: &str, room: usize) -> Vec<String> {
    let (mut lines, mut at) = (vec![String::new()], 0);
    for word in text.split(' ') {
        let long = width(&anstream::adapter::strip_str(word).to_string());
        let line = lines.last_mut().expect("there is one from the beginning");
        match at {
            0 => at = long,
            _ if at + 1 + long <= room => {
                line.push(' ');
                at += 1 + long;
            }
            _ => {
                lines.push(String::new());
                at = long;
            }
        }
        lines.last_mut().expect("there is one from the beginning").push_str(word);
    }
    lines
}

/// How wide each column is. Nothing stands beside the last cell of a row, and what is much longer than others pushes the rest of its
/// row along instead of all rows.
fn widths(rows: &[Vec<Cell>], room: usize) -> Vec<usize> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widest = |column: usize| {
        let cells = rows.iter().map(|row| filled(row)).filter(|row| column + 1 < row.len());
        cells.map(|row| width(&row[column].text)).filter(|long| *long <= room / 2).max()
    };
    (0..columns).map(|column| widest(column).unwrap_or(0)).collect()
}

fn width(text: &str) -> usize {
    text.chars().count()
}

#[cfg(test)]
mod tests {
    use super::super::style::RED;
    use super::*;

    fn rows() -> Vec<Vec<Cell>> {
        vec![
            vec!["+".into(), "create".into(), "a\tb".into()],
            vec!["-/+".into(), "replace".into(), "".into()],
        ]
    }

    #[test]
    fn columns_are_aligned_on_a_terminal_and_lines_end_without_spaces() {
        let table = anstream::adapter::strip_str(&draw(&rows(), Columns::Within(80))).to_string();
        assert_eq!(table, "  +    create  a\\tb\n  -/+  replace\n");
    }

    #[test]
    fn in_a_pipe_a_cell_can_not_hold_a_tab() {
        let table = anstream::adapter::strip_str(&draw(&rows(), Columns::Tabs)).to_string();
        assert_eq!(table, "+\tcreate\ta\\tb\n-/+\treplace\n");
    }

    fn plain(text: &str) -> String {
        anstream::adapter::strip_str(text).to_string()
    }

    #[test]
    fn no_row_is_longer_than_a_line_and_nothing_is_left_out() {
        let rows = vec![
            vec!["~".into(), "update".into(), "File/a".into(), "one two three four five".into(), "a".into()],
            vec!["~".into(), "drifted".into(), "a text that has the rest of its row for itself".into()],
            vec!["~".into(), "update".into(), "File/b".into(), "short".into(), "b".into()],
        ];
        insta::assert_snapshot!(plain(&draw(&rows, Columns::Within(36))), @r"
        ~  update   File/a
            one two three four five  a
        ~  drifted
            a text that has the rest of
            its row for itself
        ~  update   File/b  short  b
        ");
        insta::assert_snapshot!(plain(&draw(&rows, Columns::Within(80))), @r"
        ~  update   File/a  one two three four five  a
        ~  drifted  a text that has the rest of its row for itself
        ~  update   File/b  short                    b
        ");
    }

    #[test]
    fn a_long_text_goes_on_below_its_beginning() {
        let rows =
            [("a", "one two three four".to_owned()), ("label", paint(RED, "five six") + " seven eight")];
        insta::assert_snapshot!(plain(&labelled(&rows, Columns::Within(20))), @r"
        a      one two
               three four
        label  five six
               seven eight
        ");
        insta::assert_snapshot!(plain(&labelled(&rows, Columns::Tabs)), @r"
        a      one two three four
        label  five six seven eight
        ");
        insta::assert_snapshot!(plain(&fit("  a line that is too long\nand one\n", Columns::Within(16))), @r"
          a line
              that is
              too long
        and one
        ");
        assert_eq!(fit("  a line\n", Columns::Tabs), "  a line\n");
    }
}
