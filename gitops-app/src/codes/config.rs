//! Faults of the configuration file.

use super::Page;

pub const PAGES: [Page; 16] = [
    Page {
        code: "GO0101",
        title: "there is no configuration",
        example: "`gitops plan` in an empty folder",
        cause: "The file that was named, or `gitops.yaml` in this folder, does not exist; or a folder was named that holds \
              no such file.",
        fix: "Write one with `gitops init`, or name another with `-f FILE`.",
    },
    Page {
        code: "GO0102",
        title: "the configuration can't be read",
        example: "`chmod 000 gitops.yaml`",
        cause: "It may not be read, or a file that it includes is a folder.",
        fix: "Check its permissions, and name files under `include`.",
    },
    Page {
        code: "GO0103",
        title: "the configuration is not UTF-8",
        example: "a file that was saved as Latin-1 and holds an `ü`",
        cause: "It holds bytes that are no UTF-8, often from an old editor.",
        fix: "Save it as UTF-8.",
    },
    Page {
        code: "GO0104",
        title: "the configuration is too large",
        example: "`gitops -f manifests.yaml plan`, where that file has 2 MiB",
        cause: "It is larger than 1 MiB; a configuration is a few lines.",
        fix: "Check that it is the right file.",
    },
    Page {
        code: "GO0105",
        title: "the configuration is not YAML",
        example: "`name: [site` without the closing bracket",
        cause: "The indentation, a quote or a bracket is wrong, or a feature is used that is not taken, \
              such as merge keys.",
        fix: "Look at the line that is shown and at the one before.",
    },
    Page {
        code: "GO0106",
        title: "unknown key",
        example: "`targt: { directory: { root: ./live } }`",
        cause: "A key is not known at this place; most likely it is misspelt or in the wrong place. It \
              is an error, for an option without effect is worse.",
        fix: "Use the key that is suggested, or remove it.",
    },
    Page {
        code: "GO0107",
        title: "a key is missing",
        example: "a file without `source`, or `namespaces:` with nothing behind it",
        cause: "A part of the configuration that has no default is not there, or is empty.",
        fix: "Add it, as the example shows.",
    },
    Page {
        code: "GO0108",
        title: "a key is there twice",
        example: "`name: site` and, further down, `name: shop`",
        cause: "One of the two would silently have no effect.",
        fix: "Remove one of them.",
    },
    Page {
        code: "GO0109",
        title: "a value of the wrong type",
        example: "`prune: \"yes\"`, or `name: 1.10` without quotes",
        cause: "A value is a number, a list or a mapping where something else is wanted.",
        fix: "Write what the message asks for; numbers and truth values become text in quotes.",
    },
    Page {
        code: "GO0110",
        title: "a value that can't be",
        example: "`otherwise: maybe` in a gate",
        cause: "The value is of the right type and yet can't be used.",
        fix: "The message says what is taken.",
    },
    Page {
        code: "GO0111",
        title: "not a duration",
        example: "`interval: 60`",
        cause: "A duration needs a number and a unit, and is at least a second.",
        fix: "Write `60s`, `5m` or `1h 30m`.",
    },
    Page {
        code: "GO0112",
        title: "two that exclude each other",
        example: "`ref: { branch: main, tag: v1 }`",
        cause: "Two keys are given of which only one can hold, such as a branch and a tag; or a key stands in a part that \
              applications share, and each needs one of its own.",
        fix: "Remove one of them.",
    },
    Page {
        code: "GO0113",
        title: "unknown kind of source or target",
        example: "`target: { kubernets: {} }`",
        cause: "The key is neither a kind that is built in nor one that the program registered.",
        fix: "Use a kind that is named, or register one of your own in Rust: `Backends::with`.",
    },
    Page {
        code: "GO0114",
        title: "a secret in the configuration",
        example: "`auth: { token: hunter2 }`",
        cause: "A token or a password is written into the file, where version control and everybody who \
              reads it would have it.",
        fix: "Change the secret, for it may be known; then name an environment variable or a file: \
              `auth: { token: { env: NAME } }`.",
    },
    Page {
        code: "GO0115",
        title: "a secret is not there",
        example: "`auth: { token: { env: GIT_TOKEN } }`, and no `GIT_TOKEN` in the environment",
        cause: "The environment variable or the file that should hold the secret does not, or is empty.",
        fix: "Set it where the command runs.",
    },
    Page {
        code: "GO0116",
        title: "a rule without effect",
        example: "`ignore: [{ kind: Deployment, pointers: [/spec/replicas] }]`, where `Deployment.apps` is meant",
        cause: "A rule under `ignore` fits no declared object, or none of those that it fits declares such a \
              field. It is a warning: nothing stops.",
        fix: "Correct the rule's kind, namespace, name or path, or remove it.",
    },
];
