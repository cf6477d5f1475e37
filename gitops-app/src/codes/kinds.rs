//! Errors that stand for their kind.

use super::Page;

pub const PAGES: [Page; 19] = [
    Page {
        code: "GO0001",
        title: "the command line is wrong",
        cause: "A verb, an option or a value is not known, or a choice is missing that nobody can be \
              asked for.",
        fix: "Read `gitops VERB --help`.",
    },
    Page {
        code: "GO0002",
        title: "something that was named does not exist",
        cause: "A file, a revision, a branch or an object is not there under this name.",
        fix: "Check the spelling; the message says what was looked for and often what is nearest.",
    },
    Page {
        code: "GO0003",
        title: "somebody else was there first",
        cause: "An object or a file is not in the state that the change was made for. It was left as it \
              is.",
        fix: "Plan again: `gitops plan` shows what is there now.",
    },
    Page {
        code: "GO0004",
        title: "the object belongs to somebody else",
        cause: "The object is there and carries no owner label, or another owner's. Nothing of it was touched.",
        fix: "Move it out of the way, or set `sync.adopt: true` to adopt files that belong to \
              nobody: they get the declared content.",
    },
    Page {
        code: "GO0005",
        title: "we are not who we say, or have not said it",
        cause: "The server wants a user and a token or a key, or refused the ones that it got.",
        fix: "Check the token or the key named under `auth`.",
    },
    Page {
        code: "GO0006",
        title: "we may not do this",
        cause: "The server or the file system refused, for lack of rights.",
        fix: "Give the user or the token the right that the message names.",
    },
    Page {
        code: "GO0007",
        title: "it is refused",
        cause: "A gate says no (exit code 3), or a rule that holds for everybody does (exit code 1), such as that a \
              branch descends from the revision that was applied. Nothing was written.",
        fix: "Change what is declared, or the gate's rule; `gitops rollback REV` is the way to an older \
              revision.",
    },
    Page {
        code: "GO0008",
        title: "the plan needs an approval",
        cause: "A gate wants a person to look at exactly this plan, for example because it deletes much \
              of what we own. `--yes` does not lift this.",
        fix: "Review it with `gitops plan`, then `gitops apply --plan-id ID`.",
    },
    Page {
        code: "GO0009",
        title: "the input is wrong",
        cause: "What was given can't be used; trying again will not help.",
        fix: "The message, or the faults above it, say what and where.",
    },
    Page {
        code: "GO0010",
        title: "a limit was reached",
        cause: "The input is larger, deeper or more than is taken. The message names the limit.",
        fix: "Make the input smaller, or leave parts of it out with `ignore`.",
    },
    Page {
        code: "GO0011",
        title: "the other side does not answer",
        cause: "A server can't be reached, is overloaded, or dropped the connection.",
        fix: "Try again later; `gitops run` does so by itself.",
    },
    Page {
        code: "GO0012",
        title: "a deadline passed",
        cause: "Something took longer than `--timeout` or a limit of the engine. A change that was under \
              way may have been made: the next plan looks it up.",
        fix: "Try again, with a longer `--timeout` if need be.",
    },
    Page {
        code: "GO0013",
        title: "stopped",
        cause: "Ctrl-C, a signal, or an answer that was not yes. What was sent is recorded, what was not \
              is not done.",
        fix: "Run the same command again to go on.",
    },
    Page {
        code: "GO0014",
        title: "the plan is stale",
        cause: "What the plan was made from moved since. Nothing was written; the message names what \
              moved.",
        fix: "Plan again, and review what it is now.",
    },
    Page {
        code: "GO0015",
        title: "stored data is damaged or of another format",
        cause: "The journal, a document, the audit log or a saved plan is not as it was written.",
        fix: "Put it back from a backup. Never remove the state of an application that owns something: \
              what it owns would be forgotten.",
    },
    Page {
        code: "GO0016",
        title: "another process is at work",
        cause: "The state folder is used by one process at a time.",
        fix: "Wait until it is through, or stop it. Verbs that only look are not held up.",
    },
    Page {
        code: "GO0017",
        title: "the disk is full, read-only or failing",
        cause: "A file could not be written durably, so nothing more was done.",
        fix: "Make room or mend the disk, and run the same command again: what was begun is looked up \
              first.",
    },
    Page {
        code: "GO0018",
        title: "this can't be done here",
        cause: "The backend has no such power, or the data was written by a newer version.",
        fix: "The message says which; use a newer version where it asks for one.",
    },
    Page {
        code: "GO0019",
        title: "a fault of the program",
        cause: "This should not happen, whatever the input.",
        fix: "Report it with the message and what was done before.",
    },
];
