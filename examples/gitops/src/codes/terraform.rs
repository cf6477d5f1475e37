//! Faults of root modules.

use super::Page;

pub const PAGES: [Page; 5] = [
    Page {
        code: "GO0501",
        title: "a root's settings are wrong",
        cause: "A root's `gitops.json` holds something that is not a setting, or a value that does not fit.",
        fix: "The settings are `workspace`, `var_files`, `variables`, `inputs` and `removal`; the message names what is wrong.",
    },
    Page {
        code: "GO0502",
        title: "a file of a root that works in secret",
        cause: "A file would change what the tool does without showing it, or is a state with secrets in clear.",
        fix: "Remove the file from the source; an override file may be allowed where the target is set up.",
    },
    Page {
        code: "GO0503",
        title: "a root is beyond a limit",
        cause: "A file of a root, or all of them together, are larger or more than is taken.",
        fix: "Keep only what the tool reads in the folders of a root and of its modules.",
    },
    Page {
        code: "GO0504",
        title: "a module outside the source",
        cause: "A root calls a local module by a path that leads out of the source.",
        fix: "Call modules inside the source by path, and others by a registry or Git address.",
    },
    Page {
        code: "GO0505",
        title: "a module that is a root too",
        cause: "A root calls a folder as a module that is declared as a root: its resources would be made twice.",
        fix: "Move the module below a folder `modules`, or list the roots.",
    },
];
