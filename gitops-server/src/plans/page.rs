//! A plan as a page: text and nothing else, so that nothing in it can run, load or link.

use gitops_core::Digest;
use gitops_core::review::{Review, plain};

/// How long the text of a page may be; its document has the rest.
const TEXT_BYTES: usize = 8 << 20;

/// The page of a review: everything that is known, the gravest first.
pub(super) fn page(review: &Review, digest: &Digest) -> String {
    let text = plain(review);
    let (shown, rest) = cut(&text);
    let left_out = match rest.lines().count() {
        0 => String::new(),
        lines => format!("<p>{lines} more lines are in the document.</p>\n"),
    };
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>Plan {short}: {outcome}</title></head>\n<body>\n\
         <h1>Full plan</h1>\n<p><a href=\"{digest}.json\">The document</a> of this plan has the BLAKE3 digest <code>{digest}</code>. \
         Effect: <code>{effect}</code>.</p>\n<pre>{shown}</pre>\n{left_out}</body>\n</html>\n",
        short = digest.short(),
        outcome = review.outcome(),
        effect = review.effect(),
        shown = escaped(shown),
    )
}

/// The text up to the last line that fits.
fn cut(text: &str) -> (&str, &str) {
    if text.len() <= TEXT_BYTES {
        return (text, "");
    }
    let end = text.as_bytes()[..TEXT_BYTES].iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    text.split_at(end)
}

/// Text that stays text in a page. Control characters were written out before.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 8);
    for c in text.chars() {
        match c {
            '&' => out += "&amp;",
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '"' => out += "&quot;",
            '\'' => out += "&#39;",
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_others_ends_nothing_in_a_page() {
        assert_eq!(
            escaped("</pre><script>alert('1')</script>&amp;\"é"),
            "&lt;/pre&gt;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&amp;amp;&quot;é"
        );
        let page = page(&Review::default(), &Digest::of(b"a"));
        assert!(page.contains("<pre>Review: no changes"), "{page}");
        let long = format!("{}\n", "é".repeat(99)).repeat(TEXT_BYTES / 199 + 5);
        let (shown, rest) = cut(&long);
        assert!(shown.len() <= TEXT_BYTES && shown.ends_with('\n') && shown.len() + rest.len() == long.len());
        assert_eq!(cut("one line"), ("one line", ""));
    }
}
