//! Faults of Kubernetes manifests.

use super::Page;

pub const PAGES: [Page; 4] = [
    Page {
        code: "GO0401",
        title: "a manifest is not YAML or JSON",
        cause: "The indentation, a quote or a bracket is wrong, or something is written that readers of \
              YAML take differently.",
        fix: "Look at the line that is shown and at the one before; the book's page on manifests lists \
              what is refused.",
    },
    Page {
        code: "GO0402",
        title: "a manifest is beyond a limit",
        cause: "A file, a key, a text or an object is larger or deeper than is taken.",
        fix: "Split it, or raise the limit that the message names where the renderer is set up.",
    },
    Page {
        code: "GO0403",
        title: "a key is written twice",
        cause: "One of the two would silently have no effect, and which one depends on who reads.",
        fix: "Remove one of them; the message names both places.",
    },
    Page {
        code: "GO0404",
        title: "a value that JSON can't hold",
        cause: "A key is no text, a number is infinite, or a value does not fit its tag.",
        fix: "Put it in quotes if text is meant.",
    },
];
