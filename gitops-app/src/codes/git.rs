//! Faults of a Git repository's content.

use super::Page;

pub const PAGES: [Page; 8] = [
    Page {
        code: "GO0201",
        title: "an unsafe file name",
        example: "a tree with a file called `.git`",
        cause: "A name is empty, `.`, `..`, holds a slash, or is a spelling of `.git`: such a tree is \
              made to write where it should not.",
        fix: "Look at who pushed it, and take it out of the history.",
    },
    Page {
        code: "GO0202",
        title: "a name that is not UTF-8",
        example: "a file called `caf\\xe9`",
        cause: "A file's name has bytes that are no UTF-8, so it can't be named in a plan.",
        fix: "Rename it with `git mv`, or leave it out with `ignore`.",
    },
    Page {
        code: "GO0203",
        title: "a symbolic link",
        example: "`ln -s ../shared.yaml k8s/shared.yaml`, committed",
        cause: "A link's target may lie anywhere, so links are not followed. It is a fault where something may be declared by it, or \
                where a file that is read lies behind it; beside the roots of a Terraform target it is a warning.",
        fix: "Put the file itself there, or leave it out with `ignore` of the source, which every target has.",
    },
    Page {
        code: "GO0204",
        title: "a submodule",
        example: "`git submodule add https://git.example.org/base.git k8s/base`",
        cause: "A submodule's files are in another repository and would be missing here.",
        fix: "Put the files themselves there, or leave it out with `ignore`.",
    },
    Page {
        code: "GO0205",
        title: "two names that some systems take for one",
        example: "`README` and `readme` in one folder",
        cause: "Two names of a folder differ in case alone, or in how their letters are encoded.",
        fix: "Rename one of them.",
    },
    Page {
        code: "GO0206",
        title: "a damaged folder",
        example: "a tree that a broken tool wrote, with one entry twice",
        cause: "The object of a folder is malformed, out of order, or names an entry twice.",
        fix: "Run `git fsck` on the server and push the commits again from a sound clone.",
    },
    Page {
        code: "GO0207",
        title: "a pointer of Git LFS",
        example: "`git lfs track '*.png'`, then `site/logo.png`",
        cause: "The repository holds only a pointer; the content is on another server.",
        fix: "Put the file itself into the repository (`git lfs migrate export`), or leave it out with \
              `ignore`.",
    },
    Page {
        code: "GO0208",
        title: "a pattern that fits nothing",
        example: "`include: [\"*.yml\"]` where all files end with `.yaml`",
        cause: "A pattern of `include` lets nothing through, or one of `ignore` holds nothing back.",
        fix: "Correct the pattern, or take it away. One of `ignore` is only a warning: what it ignored may be gone.",
    },
];
