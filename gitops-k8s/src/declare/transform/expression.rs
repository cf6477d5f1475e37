//! `${NAME}` and its like.

/// One part of a text.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    /// As it stands.
    Text(&'a str),
    /// The value of a variable.
    Variable {
        name: &'a str,
        /// What stands for it if it has no value.
        default: Option<&'a str>,
        /// Whether the default also stands for an empty value.
        unless_empty: bool,
    },
}

/// What is wrong with an expression.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wrong<'a> {
    /// `${` without `}`.
    Open,
    /// No name of a variable.
    Name(&'a str),
    /// An operator that is not carried out.
    Operator(&'a str),
}

/// The parts of a text: `${NAME}`, `${NAME:-default}`, `${NAME:=default}`, `${NAME-default}`, `${NAME=default}`, and
/// `$${` for what is meant as it stands.
pub(super) fn parse(text: &str) -> Result<Vec<Piece<'_>>, Wrong<'_>> {
    let (mut pieces, mut rest) = (Vec::new(), text);
    while let Some(at) = rest.find("${") {
        let (before, expression) = rest.split_at(at);
        if let Some(before) = before.strip_suffix('$') {
            pieces.extend([Piece::Text(before), Piece::Text("${")]);
            rest = &expression[2..];
            continue;
        }
        let (inner, after) = expression[2..].split_once('}').ok_or(Wrong::Open)?;
        pieces.extend([Piece::Text(before), variable(inner)?]);
        rest = after;
    }
    pieces.push(Piece::Text(rest));
    pieces.retain(|piece| *piece != Piece::Text(""));
    Ok(pieces)
}

fn variable(inner: &str) -> Result<Piece<'_>, Wrong<'_>> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let end = inner.find(|c| !is_name(c)).unwrap_or(inner.len());
    let (name, operator) = inner.split_at(end);
    if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
        return Err(Wrong::Name(inner));
    }
    if let Some(nested) = operator.find("${") {
        return Err(Wrong::Operator(&operator[nested..]));
    }
    let found = |default, unless_empty| Ok(Piece::Variable { name, default, unless_empty });
    for (sign, unless_empty) in [(":-", true), (":=", true), ("-", false), ("=", false)] {
        if let Some(default) = operator.strip_prefix(sign) {
            return found(Some(default), unless_empty);
        }
    }
    if operator.is_empty() { found(None, false) } else { Err(Wrong::Operator(operator)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variable(name: &str) -> Piece<'_> {
        Piece::Variable { name, default: None, unless_empty: false }
    }

    #[test]
    fn a_text_is_taken_apart() {
        assert_eq!(parse("a $b $1"), Ok(vec![Piece::Text("a $b $1")]));
        assert_eq!(parse("${A}b${C_1}"), Ok(vec![variable("A"), Piece::Text("b"), variable("C_1")]));
        assert_eq!(parse("$${A}"), Ok(vec![Piece::Text("${"), Piece::Text("A}")]));
        let default = Piece::Variable { name: "A", default: Some("x:y"), unless_empty: true };
        assert_eq!(parse("${A:=x:y}"), Ok(vec![default]));
    }

    #[test]
    fn what_is_no_expression_is_refused() {
        assert_eq!(parse("${A"), Err(Wrong::Open));
        assert_eq!(parse("${}"), Err(Wrong::Name("")));
        assert_eq!(parse("${1A}"), Err(Wrong::Name("1A")));
        assert_eq!(parse("${A//x/y}"), Err(Wrong::Operator("//x/y")));
        assert_eq!(parse("${A:=${B}}"), Err(Wrong::Operator("${B")));
    }
}
