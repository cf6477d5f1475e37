//! Faults of what is declared.

use super::Page;

pub const PAGES: [Page; 7] = [
    Page {
        code: "GO0301",
        title: "declared twice",
        example: "`a.yaml` and `b.yaml` both declare `ConfigMap shop/settings`",
        cause: "Two declarations are of one object; only one could hold.",
        fix: "Remove one of them; the message names both places.",
    },
    Page {
        code: "GO0302",
        title: "a file can't be read",
        example: "the object of a file is damaged in the mirror",
        cause: "A file of the source can't be read, so nothing is planned from this revision.",
        fix: "The message says why.",
    },
    Page {
        code: "GO0303",
        title: "a dependency that nobody declares",
        example: "`outputs: { ADDRESS: \"infra:Root/-/net#address\" }`, and no root `net`",
        cause: "An object needs another one that is not declared, or uses an output of it.",
        fix: "Declare it, or remove the need.",
    },
    Page {
        code: "GO0304",
        title: "a cycle of needs",
        example: "`a` has `depends-on: b`, and `b` has `depends-on: a`",
        cause: "Objects need one another, so none can be first.",
        fix: "Remove one of the needs that the message names.",
    },
    Page {
        code: "GO0305",
        title: "no such target",
        example: "a renderer of yours makes an object for the target `cache`, and the file has none of that name",
        cause: "An object is of a target that is not set up.",
        fix: "Set the target up, or change the object's key.",
    },
    Page {
        code: "GO0306",
        title: "a folder to render is not there",
        example: "`render: [{ helm: { path: charts/cach, release: cache } }]`",
        cause: "The configuration names a folder that the revision does not have, or that holds no chart or \
              kustomization. It would render to nothing, and all that it declared before would be deleted.",
        fix: "Correct the path. If the folder left the source for good, take it out of the configuration too.",
    },
    Page {
        code: "GO0307",
        title: "names would lead in a circle",
        example: "a workload names a ConfigMap in its volumes, and that ConfigMap has `depends-on` the workload",
        cause: "The names in an object lead to another one, which needs it in turn. What is written down (`depends-on`, waves, \
              outputs) counts; an order that only names lead to gives way. Where only names lead in a circle, the last of \
              them by key gives way. This is a warning: everything is planned.",
        fix: "Nothing, if the order that is written is meant. Else write another one down, or remove what closes the circle.",
    },
];
