//! What git said, as an error with a kind and a way out.

use gitops_core::{Error, ErrorKind};

use super::Output;
use crate::fault::shown;
use crate::url::GitUrl;

/// What a text in git's messages means.
struct Meaning {
    /// Any of these texts.
    said: &'static [&'static str],
    kind: ErrorKind,
    message: &'static str,
    help: &'static str,
}

/// The first that fits decides, so causes stand before what follows from them.
const MEANINGS: [Meaning; 24] = [
    Meaning {
        said: &[
            "REMOTE HOST IDENTIFICATION HAS CHANGED",
            "Host key verification failed",
            "host key is known for",
        ],
        kind: ErrorKind::Unauthenticated,
        message: "the server's host key is not the one that is known",
        help: "compare the server's key with its owner, then put it into the known_hosts file",
    },
    Meaning {
        said: &[
            "over limit",
            "Out of memory",
            "out of memory",
            "Cannot allocate memory",
            "failed to map segment",
            "died of signal",
        ],
        kind: ErrorKind::Limit,
        message: "git needed more memory than it may use",
        help: "raise `limits: { memory: … }` of the source, or take large files out of the repository's history",
    },
    Meaning {
        said: &["response 407", "returned error: 407", "Proxy Authentication Required", "HTTP code 407"],
        kind: ErrorKind::Unauthenticated,
        message: "the proxy wants a login",
        help: "put user and password of the proxy into `https_proxy`; the repository's token is not shown to it",
    },
    Meaning {
        said: &["incorrect passphrase", "bad passphrase", "passphrase is required"],
        kind: ErrorKind::Unauthenticated,
        message: "the private key has a passphrase, and nobody is there to type it",
        help: "use a key without passphrase that may only read: `ssh-keygen -p -N '' -f COPY` takes it from a copy",
    },
    Meaning {
        said: &["UNPROTECTED PRIVATE KEY FILE", "Load key "],
        kind: ErrorKind::Unauthenticated,
        message: "ssh can't use the private key",
        help: "the file must hold a key without passphrase and be readable by its owner only (chmod 600)",
    },
    Meaning {
        said: &["Problem with the SSL CA cert", "error setting certificate", "error adding trust anchors"],
        kind: ErrorKind::Invalid,
        message: "the file of certificates can't be used",
        help: "name a file that may be read and holds certificates in PEM: `auth: { ca_file: PATH }`",
    },
    Meaning {
        said: &[
            "certificate problem",
            "certificate verification failed",
            "SSL_ERROR",
            "gnutls_handshake",
            "SSL routines",
        ],
        kind: ErrorKind::Unauthenticated,
        message: "the server's certificate is not trusted",
        help: "name the file with the certificate of its authority: `auth: { ca_file: PATH }`",
    },
    Meaning {
        said: &[
            "Authentication failed",
            "could not read Username",
            "could not read Password",
            "Access denied",
            "Permission denied (",
            "returned error: 401",
            "Too many authentication failures",
        ],
        kind: ErrorKind::Unauthenticated,
        message: "the server does not accept the credentials, or wants some",
        help: "check user, token or key, and that it may read this repository",
    },
    Meaning {
        said: &["returned error: 403", "not authorized", "insufficient permission", "dubious ownership"],
        kind: ErrorKind::Forbidden,
        message: "access to the repository is refused",
        help: "ask the repository's owner for access; a local repository must belong to the user who runs this",
    },
    Meaning {
        said: &[
            "does not appear to be a git repository",
            "repository not found",
            "Repository not found",
            "returned error: 404",
            "returned error: 410",
            "' not found",
            "Cannot find repository",
        ],
        kind: ErrorKind::NotFound,
        message: "there is no such repository",
        help: "check the URL; a server also says so if the credentials may not see the repository",
    },
    Meaning {
        said: &["returned error: 30", "unable to update url base from redirection"],
        kind: ErrorKind::Invalid,
        message: "the server redirects to another address, which is not followed",
        help: "open the URL in a browser and use the address where it ends",
    },
    Meaning {
        said: &["File too large", "File size limit exceeded"],
        kind: ErrorKind::Limit,
        message: "the fetch wrote a file larger than the limit",
        help: "raise the limit `pack_bytes`, or take large files out of the repository's history",
    },
    Meaning {
        said: &["exceeded maximum allowed tree depth"],
        kind: ErrorKind::Limit,
        message: "folders of the repository are nested too deep",
        help: "make the tree flatter",
    },
    Meaning {
        said: &[
            "No space left on device",
            "Disk quota exceeded",
            "Read-only file system",
            "unable to create temporary",
        ],
        kind: ErrorKind::Storage,
        message: "the mirror can't be written",
        help: "check space and permissions of the mirror's folder",
    },
    Meaning {
        said: &[SHALLOW, "shallow update not allowed", "source repository is shallow"],
        kind: ErrorKind::Unsupported,
        message: "the repository is shallow: a part of its history is missing",
        help: "run `git fetch --unshallow` in it, or name the repository that it was cloned from",
    },
    Meaning {
        said: &["mismatched algorithms", "unknown object format", "object format"],
        kind: ErrorKind::Unsupported,
        message: "the repository uses SHA-256 ids, which are not supported",
        help: "use a repository made with `git init --object-format=sha1`",
    },
    Meaning {
        said: &["data stream error", "has bad object at"],
        kind: ErrorKind::Corrupt,
        // Before the broken connections: a sender whose pack is refused complains of a broken pipe.
        message: "the server sent bytes that are no pack",
        help: "run `git fsck` in the repository and repair what it names; trying again may help if the line is bad",
    },
    Meaning {
        said: &["fsck error", "in packed object", "hash mismatch", "COLLISION"],
        kind: ErrorKind::Corrupt,
        message: "the server sent an object that `git fsck` refuses",
        help: "run `git fsck` in the repository and repair what it names; a history that is odd in form alone, as old programs \
               wrote it, can be allowed: `tolerate: [NAME]` with the name that git says, such as `zeroPaddedFilemode`",
    },
    Meaning {
        said: &[
            "Could not resolve host",
            "Connection refused",
            "Failed to connect",
            "Couldn't connect",
            "timed out",
            "Connection reset",
            "Network is unreachable",
            "No route to host",
            "Empty reply",
            "early EOF",
            "RPC failed",
            "unexpected disconnect",
            "hung up unexpectedly",
            "kex_exchange_identification",
            "Connection closed",
            "Recv failure",
            "transfer closed",
            "returned error: 5",
            "returned error: 408",
            "returned error: 429",
            "Broken pipe",
            "Could not resolve hostname",
            "Temporary failure in name resolution",
            "bytes missing",
        ],
        kind: ErrorKind::Unavailable,
        message: "the connection to the server failed or broke",
        help: "check that the server runs and can be reached; trying again may help",
    },
    Meaning {
        said: &["not valid: is this a git repository", "invalid content-type", "unexpected content type"],
        kind: ErrorKind::Unavailable,
        message: "the server answers with something else than a Git repository, such as a web page",
        help: "open the URL in a browser: a login, a maintenance page or another address may be shown there",
    },
    Meaning {
        said: &["returned error: 4"],
        kind: ErrorKind::Invalid,
        message: "the server refuses the request",
        help: "check the URL; what git said has the number of the answer",
    },
    Meaning {
        said: &["promisor", "lazy fetching disabled"],
        kind: ErrorKind::Unsupported,
        message: "the repository is a partial clone: a part of its objects is missing",
        help: "name the repository that it was cloned from, or run `git fetch --refetch` without a filter in it",
    },
    Meaning {
        said: &[
            "not our ref",
            "unadvertised object",
            "find remote ref",
            "no matching remote head",
            "remote error: upload-pack",
        ],
        kind: ErrorKind::NotFound,
        message: "the server no longer has what was asked for",
        help: "look for the newest revision again: the branch may have been force-pushed",
    },
    Meaning {
        said: &[
            "inflate",
            "index-pack",
            "bad object",
            "bad pack",
            "did not receive expected object",
            "missing blob",
            "missing tree",
            "unable to read tree",
            "unable to read sha1",
            "is corrupt",
            "garbage at end",
            "unresolved delta",
            "did not send all necessary objects",
            "pack signature mismatch",
            "protocol error",
            "bad line length",
            "invalid server response",
            "loose object",
            "not a git repository",
            "requires a git repository",
            "unpack-objects",
            "bad config",
        ],
        kind: ErrorKind::Corrupt,
        message: "what the server sent, or the mirror, is damaged",
        help: "run `git fsck` in the repository; if it is sound, remove the mirror's folder, which is fetched anew",
    },
];

/// What git warns of when it leaves out a commit without calling that a failure.
const SHALLOW: &str = "shallow roots are not allowed";

/// Whether a call did what it was asked for.
pub(crate) fn succeeded(output: &Output) -> bool {
    output.status.success() && !output.stderr.contains(SHALLOW)
}

/// The error for a call that failed.
pub(crate) fn classify(doing: &str, url: &GitUrl, output: &Output) -> Error {
    let said = told(&output.stderr);
    let fits = |meaning: &&Meaning| meaning.said.iter().any(|text| output.stderr.contains(text));
    let error = match MEANINGS.iter().find(fits) {
        Some(Meaning { kind, message, help, .. }) => Error::new(*kind, *message).help(*help),
        None => Error::new(ErrorKind::Internal, format!("git failed ({})", output.status))
            .help("what git said is part of this error; run the same by hand to look closer"),
    };
    error.with("doing", doing).with("url", url).with("git said", said)
}

/// Whether the server refused to send a commit by its id, or does not have it.
pub(crate) fn is_refused_want(output: &Output) -> bool {
    ["not our ref", "unadvertised object", "find remote ref", "no such remote ref"]
        .iter()
        .any(|text| output.stderr.contains(text))
}

/// The lines that say what went wrong, safe to show.
fn told(stderr: &str) -> String {
    let noise = |line: &&str| !line.trim().is_empty() && !line.starts_with('@') && !line.contains("progress");
    let lines: Vec<_> = stderr.lines().filter(noise).map(str::trim).collect();
    shown(&lines.join("; "), 800)
}
