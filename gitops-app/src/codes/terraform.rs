//! Faults of root modules.

use super::Page;

pub const PAGES: [Page; 10] = [
    Page {
        code: "GO0501",
        title: "a root's settings are wrong",
        example: "`{ \"variabels\": { \"size\": 3 } }` in `gitops.json`",
        cause: "A root's `gitops.json` holds something that is not a setting, or a value that does not fit.",
        fix: "The settings are `name`, `workspace`, `var_files`, `variables`, `inputs`, `files` and `removal`; the message names what is wrong.",
    },
    Page {
        code: "GO0502",
        title: "a file of a root that works in secret",
        example: "a committed `terraform.tfstate`, or `override.tf`",
        cause: "A file would change what the tool does without showing it, or is a state with secrets in clear.",
        fix: "Remove the file from the source. What an override changes belongs into the file itself.",
    },
    Page {
        code: "GO0503",
        title: "a root is beyond a limit",
        example: "a root with a folder of 20,000 files",
        cause: "A file of a root, or all of them together, are larger or more than is taken.",
        fix: "Keep only what the tool reads in the folders of a root and of its modules.",
    },
    Page {
        code: "GO0504",
        title: "a module outside the source",
        example: "`module \"net\" { source = \"../../../elsewhere\" }`",
        cause: "A root calls a local module by a path that leads out of the source.",
        fix: "Call modules inside the source by path, and others by a registry or Git address.",
    },
    Page {
        code: "GO0505",
        title: "a module that is a root too",
        example: "`module \"net\" { source = \"../network\" }`, where `network` is a root",
        cause: "A root calls a folder as a module that is declared as a root: its resources would be made twice.",
        fix: "Move the module below a folder `modules`, or list the roots.",
    },
    Page {
        code: "GO0506",
        title: "a file of a root can't be read",
        example: "a file of configuration with a bracket that is never closed",
        cause: "A file of configuration could not be read here, so the local modules that it calls are not known.",
        fix: "Run the tool's own `validate` in the root: if it finds no fault, write the named line in a simpler form.",
    },
    Page {
        code: "GO0507",
        title: "the tool warns",
        example: "`Warning: Argument is deprecated`",
        cause: "Terraform or OpenTofu warned of something when it planned a root: a deprecated argument, for example.",
        fix: "Read the tool's own words; nothing is blocked because of a warning.",
    },
    Page {
        code: "GO0508",
        title: "a check of a root does not hold",
        example: "`check \"health\"` with an `assert` that is false",
        cause: "A `check` block of a root failed when the tool planned it or looked for drift. The root is Degraded for as long.",
        fix: "Mend what the check looks at, or the check; the next apply or look for drift tells whether it holds.",
    },
    Page {
        code: "GO0509",
        title: "roots are not kept apart",
        example: "Linux 5.10, or macOS",
        cause: "The system has no Landlock, so a root's own functions can read the states of other roots and of the application.",
        fix: "Plan only what you trust, or use Linux 5.13 or newer with Landlock.",
    },
    Page {
        code: "GO0510",
        title: "a root with a `cloud` block",
        example: "`terraform { cloud { organization = \"example\" } }`",
        cause: "A `cloud` block has plans made and applied by a service: what is shown could not be what is applied.",
        fix: "Use a `backend` block; the service's own storage of states can be one.",
    },
];
