//! The command, killed again and again while it applies and prunes two hundred objects.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};

use crate::Cluster;

const OBJECTS: u64 = 200;

/// Kills in an ordinary run; `cargo xtask kill --target cluster` says how many in a long one.
const KILLS: u64 = 5;

/// Runs that are killed in a row before one is let end.
const IN_A_ROW: u64 = 3;

/// Reproducible choices: the `SplitMix64` generator.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }
}

fn number(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).map_or(otherwise, |text| text.parse().expect("the variable is a number"))
}

/// What is declared: a value by name.
type Objects = BTreeMap<String, String>;

/// Two hundred of four hundred names: an eighth leaves and an eighth comes, so few that no guard asks for an approval;
/// a third of what stays changes.
fn next(round: u64, before: &Objects) -> Objects {
    let name = |index: u64| format!("o-{:03}", (index + round * OBJECTS / 8) % (2 * OBJECTS));
    let value = |index: u64, name: &str| match before.get(name) {
        Some(value) if index % 3 != round % 3 => value.clone(),
        _ => round.to_string(),
    };
    (0..OBJECTS).map(|index| (name(index), value(index, &name(index)))).collect()
}

fn manifests(objects: &Objects) -> String {
    let manifest = |(name, value): (&String, &String)| {
        format!(
            "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{ name: {name} }}\ndata: {{ x: \"{value}\" }}\n"
        )
    };
    objects.iter().map(manifest).collect::<Vec<_>>().concat()
}

/// What the server has in the namespace: by name, the value, the uid, and whether it is labelled as ours.
async fn live(cluster: &Cluster) -> BTreeMap<String, (String, String, bool)> {
    let list = cluster.admin.get(cluster.config_map("").trim_end_matches('/')).await.unwrap();
    let text =
        |item: &Json, pointer: &str| item.pointer(pointer).and_then(Json::as_str).unwrap_or("").to_owned();
    let one = |item: &Json| {
        let ours = !item["metadata"]["labels"]["gitops/owner"].is_null();
        (text(item, "/metadata/name"), (text(item, "/data/x"), text(item, "/metadata/uid"), ours))
    };
    list["items"].as_array().unwrap().iter().map(one).collect()
}

/// After a kill: whatever of ours is there is in the inventory, or an intent to make it is open.
async fn check_nothing_is_forgotten(cluster: &Cluster) {
    let ours = live(cluster).await.values().filter(|(_, _, ours)| *ours).count() as u64;
    let status = cluster.world.json(&["status"]);
    let known: u64 = ["owned", "unconfirmed"].iter().filter_map(|name| status[name].as_u64()).sum();
    assert!(ours <= known, "{ours} objects are ours, and the status knows {known}: {status}");
}

/// After a run that ended: live is desired, what stayed is the same object, the inventory has each once.
async fn check(
    cluster: &Cluster,
    desired: &Objects,
    born: &BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let mut live = live(cluster).await;
    assert!(
        live.remove("theirs").is_some_and(|(value, ..)| value == "theirs"),
        "what others made was touched"
    );
    let values: Objects = live.iter().map(|(name, (value, ..))| (name.clone(), value.clone())).collect();
    assert_eq!(&values, desired, "live is not desired");
    let uids: BTreeMap<_, _> = live.into_iter().map(|(name, (_, uid, _))| (name, uid)).collect();
    for (name, uid) in born.iter().filter(|(name, _)| desired.contains_key(*name)) {
        assert_eq!(&uids[name], uid, "{name} was deleted and made anew");
    }
    let status = cluster.world.json(&["status"]);
    let counts = ["owned", "claimed", "deleting", "unconfirmed"].map(|name| status[name].as_u64());
    assert_eq!(counts, [Some(OBJECTS), Some(0), Some(0), Some(0)], "{status}");
    assert_eq!(status["sync"], "Synced", "{status}");
    uids
}

/// Starts an apply and kills it after a while; says whether it was at work then.
fn kill_after(cluster: &Cluster, moment: Duration) -> bool {
    let mut apply = cluster.world.command(&["apply", "--yes"]);
    let mut child = apply.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    std::thread::sleep(moment); // the moment is what is tested; nothing waits for it
    child.kill().unwrap();
    let code = child.wait().unwrap().code();
    assert!(matches!(code, None | Some(0)), "the apply to kill ended by itself with {code:?}");
    code.is_none()
}

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "the moments of the kills are spread over the time of a run")]
async fn killed_at_any_moment_nothing_is_lost_doubled_or_left_over() {
    let (kills, mut dice) = (number("GITOPS_KILLS", KILLS), Dice(number("GITOPS_SEED", 1)));
    let cluster = Cluster::new().await;
    cluster.configure("shop", "");
    let theirs = json!({ "metadata": { "name": "theirs" }, "data": { "x": "theirs" } });
    cluster.admin.post(cluster.config_map("").trim_end_matches('/'), &theirs).await;

    let (mut desired, mut born, mut whole) = (Objects::new(), BTreeMap::new(), Duration::from_secs(2));
    let (mut killed, mut escaped) = (0, 0);
    for round in 0.. {
        desired = next(round, &desired);
        cluster.world.commit(&format!("Round {round}"), &[("all.yaml", Some(&manifests(&desired)))]);
        for _ in 0..=dice.below(IN_A_ROW) {
            let micros = u64::try_from(whole.as_micros()).unwrap();
            match kill_after(&cluster, Duration::from_micros(dice.below(micros))) {
                true => killed += 1,
                false => escaped += 1,
            }
            check_nothing_is_forgotten(&cluster).await;
        }
        let start = Instant::now();
        cluster.world.gitops(&["apply", "--yes"]).expect(0);
        whole = (whole + start.elapsed()) / 2;
        born = check(&cluster, &desired, &born).await;
        if killed >= kills {
            eprintln!("{killed} kills in {} rounds, {escaped} runs escaped: all repaired", round + 1);
            return;
        }
        assert!(escaped <= 20 + 2 * killed, "so many runs escaped that little is shown: {escaped}");
    }
}
