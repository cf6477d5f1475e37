//! Errors that stand for their kind.

use super::Page;

pub const PAGES: [Page; 19] = [
    Page {
        code: "GO0001",
        title: "the command line is wrong",
        example: "`gitops plann`, or `gitops rollback main --end`",
        cause: "A verb, an option or a value is not known, or a choice is missing that nobody can be \
              asked for.",
        fix: "Read `gitops VERB --help`.",
    },
    Page {
        code: "GO0002",
        title: "something that was named does not exist",
        example: "`gitops why web.yml` where the file is called `web.yaml`",
        cause: "A file, a revision, a branch or an object is not there under this name.",
        fix: "Check the spelling; the message says what was looked for and often what is nearest.",
    },
    Page {
        code: "GO0003",
        title: "conflict: the object changed since the plan",
        example: "somebody edits a file of the target between the plan and the write",
        cause: "An object or a file is not in the state that the change was made for. It was left as it \
              is.",
        fix: "Plan again: `gitops plan` shows what is there now.",
    },
    Page {
        code: "GO0004",
        title: "the object belongs to somebody else",
        example: "two applications declare `ConfigMap shop/settings`",
        cause: "The object is there and carries no owner label, or another owner's. Nothing of it was touched.",
        fix: "Move it out of the way, or set `sync.adopt: true` to adopt files that belong to \
              nobody: they get the declared content.",
    },
    Page {
        code: "GO0005",
        title: "authentication failed",
        example: "the token of `auth: { token: { env: GIT_TOKEN } }` has expired",
        cause: "The server wants a user and a token or a key, or refused the ones that it got.",
        fix: "Check the token or the key named under `auth`.",
    },
    Page {
        code: "GO0006",
        title: "not authorised",
        example: "`forbidden: User \"shop-deployer\" cannot patch resource \"deployments\"`",
        cause: "The server or the file system refused, for lack of rights.",
        fix: "Give the user or the token the right that the message names.",
    },
    Page {
        code: "GO0007",
        title: "it is refused",
        example: "`gates: [{ name: no-deletes, rule: plan.delete == 0, otherwise: deny }]` and a commit that removes a file",
        cause: "A gate says no (exit code 3), or a rule that holds for everybody does (exit code 1), such as that a \
              branch descends from the revision that was applied. Nothing was written.",
        fix: "Change what is declared, or the gate's rule; `gitops rollback REV` is the way to an older \
              revision.",
    },
    Page {
        code: "GO0008",
        title: "the plan needs an approval",
        example: "a commit removes half of the files, and `gitops apply --yes` has no approval",
        cause: "A gate wants a person to look at exactly this plan, for example because it deletes much \
              of what we own. `--yes` does not lift this.",
        fix: "Review it with `gitops plan`, then `gitops apply --plan-id ID`.",
    },
    Page {
        code: "GO0009",
        title: "the input is wrong",
        example: "`gitops plan` of a commit that holds a manifest with a fault",
        cause: "What was given can't be used; trying again will not help.",
        fix: "The message, or the faults above it, say what and where.",
    },
    Page {
        code: "GO0010",
        title: "a limit was reached",
        example: "a commit adds a file of 20 MiB, and `limits: { file_bytes: 10 MiB }` holds",
        cause: "The input is larger, deeper or more than is taken. The message names the limit.",
        fix: "Make the input smaller, or leave parts of it out with `ignore`.",
    },
    Page {
        code: "GO0011",
        title: "the other side does not answer",
        example: "the Git server is restarted while `gitops plan` asks it",
        cause: "A server can't be reached, is overloaded, or dropped the connection.",
        fix: "Try again later; `gitops run` does so by itself.",
    },
    Page {
        code: "GO0012",
        title: "a deadline passed",
        example: "`gitops --timeout 5s plan` of a large repository for the first time",
        cause: "Something took longer than `--timeout` or a limit of the engine. A change that was under \
              way may have been made: the next plan looks it up.",
        fix: "Try again, with a longer `--timeout` if need be.",
    },
    Page {
        code: "GO0013",
        title: "stopped",
        example: "somebody types Ctrl-C while `gitops apply` works",
        cause: "Ctrl-C, a signal, or an answer that was not yes. What was sent is recorded, what was not \
              is not done.",
        fix: "Run the same command again to go on.",
    },
    Page {
        code: "GO0014",
        title: "the plan is stale",
        example: "`gitops apply plan.json` after another commit came",
        cause: "What the plan was made from moved since. Nothing was written; the message names what \
              moved.",
        fix: "Plan again, and review what it is now.",
    },
    Page {
        code: "GO0015",
        title: "stored data is damaged or of another format",
        example: "a file system check put a block of zeros into the journal",
        cause: "The journal, a document, the audit log or a saved plan is not as it was written.",
        fix: "Put it back from a backup. Never remove the state of an application that owns something: \
              what it owns would be forgotten.",
    },
    Page {
        code: "GO0016",
        title: "another process is at work",
        example: "`gitops apply` in one terminal while `gitops run` works in another",
        cause: "The state folder is used by one process at a time.",
        fix: "Wait until it is through, or stop it. Verbs that only look are not held up.",
    },
    Page {
        code: "GO0017",
        title: "the disk is full, read-only or failing",
        example: "`gitops apply` with the state folder on a full disk",
        cause: "A file could not be written durably, so nothing more was done.",
        fix: "Make room or mend the disk, and run the same command again: what was begun is looked up \
              first.",
    },
    Page {
        code: "GO0018",
        title: "this can't be done here",
        example: "a state folder that version 0.3 wrote, and version 0.2 of the command",
        cause: "The backend has no such power, or the data was written by a newer version.",
        fix: "The message says which; use a newer version where it asks for one.",
    },
    Page {
        code: "GO0019",
        title: "a fault of the program",
        example: "an arithmetic mistake in the program",
        cause: "This should not happen, whatever the input.",
        fix: "Report it with the message and what was done before.",
    },
];
