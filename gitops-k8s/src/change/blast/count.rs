use gitops_core::{Cx, ErrorKind, Key, Result, Taken, Whose};

use crate::client::cluster::Failure;
use crate::client::kinds::{Served, collection};
use crate::live::application::Inner;
use crate::live::list::List;
use crate::live::object::Seen;

/// How many objects of one kind are counted; beyond that their number is not known.
const MOST: usize = 10_000;

/// The objects of one kind that go, as far as they could be counted.
pub(super) enum Counted {
    /// By whose they are.
    All { ours: Vec<String>, others: Vec<String> },
    /// They could not be, for this reason.
    Not(String),
}

/// Counts the objects of a kind, in one namespace or (with none) in all.
///
/// # Errors
/// Where the server does not answer at all.
pub(super) async fn count(
    inner: &Inner,
    cx: &Cx,
    kind: &str,
    served: &Served,
    namespace: &str,
    goes: impl Fn(&Seen) -> bool,
    owner: &str,
) -> Result<Counted> {
    match list(inner, cx, kind, served, namespace, goes, owner).await {
        Ok(counted) => Ok(counted),
        Err(failure) if is_unanswered(&failure) => Err(failure.into()),
        Err(failure) => Ok(Counted::Not(failure.error.to_string())),
    }
}

fn is_unanswered(failure: &Failure) -> bool {
    !failure.answered || matches!(failure.kind(), ErrorKind::Cancelled | ErrorKind::Timeout)
}

async fn list(
    inner: &Inner,
    cx: &Cx,
    kind: &str,
    served: &Served,
    namespace: &str,
    goes: impl Fn(&Seen) -> bool,
    owner: &str,
) -> Result<Counted, Failure> {
    let version = &served.versions[0];
    let uri = collection(served, version, namespace);
    let mut list = List::new(uri, served.api_version(version), kind).of_metadata();
    let (mut ours, mut others) = (Vec::new(), Vec::new());
    while let Some(page) = list.next_page(inner.wire(), cx, |_| true).await? {
        if list.has_begun_anew() {
            (ours, others) = (Vec::new(), Vec::new());
        }
        for (name, seen) in page.into_iter().filter(|(_, seen)| goes(seen)) {
            let is_ours = seen.owner_label.as_ref().is_some_and(|owner_label| owner_label.owner == owner);
            let place = seen.json["metadata"]["namespace"].as_str().filter(|_| namespace.is_empty());
            let name = place.map(|place| format!("{place}/{name}")).unwrap_or(name);
            if is_ours { ours.push(name) } else { others.push(name) }
        }
        if ours.len() + others.len() > MOST {
            return Ok(Counted::Not(format!("there are more than {MOST}")));
        }
    }
    Ok(Counted::All { ours, others })
}

impl Counted {
    /// What of it goes, if anything does: objects of this kind, whose keys are as that one with another name. Without a
    /// namespace, their names begin with theirs.
    pub fn taken(self, like: &Key) -> Vec<Taken> {
        let kind = like.kind().to_string();
        let key = |name: &String| {
            let (namespace, name) = match name.split_once('/') {
                Some(place) => place,
                None => (like.namespace(), name.as_str()),
            };
            Key::new(like.target(), like.kind().clone(), namespace, name)
        };
        match self {
            Self::Not(reason) => vec![Taken::unknown(kind, reason)],
            Self::All { ours, others } => {
                let groups = [(Whose::Others, others), (Whose::Ours, ours)].into_iter();
                let groups = groups.filter(|(_, names)| !names.is_empty());
                let taken = |(whose, names): (Whose, Vec<String>)| {
                    let keys: Vec<Key> = names.iter().map(key).collect();
                    Taken::new(kind.as_str(), whose, names).of(keys)
                };
                groups.map(taken).collect()
            }
        }
    }
}
