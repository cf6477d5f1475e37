//! One line of a CODEOWNERS file.

use super::{Dialect, Owner, expression};

/// How long a line may be, in bytes.
const BYTES: usize = 10_000;

/// How many approvals a section may ask for.
const NEEDED: usize = 100;

pub(super) enum Line {
    Empty,
    Section { name: String, needed: usize, owners: Vec<Owner> },
    Rule { pattern: String, owners: Vec<Owner>, is_exclusion: bool },
}

/// Reads a line; the error says what is wrong with it.
pub(super) fn read(line: &str, dialect: Dialect) -> Result<Line, String> {
    if line.len() > BYTES {
        return Err(format!("the line has more than {BYTES} bytes"));
    }
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return Ok(Line::Empty);
    }
    if dialect == Dialect::Gitea {
        return gitea(line);
    }
    if dialect == Dialect::GitLab && (line.starts_with('[') || line.starts_with("^[")) {
        return section(line);
    }
    let (pattern, rest) = first_word(line);
    let is_exclusion = dialect == Dialect::GitLab && pattern.starts_with('!');
    let pattern = if is_exclusion { pattern[1..].to_owned() } else { pattern };
    if pattern.starts_with('!') {
        return Err("a pattern can't be negated with `!`".to_owned());
    }
    if pattern.is_empty() {
        return Err("a pattern is missing".to_owned());
    }
    Ok(Line::Rule { pattern, owners: owners(rest)?, is_exclusion })
}

/// The pattern, with `\` before blanks taken off, and the rest of the line.
fn first_word(line: &str) -> (String, &str) {
    let mut word = String::new();
    let mut chars = line.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some((_, blank)) if blank.is_whitespace() => word.push(blank),
                Some((_, other)) => word.extend(['\\', other]),
                None => word.push('\\'),
            },
            c if c.is_whitespace() => return (word, &line[at..]),
            c => word.push(c),
        }
    }
    (word, "")
}

/// The owners up to the end of the line or a warning.
fn owners(text: &str) -> Result<Vec<Owner>, String> {
    let words = text.split_whitespace().take_while(|word| !word.starts_with('#'));
    words.map(owner).collect()
}

fn owner(word: &str) -> Result<Owner, String> {
    let shown = || word.chars().take(100).collect::<String>();
    match word.strip_prefix('@') {
        Some(role) if role.starts_with('@') => {
            Err(format!("`{}` names a role; only accounts, teams and addresses can be checked", shown()))
        }
        Some(name) if is_name(name) => Ok(Owner::Name(name.to_owned())),
        None if is_email(word) => Ok(Owner::Email(word.to_owned())),
        _ => Err(format!("`{}` is no owner: `@name`, `@organisation/team` or an address", shown())),
    }
}

fn is_name(name: &str) -> bool {
    let fits = |c: char| c.is_alphanumeric() || "-_.".contains(c);
    name.split('/').all(|part| !part.is_empty() && part.chars().all(fits))
}

fn is_email(word: &str) -> bool {
    let Some((local, domain)) = word.split_once('@') else { return false };
    !local.is_empty()
        && domain.contains('.')
        && !domain.contains('@')
        && domain.chars().all(|c| c.is_alphanumeric() || "-.".contains(c))
}

/// Such as `^[Docs][2] @writers`: optional with `^`, with how many must approve, and owners for the rules without any.
fn section(line: &str) -> Result<Line, String> {
    let (is_optional, rest) = match line.strip_prefix('^') {
        Some(rest) => (true, rest),
        None => (false, line),
    };
    let rest = rest.strip_prefix('[').ok_or("a section begins with `[`")?;
    let (name, rest) = rest.split_once(']').ok_or("the name of a section ends with `]`")?;
    if name.trim().is_empty() {
        return Err("the name of a section is missing".to_owned());
    }
    let (needed, rest) = match rest.strip_prefix('[') {
        None => (1, rest),
        Some(rest) => {
            let (number, rest) = rest.split_once(']').ok_or("the number of approvals ends with `]`")?;
            let fault = || format!("`{number}` is no number of approvals from 1 to {NEEDED}");
            let needed: usize = number.trim().parse().map_err(|_| fault())?;
            if needed == 0 || needed > NEEDED {
                return Err(fault());
            }
            (needed, rest)
        }
    };
    let needed = if is_optional { 0 } else { needed };
    Ok(Line::Section { name: name.trim().to_owned(), needed, owners: owners(rest)? })
}

/// Such as `!docs/.*\\.md @writers @acme/docs`: a pattern and at least one owner.
fn gitea(line: &str) -> Result<Line, String> {
    let mut words = words(line)?.into_iter();
    let Some(pattern) = words.next() else { return Ok(Line::Empty) };
    expression::check(&pattern)?;
    let owners: Vec<Owner> = words.map(|word| gitea_owner(&word)).collect::<Result<_, _>>()?;
    if owners.is_empty() {
        return Err("the owners are missing".to_owned());
    }
    Ok(Line::Rule { pattern, owners, is_exclusion: false })
}

/// The words of a line up to its end or a comment, each with the `\` before its characters taken off.
fn words(line: &str) -> Result<Vec<String>, String> {
    let (mut words, mut word) = (Vec::new(), String::new());
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => word.push(chars.next().ok_or("nothing follows the `\\` at the end of the line")?),
            '#' => break,
            ' ' | '\t' => words.push(std::mem::take(&mut word)),
            c => word.push(c),
        }
    }
    words.push(word);
    words.retain(|word| !word.is_empty());
    Ok(words)
}

/// Gitea knows accounts and teams, also without the `@`, and no addresses.
fn gitea_owner(word: &str) -> Result<Owner, String> {
    let name = word.strip_prefix('@').unwrap_or(word);
    if is_name(name) && name.split('/').count() <= 2 {
        return Ok(Owner::Name(name.to_owned()));
    }
    let shown: String = word.chars().take(100).collect();
    Err(format!("`{shown}` is no owner: `@name` or `@organisation/team`"))
}
