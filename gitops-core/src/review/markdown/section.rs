//! A list that is shown as far as there is room.

use super::budget::Size;

/// A heading and its lines, the most important first.
pub(super) struct Section {
    pub(super) heading: &'static str,
    pub(super) lines: Vec<String>,
    /// What the lines are, for the number of those that are left out.
    pub(super) noun: &'static str,
}

/// What of a section is shown.
#[derive(Default)]
pub(super) struct Filled {
    pub(super) text: String,
    pub(super) is_whole: bool,
}

impl Section {
    /// As many lines as fit into a room, and how many do not. The first that does not fit ends it, so that nothing less
    /// important is shown in the place of something more important.
    pub(super) fn fill(&self, room: Size) -> Filled {
        if self.lines.is_empty() {
            return Filled { text: String::new(), is_whole: true };
        }
        let whole =
            self.lines.iter().fold(Size::of(self.heading) + Size::of("\n"), |sum, line| sum + Size::of(line));
        if whole.fits(room) {
            return Filled { text: format!("{}{}\n", self.heading, self.lines.concat()), is_whole: true };
        }
        let mut left = room - Size::of(self.heading) - Size::of(&self.rest(self.lines.len()));
        let mut text = self.heading.to_owned();
        let mut shown = 0;
        for line in &self.lines {
            let size = Size::of(line);
            if !size.fits(left) {
                break;
            }
            left -= size;
            text += line;
            shown += 1;
        }
        text += &self.rest(self.lines.len() - shown);
        let text = if Size::of(&text).fits(room) { text } else { String::new() };
        Filled { text, is_whole: false }
    }

    fn rest(&self, n: usize) -> String {
        format!("- not named here: {n} {}\n\n", self.noun)
    }
}
