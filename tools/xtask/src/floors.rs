//! The rooms of a crate and the floors on which they are: what is on one floor uses only what is below.

/// A crate whose top-level modules are rooms.
struct House {
    /// Where its source is.
    source: &'static str,
    /// Its rooms, floor by floor from the ground up. Rooms of one floor don't use one another.
    floors: &'static [&'static [&'static str]],
}

/// The houses. A new room gets a floor here.
const HOUSES: [House; 7] = [CORE, GIT, FORGE, KUBERNETES, TERRAFORM, APP, SERVER];

const CORE: House = House {
    source: "gitops-core/src/",
    floors: &[
        &["value"],
        &["cx"],
        &["process"],
        &["source"],
        &["render"],
        &["capability"],
        &["state"],
        &["plan"],
        &["gate"],
        &["review"],
        &["engine"],
        &["backend", "layer"],
        &["conformance", "prelude", "simulate"],
    ],
};

const GIT: House = House {
    source: "gitops-git/src/",
    floors: &[
        &["fault", "limits", "wire"],
        &["nearest", "objects", "pattern", "reference", "revert", "signature", "url"],
        &["checkout", "credentials", "remote", "rules"],
        &["git", "history", "tree", "watch"],
        &["fuzzing", "mirror"],
        &["source"],
    ],
};

const FORGE: House = House {
    source: "gitops-forge/src/",
    floors: &[
        &["bots", "fault", "limits"],
        &["http", "value"],
        &["capability"],
        &["forge"],
        &["ext", "gitea", "github", "gitlab", "memory", "webhook"],
        &["conformance"],
    ],
};

const KUBERNETES: House = House {
    source: "gitops-k8s/src/",
    floors: &[
        &["yaml"],
        &["policy"],
        &["client"],
        &["declare"],
        &["live"],
        &["change"],
        &["planner", "state", "target"],
    ],
};

const TERRAFORM: House = House {
    source: "gitops-terraform/src/",
    floors: &[&["disk"], &["tool"], &["declare", "fuzzing", "state_server"], &["root"], &["target"]],
};

const APP: House = House {
    source: "gitops-app/src/",
    floors: &[
        &["codes", "heard", "mounting", "origin", "roster", "runner", "saved_plan", "text"],
        &["diagnostic"],
        &["config"],
        &["clusters", "gates", "place", "rules"],
        &["inputs"],
        &["known", "source", "targets"],
        &["forge", "home", "orphans"],
        &["session"],
        &["order"],
        &["review", "rollback"],
        &["documents"],
        &["lookup", "promote"],
    ],
};

const SERVER: House = House {
    source: "gitops-server/src/",
    floors: &[&["board", "event", "metrics", "plans", "webhooks"], &["http", "reviews"], &["server"]],
};

/// Every use of a room from its own floor or from below it.
pub fn offences_in(file: &str, text: &str) -> Vec<String> {
    let house = HOUSES.iter().find_map(|house| Some((house, file.strip_prefix(house.source)?)));
    let Some((house, path)) = house else { return Vec::new() };
    let Some((room, _)) = path.split_once('/') else {
        // Of the files beside the rooms, `lib.rs` names what the crate offers.
        return match path.strip_suffix(".rs") {
            Some("lib") | None => Vec::new(),
            Some(room) => house.offences(room, file, text),
        };
    };
    house.offences(room, file, text)
}

impl House {
    fn offences(&self, room: &str, file: &str, text: &str) -> Vec<String> {
        let Some(floor) = self.floor(room) else {
            return vec![format!(
                "  {file}: the room `{room}` has no floor; give it one in xtask's floors.rs"
            )];
        };
        let lines = text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//"));
        let uses = lines.flat_map(|(index, line)| rooms_in(line).map(move |used| (index + 1, used)));
        let offence = |(number, used): (usize, &str)| match self.floor(used) {
            _ if used == room => None,
            Some(below) if below < floor => None,
            Some(_) => {
                Some(format!("  {file}:{number}: `{room}` uses `{used}`, which is not on a floor below it"))
            }
            None => Some(format!(
                "  {file}:{number}: `crate::{used}` is not a room; name the one it is taken from"
            )),
        };
        uses.filter_map(offence).collect()
    }

    fn floor(&self, room: &str) -> Option<usize> {
        self.floors.iter().position(|floor| floor.contains(&room))
    }
}

/// The names after `crate::` in a line.
fn rooms_in(line: &str) -> impl Iterator<Item = &str> {
    const ROOT: &str = "crate::";
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(ROOT).filter(move |(at, _)| !line[..*at].ends_with(|c| is_name(c) || c == '$')).map(
        move |(at, _)| {
            let rest = &line[at + ROOT.len()..];
            &rest[..rest.find(|c| !is_name(c)).unwrap_or(rest.len())]
        },
    )
}

#[cfg(test)]
mod tests {
    use super::offences_in;

    #[test]
    fn a_room_uses_only_what_is_below_it() {
        let up = "use crate::value::Key;\nuse crate::engine::Engine;\n";
        let found = offences_in("gitops-core/src/plan/step.rs", up);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].contains("plan/step.rs:2: `plan` uses `engine`"), "{found:?}");
        assert_eq!(offences_in("gitops-core/src/engine/run.rs", up), [""; 0]);
        assert_eq!(offences_in("gitops-core/src/plan/step.rs", "/// See [`crate::engine`].\n"), [""; 0]);
    }

    #[test]
    fn rooms_of_one_floor_do_not_use_one_another() {
        let found = offences_in("gitops-core/src/layer/mod.rs", "use crate::backend::memory::Memory;");
        assert_eq!(found.len(), 1, "{found:?}");
    }

    #[test]
    fn a_name_of_the_crate_itself_is_no_room() {
        let found = offences_in("gitops-core/src/engine/run.rs", "use crate::{Cx, Error};");
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(offences_in("gitops-core/src/new/mod.rs", "").len(), 1, "a room without a floor");
        assert_eq!(offences_in("gitops-core/tests/a.rs", "use crate::support::World;"), [""; 0]);
        assert_eq!(offences_in("gitops-core/src/lib.rs", "pub use crate::anything;"), [""; 0]);
    }
}
