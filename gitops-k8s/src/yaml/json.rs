use gitops_core::Number;
use smol_str::SmolStr;

use super::mapping::sorted;
use super::{Data, Document, Fault, Member, Node, Place, Stop, YamlLimits, float};

/// Reads JSON values that stand one after the other, up to the first fault.
pub(super) fn documents(text: &str, limits: &YamlLimits, stop: Stop<'_>) -> (Vec<Document>, Vec<Fault>) {
    let mut reader = Reader { text, at: 0, line: 1, mark: (0, 1), depth: 0, limits, stop };
    let mut found = Vec::new();
    loop {
        reader.skip_blanks();
        if reader.rest().is_empty() {
            return (found, Vec::new());
        }
        if found.len() == limits.documents {
            let fault = Fault::limit(reader.place(), "documents", limits.documents);
            return (found, vec![fault]);
        }
        match reader.value() {
            Ok(root) if root.data == Data::Null => {}
            Ok(root) => found.push(Document { root, warnings: Vec::new() }),
            Err(fault) => return (found, vec![fault]),
        }
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    line: u32,
    /// An offset on the line, and its column.
    mark: (usize, u32),
    depth: usize,
    limits: &'a YamlLimits,
    stop: Stop<'a>,
}

impl<'a> Reader<'a> {
    fn value(&mut self) -> Result<Node, Fault> {
        let place = self.place();
        if (self.stop)() {
            return Err(Fault::cancelled(place));
        }
        let data = match self.peek() {
            Some(b'{') => self.nested(place, Self::object)?,
            Some(b'[') => self.nested(place, Self::array)?,
            Some(b'"') => Data::Text(self.string()?.into()),
            Some(b'-' | b'0'..=b'9') => Data::Number(self.number()?),
            _ => self.word()?,
        };
        Ok(Node { place, data })
    }

    fn nested(&mut self, place: Place, read: fn(&mut Self) -> Result<Data, Fault>) -> Result<Data, Fault> {
        self.depth += 1;
        self.limits.check_depth(place, self.depth)?;
        self.at += 1;
        let data = read(self)?;
        self.depth -= 1;
        Ok(data)
    }

    fn object(&mut self) -> Result<Data, Fault> {
        let mut members = Vec::new();
        self.items(b'}', |reader| {
            let place = reader.place();
            if reader.peek() != Some(b'"') {
                let help = "a file whose first character is `{` is read as JSON; YAML may begin with a comment or `---`";
                return Err(reader.expected("a key in double quotes").help(help));
            }
            let name = SmolStr::from(reader.string()?);
            reader.limits.check_key(place, &name)?;
            reader.skip_blanks();
            reader.take(b':', "`:`")?;
            reader.skip_blanks();
            members.push(Member { name, place, value: reader.value()? });
            Ok(())
        })?;
        sorted(members).map(Data::Map)
    }

    fn array(&mut self) -> Result<Data, Fault> {
        let mut items = Vec::new();
        self.items(b']', |reader| reader.value().map(|item| items.push(item)))?;
        Ok(Data::List(items))
    }

    /// Reads items between commas up to a closing bracket.
    fn items(&mut self, end: u8, mut item: impl FnMut(&mut Self) -> Result<(), Fault>) -> Result<(), Fault> {
        self.skip_blanks();
        if self.peek() == Some(end) {
            self.at += 1;
            return Ok(());
        }
        loop {
            item(self)?;
            self.skip_blanks();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(byte) if byte == end => {
                    self.at += 1;
                    return Ok(());
                }
                _ => return Err(self.expected("`,` or the closing bracket")),
            }
            self.skip_blanks();
        }
    }

    fn word(&mut self) -> Result<Data, Fault> {
        for (word, data) in [("null", Data::Null), ("true", Data::Bool(true)), ("false", Data::Bool(false))] {
            if self.rest().starts_with(word) {
                self.at += word.len();
                return Ok(data);
            }
        }
        Err(self.expected("a JSON value"))
    }

    /// A whole number that fits stays exact; any other becomes a float, as for the reader that is followed.
    fn number(&mut self) -> Result<Number, Fault> {
        let place = self.place();
        let length = self
            .rest()
            .bytes()
            .take_while(|byte| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E'));
        let text = &self.rest()[..length.count()];
        let fault = |message| Fault::new("GO0404", place, message);
        if !is_json_number(text) {
            return Err(Fault::syntax(place, "not a JSON number"));
        }
        self.at += text.len();
        if let Ok(value) = text.parse::<i64>() {
            return Ok(value.into());
        }
        let value: f64 = text.parse().map_err(|_| fault("not a JSON number"))?;
        match value.is_finite() {
            true => Ok(float::number(value)),
            false => Err(fault("a number beyond the largest float")),
        }
    }

    fn string(&mut self) -> Result<String, Fault> {
        let place = self.place();
        self.at += 1;
        let mut text = String::new();
        loop {
            let rest = self.rest();
            let plain = rest.bytes().take_while(|byte| !matches!(byte, b'"' | b'\\' | 0..=0x1f)).count();
            text.push_str(&rest[..plain]);
            self.at += plain;
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return self.limits.check_scalar(place, &text).map(|()| text);
                }
                Some(b'\\') => text.push(self.escape()?),
                Some(_) => return Err(self.expected("an escape instead of a control character")),
                None => return Err(Fault::syntax(place, "the text has no closing quote")),
            }
        }
    }

    fn escape(&mut self) -> Result<char, Fault> {
        let letter = self.text.as_bytes().get(self.at + 1).copied();
        let found = match letter {
            Some(letter @ (b'"' | b'\\' | b'/')) => char::from(letter),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode(),
            _ => return Err(self.expected("one of the escapes of JSON")),
        };
        self.at += 2;
        Ok(found)
    }

    /// `\u` and four digits, or two of them for a character beyond; half a pair is the replacement character.
    fn unicode(&mut self) -> Result<char, Fault> {
        let first = self.unit()?;
        if let (0xd800..=0xdbff, true) = (first, self.rest().starts_with("\\u")) {
            let before = self.at;
            let second = self.unit()?;
            match char::decode_utf16([first, second]).next() {
                Some(Ok(found)) => return Ok(found),
                _ => self.at = before,
            }
        }
        Ok(char::from_u32(u32::from(first)).unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    fn unit(&mut self) -> Result<u16, Fault> {
        let digits = self.text.get(self.at + 2..self.at + 6).unwrap_or_default();
        let unit =
            digits.bytes().all(|byte| byte.is_ascii_hexdigit()).then(|| u16::from_str_radix(digits, 16).ok());
        let unit = unit.flatten().ok_or_else(|| self.expected("four hexadecimal digits behind `\\u`"))?;
        self.at += 6;
        Ok(unit)
    }

    fn take(&mut self, byte: u8, what: &str) -> Result<(), Fault> {
        match self.peek() == Some(byte) {
            true => {
                self.at += 1;
                Ok(())
            }
            false => Err(self.expected(what)),
        }
    }

    fn skip_blanks(&mut self) {
        while let Some(byte @ (b' ' | b'\t' | b'\n' | b'\r')) = self.peek() {
            self.at += 1;
            if byte == b'\n' {
                self.line += 1;
                self.mark = (self.at, 1);
            }
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn expected(&mut self, what: &str) -> Fault {
        let message = match self.rest().is_empty() {
            true => format!("the file ends where {what} is wanted"),
            false => format!("{what} is wanted here"),
        };
        Fault::syntax(self.place(), message)
    }

    fn place(&mut self) -> Place {
        let (at, column) = self.mark;
        let more = self.text[at..self.at].chars().count();
        let column = column.saturating_add(u32::try_from(more).unwrap_or(u32::MAX));
        self.mark = (self.at, column);
        Place { line: self.line, column }
    }
}

fn is_json_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (mantissa, exponent) = digits.split_once(['e', 'E']).unwrap_or((digits, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_digits(whole)
        && (whole == "0" || !whole.starts_with('0'))
        && is_digits(fraction)
        && is_digits(exponent.strip_prefix(['-', '+']).unwrap_or(exponent))
}
