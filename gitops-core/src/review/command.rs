use crate::value::text::on_one_line;
use crate::value::{is_slip, nearest};

/// How much of a comment is read, in bytes.
const BYTES: usize = 64 << 10;

/// How many commands a comment may have.
const COMMANDS: usize = 10;

/// How long an argument may be, in bytes.
const ARGUMENT: usize = 1_000;

/// The digits of what is read as the name of an effect; that so few name none is said where it is compared.
const DIGITS: usize = crate::value::PlanId::DIGITS;

/// What somebody asks for in a comment.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Command {
    /// Plan again: one application, or all.
    Plan {
        /// The application.
        application: Option<String>,
    },
    /// Apply one application, or all.
    Apply {
        /// The application.
        application: Option<String>,
    },
    /// Approve an effect, named by at least 40 of its digits.
    Approve {
        /// The digits; whether they are enough says [`Digest::is_named`](crate::Digest::is_named).
        effect: String,
    },
    /// Go back in an environment or application: to a revision, or to the last good one.
    Rollback {
        /// The application.
        application: String,
        /// The revision.
        revision: Option<String>,
    },
    /// Say what becomes of an object and why.
    Why {
        /// The object, as the person wrote it.
        object: String,
    },
    /// End the wait of an application on a lease that somebody holds.
    Unlock {
        /// The application.
        application: String,
    },
}

/// A command that can't be carried out as it is written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CommandFault {
    /// The comment is too long to be read.
    #[error("the comment has more than {BYTES} bytes; no command in it is read")]
    TooLong,
    /// There are too many commands.
    #[error("a comment may have at most {COMMANDS} commands")]
    TooMany,
    /// An argument is missing.
    #[error("`{command}` needs {what}")]
    Missing {
        /// The command.
        command: &'static str,
        /// What is missing.
        what: &'static str,
    },
    /// There is something after the last argument.
    #[error("`{command}` does not take `{rest}`")]
    Surplus {
        /// The command.
        command: &'static str,
        /// The first word that is too much.
        rest: String,
    },
    /// An argument is not what it should be.
    #[error("`{argument}` is no {what}")]
    Invalid {
        /// The argument.
        argument: String,
        /// What it should be.
        what: &'static str,
    },
    /// `/gitops` is followed by no command that there is.
    #[error("there is no command `{name}`{}", .nearest.map(|nearest| format!("; did you mean `{nearest}`?")).unwrap_or_default())]
    Unknown {
        /// The name.
        name: String,
        /// The command that is nearest to it.
        nearest: Option<&'static str>,
    },
}

const NAMES: [&str; 6] = ["plan", "apply", "approve", "rollback", "why", "unlock"];

impl Command {
    /// The commands of a comment, in order, each read or with its fault.
    ///
    /// A command is a line that begins with `/` and its name, or with `/gitops` and its name: forges have commands of their
    /// own, and GitLab takes `/approve` for one. A line within a fence, a quote or an indented block is none, so that a
    /// comment can talk about commands; and neither is one that the forge does not show. Other lines with a `/` may be for somebody else and are passed over,
    /// but for one whose first word is a letter beside the name of a command: that is a fault.
    ///
    /// Who may give a command is for the caller to decide: this reads, and does nothing.
    ///
    /// ```
    /// use gitops_core::review::Command;
    /// let commands = Command::read("Looks good.\n/approve 0123456789ab\n\n> /apply\n");
    /// assert_eq!(commands, [Ok(Command::Approve { effect: "0123456789ab".to_owned() })]);
    /// ```
    pub fn read(comment: &str) -> Vec<Result<Self, CommandFault>> {
        Self::read_typed(comment).into_iter().map(|(_, command)| command).collect()
    }

    /// The same, each with the line as somebody typed it. It is text of others.
    pub fn read_typed(comment: &str) -> Vec<(&str, Result<Self, CommandFault>)> {
        let typed = |line: &'_ str| words(line).is_some();
        if comment.len() > BYTES {
            let first = comment.lines().find(|line| typed(line));
            return first.into_iter().map(|line| (line, Err(CommandFault::TooLong))).collect();
        }
        let lines = own_lines(comment).filter_map(|line| Some((line, words(line)?)));
        let mut commands: Vec<_> = lines.map(|(line, words)| (line, parse(&words))).collect();
        if let Some((line, _)) = commands.get(COMMANDS) {
            let too_many = (*line, Err(CommandFault::TooMany));
            commands.truncate(COMMANDS);
            commands.push(too_many);
        }
        commands
    }
}

/// What hides the text that it begins, and with what it ends: no forge shows it.
const HIDDEN: [(&str, &str); 4] = [("<!--", "-->"), ("<![CDATA[", "]]>"), ("<?", "?>"), ("<!", ">")];

/// What hides text after a line, if something hid it before.
fn hidden_after(line: &str, mut hidden: Option<&'static str>) -> Option<&'static str> {
    let mut rest = line;
    loop {
        let found = if let Some(end) = hidden {
            rest.split_once(end).map(|(_, rest)| (None, rest))
        } else {
            let begins = HIDDEN.iter().filter_map(|(begin, end)| Some((rest.find(begin)?, begin, *end)));
            // Of two at one place the longer one is meant.
            let first = begins.min_by_key(|(at, begin, _)| (*at, usize::MAX - begin.len()));
            first.map(|(at, begin, end)| (Some(end), &rest[at + begin.len()..]))
        };
        match found {
            Some(found) => (hidden, rest) = found,
            None => return hidden,
        }
    }
}

/// The lines outside of fences and of what is hidden. A fence ends with a run of its mark at least as long as that which began it.
fn own_lines(comment: &str) -> impl Iterator<Item = &str> {
    let mut fence: Option<(char, usize)> = None;
    let mut hidden = None;
    comment.lines().filter(move |line| {
        if fence.is_none() {
            let was_hidden = hidden.is_some();
            hidden = hidden_after(line, hidden);
            if was_hidden {
                return false;
            }
        }
        let line = line.trim_start_matches(' ');
        let mark = line.chars().next().filter(|mark| matches!(mark, '`' | '~'));
        let run = mark.map_or(0, |mark| line.chars().take_while(|c| *c == mark).count());
        match (fence, mark) {
            (None, Some(mark)) if run >= 3 => fence = Some((mark, run)),
            (Some((open, length)), Some(mark))
                if mark == open && run >= length && line.trim_end().chars().all(|c| c == mark) =>
            {
                fence = None;
            }
            _ => {}
        }
        fence.is_none()
    })
}

/// The words of a line that is a command.
fn words(line: &str) -> Option<Vec<&str>> {
    let words: Vec<&str> = line.strip_prefix('/')?.split_whitespace().collect();
    match words.split_first() {
        Some((first, _)) if line[1..].starts_with(char::is_whitespace) || first.is_empty() => None,
        Some((&"gitops", rest)) => Some(rest.to_vec()),
        Some((first, _)) if NAMES.contains(first) || is_slip(first, NAMES) => Some(words),
        _ => None,
    }
}

fn parse(words: &[&str]) -> Result<Command, CommandFault> {
    let (name, rest) = words.split_first().unwrap_or((&"", &[]));
    let known = NAMES.iter().find(|known| known == &name);
    let command = *known.ok_or_else(|| unknown(name))?;
    let mut arguments = Arguments { command, rest: rest.iter() };
    let read = match command {
        "plan" => Command::Plan { application: arguments.optional()? },
        "apply" => Command::Apply { application: arguments.optional()? },
        "approve" => {
            Command::Approve { effect: effect(arguments.needed("the effect that the comment shows")?)? }
        }
        "rollback" => {
            let application = arguments.needed("an application")?;
            Command::Rollback { application, revision: arguments.optional()? }
        }
        "why" => Command::Why { object: arguments.needed("an object")? },
        _ => Command::Unlock { application: arguments.needed("an application")? },
    };
    arguments.end()?;
    Ok(read)
}

fn unknown(name: &str) -> CommandFault {
    CommandFault::Unknown { name: shown(name), nearest: nearest(name, NAMES) }
}

/// An argument in a message.
fn shown(text: &str) -> String {
    on_one_line(&text.chars().take(40).collect::<String>())
}

fn effect(text: String) -> Result<String, CommandFault> {
    let is_effect = (DIGITS..=64).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
    let what = "effect: the first 40 or more of its 64 digits";
    if is_effect { Ok(text) } else { Err(CommandFault::Invalid { argument: shown(&text), what }) }
}

struct Arguments<'a> {
    command: &'static str,
    rest: std::slice::Iter<'a, &'a str>,
}

impl Arguments<'_> {
    fn optional(&mut self) -> Result<Option<String>, CommandFault> {
        let Some(argument) = self.rest.next() else { return Ok(None) };
        let is_sound =
            argument.len() <= ARGUMENT && on_one_line(argument) == **argument && !argument.starts_with('-');
        match is_sound {
            true => Ok(Some((*argument).to_owned())),
            false => Err(CommandFault::Invalid { argument: shown(argument), what: "name" }),
        }
    }

    fn needed(&mut self, what: &'static str) -> Result<String, CommandFault> {
        self.optional()?.ok_or(CommandFault::Missing { command: self.command, what })
    }

    fn end(mut self) -> Result<(), CommandFault> {
        match self.rest.next() {
            Some(rest) => Err(CommandFault::Surplus { command: self.command, rest: shown(rest) }),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(comment: &str) -> Vec<String> {
        let shown = |command: Result<Command, CommandFault>| match command {
            Ok(command) => format!("{command:?}"),
            Err(fault) => fault.to_string(),
        };
        Command::read(comment).into_iter().map(shown).collect()
    }

    #[test]
    fn each_command_is_read_with_its_arguments() {
        assert_eq!(read("/plan"), ["Plan { application: None }"]);
        assert_eq!(read("/gitops apply shop\r\n"), ["Apply { application: Some(\"shop\") }"]);
        assert_eq!(
            read("/rollback shop 4a1b2c3"),
            ["Rollback { application: \"shop\", revision: Some(\"4a1b2c3\") }"]
        );
        assert_eq!(read("/why deployment/web\n/unlock shop").len(), 2);
    }

    #[test]
    fn faults_say_what_is_wrong() {
        assert_eq!(read("/approve"), ["`approve` needs the effect that the comment shows"]);
        assert_eq!(read("/approve abc"), ["`abc` is no effect: the first 40 or more of its 64 digits"]);
        assert_eq!(read("/plan a b"), ["`plan` does not take `b`"]);
        assert_eq!(read("/gitops aply"), ["there is no command `aply`; did you mean `apply`?"]);
        assert_eq!(read("/aprove 0123"), ["there is no command `aprove`; did you mean `approve`?"]);
        assert_eq!(read("/Plan"), ["there is no command `Plan`; did you mean `plan`?"]);
        assert_eq!(read("/apply --yes"), ["`--yes` is no name"]);
        assert_eq!(read(&"/plan\n".repeat(11)).last().unwrap(), "a comment may have at most 10 commands");
        assert_eq!(read(&format!("/plan\n{}", "x".repeat(BYTES))).len(), 1);
    }

    #[test]
    fn what_was_typed_is_given_with_each() {
        let typed =
            |comment| Command::read_typed(comment).into_iter().map(|(typed, _)| typed).collect::<Vec<_>>();
        assert_eq!(typed("Well.\n/approve\n/aprove  x\r\n/plan"), ["/approve", "/aprove  x", "/plan"]);
        assert_eq!(typed(&format!("/why x\n{}", "x".repeat(BYTES))), ["/why x"]);
    }

    #[test]
    fn a_comment_may_talk_about_commands() {
        let quiet = [
            "> /apply",
            "    /apply",
            "say /apply",
            "```\n/apply\n```",
            "~~~~\n```\n/apply\n~~~~",
            "/ apply",
            "Fine.\n\n<!--\n/apply\n-->",
            "Fine. <!-- a --> <!-- b\n/apply\n-->\n",
            "<!-- never ended\n/apply",
            "<![CDATA[\n>\n/apply\n]]>",
            "<?x\n/apply\n?>",
            "/etc/passwd",
            "/close",
            "/unassign @bob",
            "/who",
            "/retest",
            "/lock",
        ];
        for comment in quiet {
            assert_eq!(read(comment), [""; 0], "{comment}");
        }
        for comment in
            ["```\nx\n```\n/plan", "<!-- x -->\n/plan", "<!--\n/apply\n-->\n/plan", "```\n<!--\n```\n/plan"]
        {
            assert_eq!(read(comment), ["Plan { application: None }"], "{comment}");
        }
    }

    proptest! {
        #[test]
        fn any_comment_is_read(comment in "(/?[a-z`~> ]{0,12}\\PC{0,6}\n){0,8}") {
            for fault in Command::read(&comment).into_iter().filter_map(Result::err) {
                prop_assert!(fault.to_string().len() < 500);
            }
        }
    }
}
