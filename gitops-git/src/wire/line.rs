use std::io::{Error, ErrorKind, Result};

use tokio::io::{AsyncRead, AsyncReadExt};

/// One unit of the protocol: a length of four hexadecimal digits, which counts itself, and so many bytes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    Data(Vec<u8>),
    /// The end of a message.
    Flush,
    /// The end of a section of a message.
    Delimiter,
    /// The end of all that a server without memory says to one request.
    End,
}

/// Reads one line; its length, of four digits, is its limit.
///
/// # Errors
/// `UnexpectedEof` if the stream ends, `InvalidData` if it is no line.
pub(super) async fn read(from: &mut (impl AsyncRead + Unpin)) -> Result<Line> {
    let mut digits = [0; 4];
    from.read_exact(&mut digits).await?;
    let length = length(digits)?;
    let Some(size) = length.checked_sub(digits.len()) else { return special(length) };
    let mut data = vec![0; size];
    from.read_exact(&mut data).await?;
    Ok(Line::Data(data))
}

fn length(digits: [u8; 4]) -> Result<usize> {
    digits.iter().try_fold(0, |length, digit| {
        let value = char::from(*digit).to_digit(16).ok_or_else(|| strange("a line without a length"))?;
        Ok(length << 4 | value as usize)
    })
}

fn special(length: usize) -> Result<Line> {
    match length {
        0 => Ok(Line::Flush),
        1 => Ok(Line::Delimiter),
        2 => Ok(Line::End),
        _ => Err(strange("a line of impossible length")),
    }
}

pub(super) fn strange(what: &str) -> Error {
    Error::new(ErrorKind::InvalidData, what)
}

/// Adds a line of text, which is short.
pub(super) fn push(to: &mut Vec<u8>, text: &str) {
    to.extend_from_slice(format!("{:04x}{text}\n", text.len() + 5).as_bytes());
}

impl Line {
    /// The text of a line without the line break at its end; `None` for what is no text.
    pub fn text(&self) -> Option<&str> {
        let Self::Data(data) = self else { return None };
        std::str::from_utf8(data).ok().map(|text| text.strip_suffix('\n').unwrap_or(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn all(mut bytes: &[u8]) -> (Vec<Line>, ErrorKind) {
        let mut lines = Vec::new();
        loop {
            match read(&mut bytes).await {
                Ok(line) => lines.push(line),
                Err(error) => return (lines, error.kind()),
            }
        }
    }

    #[tokio::test]
    async fn what_is_pushed_is_read() {
        let mut bytes = Vec::new();
        push(&mut bytes, "want 1234");
        bytes.extend_from_slice(b"000100000002");
        let (lines, end) = all(&bytes).await;
        assert_eq!(lines[0].text(), Some("want 1234"));
        assert_eq!(lines[1..], [Line::Delimiter, Line::Flush, Line::End]);
        assert_eq!(end, ErrorKind::UnexpectedEof);
    }

    #[tokio::test]
    async fn what_is_no_line_is_told_from_a_line_that_was_cut() {
        for (bytes, kind) in [
            (&b"0003"[..], ErrorKind::InvalidData),
            (b"+008xxxx", ErrorKind::InvalidData),
            (b"\0\0\0\0", ErrorKind::InvalidData),
            (b"000", ErrorKind::UnexpectedEof),
            (b"0008abc", ErrorKind::UnexpectedEof),
        ] {
            assert_eq!(all(bytes).await, (Vec::new(), kind));
        }
    }
}
