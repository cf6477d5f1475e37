use std::collections::VecDeque;

use granit_parser::ScalarStyle;

use super::{Fault, Place};

/// What a document's bytes say before it is parsed: places where parsers of YAML disagree.
pub(super) struct Scan {
    /// Tabs where indentation is expected, by offset: refused unless they are inside a scalar.
    tabs: VecDeque<usize>,
}

/// Looks at every byte once.
///
/// # Errors
/// A control character, or one of the rare line breaks on which readers of YAML disagree.
pub(super) fn scan(text: &str, line: u32) -> Result<Scan, Fault> {
    let bytes = text.as_bytes();
    let mut tabs = VecDeque::new();
    // Whether the line has held only blanks and indicators that begin an entry so far.
    let mut leading = true;
    for (at, byte) in bytes.iter().enumerate() {
        match CLASS[*byte as usize] {
            Class::Line => leading = true,
            Class::Tab if leading => tabs.push_back(at),
            Class::Control => return Err(refused(text, at, line)),
            Class::Lead if is_refused(&bytes[at..]) => return Err(refused(text, at, line)),
            Class::Plain | Class::Lead => leading = false,
            Class::Leading | Class::Tab => {}
        }
    }
    Ok(Scan { tabs })
}

impl Scan {
    /// Forgets the tabs inside a scalar, and refuses those before it.
    pub fn scalar(&mut self, text: &str, span: std::ops::Range<usize>, line: u32) -> Result<(), Fault> {
        if self.tabs.is_empty() {
            return Ok(());
        }
        match self.tabs.front() {
            Some(at) if *at < span.start => Err(tab(text, *at, line)),
            _ => {
                let inside = self.tabs.partition_point(|at| *at < span.end);
                self.tabs.drain(..inside);
                Ok(())
            }
        }
    }

    /// Refuses the tabs that were in no scalar.
    pub fn end(&self, text: &str, line: u32) -> Result<(), Fault> {
        self.tabs.front().map_or(Ok(()), |at| Err(tab(text, *at, line)))
    }
}

#[derive(Clone, Copy)]
enum Class {
    /// Anything else.
    Plain,
    /// What may stand before the first entry of a line.
    Leading,
    /// The end of a line.
    Line,
    Tab,
    Control,
    /// The first byte of a character that may be refused.
    Lead,
}

const CLASS: [Class; 256] = {
    let mut table = [Class::Plain; 256];
    let mut byte = 0;
    while byte < 0x20 {
        table[byte] = Class::Control;
        byte += 1;
    }
    table[0x7f] = Class::Control;
    table[b'\t' as usize] = Class::Tab;
    table[b'\n' as usize] = Class::Line;
    table[b'\r' as usize] = Class::Line;
    table[b' ' as usize] = Class::Leading;
    table[b'-' as usize] = Class::Leading;
    table[b'?' as usize] = Class::Leading;
    table[b':' as usize] = Class::Leading;
    table[0xc2] = Class::Lead;
    table[0xe2] = Class::Lead;
    table[0xef] = Class::Lead;
    table
};

/// U+0080 to U+009F, U+2028, U+2029, U+FFFE and U+FFFF.
fn is_refused(bytes: &[u8]) -> bool {
    matches!(bytes, [0xc2, 0x80..=0x9f, ..] | [0xe2, 0x80, 0xa8 | 0xa9, ..] | [0xef, 0xbf, 0xbe | 0xbf, ..])
}

/// What is odd about a scalar, and the way out: readers of YAML take it differently. `text` is what it says, `written`
/// how.
pub(super) fn oddity(
    text: &str,
    written: &str,
    style: ScalarStyle,
    in_flow: bool,
) -> Option<(&'static str, &'static str)> {
    match style {
        ScalarStyle::DoubleQuoted if written.contains('\\') => escape_oddity(written),
        ScalarStyle::Plain if in_flow && text.starts_with('?') => {
            Some(("a text that begins with `?` inside of brackets", "put it in quotes"))
        }
        ScalarStyle::Literal | ScalarStyle::Folded if begins_with_tab(text, written) => Some((
            "a block of text whose first line begins with a tab",
            "say how deep it is indented, as in `|2`",
        )),
        _ => None,
    }
}

fn escape_oddity(written: &str) -> Option<(&'static str, &'static str)> {
    let mut rest = written;
    while let Some(at) = rest.find('\\') {
        rest = &rest[at + 1..];
        match rest.as_bytes() {
            [b'/', ..] => return Some(("the escape `\\/`, which is JSON and not YAML", "write `/`")),
            [b'u', b'd' | b'D', b'8' | b'9' | b'a'..=b'f' | b'A'..=b'F', ..] => {
                return Some(("half a character as `\\u` escape", "write it as `\\U` and eight digits"));
            }
            _ => {}
        }
        let mut escape = rest.chars();
        escape.next();
        rest = escape.as_str();
    }
    None
}

/// Whether the indentation of a block is to be found out from a line that begins with a tab.
fn begins_with_tab(text: &str, written: &str) -> bool {
    let header = written.lines().next().unwrap_or_default();
    text.trim_start_matches('\n').starts_with('\t') && !header.contains(|c: char| c.is_ascii_digit())
}

fn refused(text: &str, at: usize, line: u32) -> Fault {
    let code = text[at..].chars().next().map_or(0, u32::from);
    Fault::syntax(place(text, at, line), format!("the character U+{code:04X} can't stand in YAML"))
        .help("write it as an escape inside double quotes")
}

fn tab(text: &str, at: usize, line: u32) -> Fault {
    Fault::syntax(place(text, at, line), "a tab in the indentation").help("indent with spaces")
}

fn place(text: &str, at: usize, line: u32) -> Place {
    let before = &text[..at];
    let lines = before.bytes().filter(|byte| *byte == b'\n').count();
    let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
    Place { line: line + u32::try_from(lines).unwrap_or(0), column: u32::try_from(column).unwrap_or(1) }
}
