//! Files that are not UTF-8, and say so with their first bytes.

use std::borrow::Cow;

use gitops_core::Diagnostic;

/// The text of a file in UTF-8. UTF-16 is what some editors and shells write, and what `kubectl` reads.
///
/// # Errors
/// It begins as UTF-16 and goes on as something else.
pub(crate) fn utf8<'a>(path: &str, bytes: &'a [u8]) -> Result<Cow<'a, [u8]>, Vec<Diagnostic>> {
    let unit: fn([u8; 2]) -> u16 = match bytes {
        [0xff, 0xfe, ..] => u16::from_le_bytes,
        [0xfe, 0xff, ..] => u16::from_be_bytes,
        _ => return Ok(Cow::Borrowed(bytes)),
    };
    let (pairs, rest) = bytes[2..].as_chunks::<2>();
    let text = String::from_utf16(&pairs.iter().map(|pair| unit(*pair)).collect::<Vec<_>>());
    if let (Ok(text), true) = (text, rest.is_empty()) {
        return Ok(Cow::Owned(text.into_bytes()));
    }
    let fault = Diagnostic::error("GO0401", path, "the file begins as UTF-16 and is none");
    Err(vec![fault.help("save the file as UTF-8")])
}
