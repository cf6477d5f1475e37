//! What it costs to compare an object of which the server says that it would change.

use std::hint::black_box;

use gitops_benches::{row, timed};
use serde_json::Value as Json;

use crate::fields::{FieldSet, changes, managed};
use crate::{World, yaml};

const ROUNDS: u32 = 10_000;

/// One Deployment as a real server shows it, before and after another image: who owns what of either, and the fields that
/// differ. The texts are parsed before; that is part of any answer's cost.
pub async fn measure() {
    let world = World::new().await;
    let uri = format!("/apis/apps/v1/namespaces/{}/deployments/storefront", world.namespace);
    let declared = yaml::deployment(&world.namespace);
    let before = world.admin.apply(&uri, "bench", &declared).await;
    let mut declared = declared;
    declared["spec"]["template"]["spec"]["containers"][0]["image"] =
        "registry.example.org/shop:4.13.0".into();
    let after = world.admin.apply(&uri, "bench", &declared).await;
    let ((), time) = timed(|| {
        for _ in 0..ROUNDS {
            let found = compare(black_box(&before), black_box(&after));
            assert_eq!(black_box(found), 1, "one field differs");
        }
    });
    let bytes = declared.to_string().len();
    println!(
        "diff of a Deployment\t{bytes} B of JSON declared, {} B shown by the server",
        after.to_string().len()
    );
    row("diff of one Deployment of 2.5 KB", time.as_secs_f64() * 1e6 / f64::from(ROUNDS), "µs", 20.0, false);
}

fn compare(before: &Json, after: &Json) -> usize {
    let owned = |object: &Json| -> FieldSet { managed(object).swap_remove(0).fields };
    let mut fields = owned(before);
    fields.merge(&owned(after));
    changes(&fields, before, after).len()
}
