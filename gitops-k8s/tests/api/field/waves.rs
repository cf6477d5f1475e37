//! Objects in waves.

use std::time::Duration;

use gitops_core::ApplyOptions;
use serde_json::json;

use super::clients::Kept;
use crate::support::{Files, World};

/// People took a whole application away, and what had come first went first.
#[tokio::test]
async fn waves_go_in_the_reverse_of_the_order_in_which_they_came_in_a_later_process_too() {
    let world = World::new("waves").await;
    let (kept, files) = (Kept::default(), Files::default());
    let waves = [("c", 1), ("a", 2), ("d", 3), ("b", 4)];
    files.declare_texts(waves.map(|(name, wave)| {
        let annotations = json!({"argocd.argoproj.io/sync-wave": wave.to_string()});
        let metadata = json!({"name": name, "annotations": annotations});
        (
            format!("{name}.json"),
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}).to_string(),
        )
    }));
    let mut process = kept.reading(&world, &files, Duration::from_secs(60)).await;
    assert_eq!(process.reconcile(&world.cx).await.unwrap().applied(), 4);
    drop(process);
    let made = world.writes();
    files.declare_texts([]);
    let mut process = kept.reading(&world, &files, Duration::from_secs(60)).await;
    let plan = process.plan(&world.cx).await.unwrap();
    let options = ApplyOptions::naming_the_plan("tester");
    assert_eq!(process.apply(&world.cx, &plan, &options).await.unwrap().applied(), 4);
    let names = |requests: &[testbed::Request]| -> String {
        let writes = requests.iter().filter(|request| request.writes());
        let name = |request: &testbed::Request| {
            let path = request.uri.split('?').next().unwrap();
            path.rsplit('/').next().unwrap().to_owned()
        };
        writes.map(name).collect()
    };
    let all = names(&world.requests());
    assert_eq!((&all[..made], &all[made..]), ("cadb", "bdac"));
}
