//! What it costs to compare an object of which the server says that it would change.

use std::hint::black_box;

use gitops_benches::{row, timed};
use serde_json::Value as Json;

use crate::fields::{FieldSet, changes, managed};
use crate::{World, yaml};

const ROUNDS: u32 = 1_000;

/// One Deployment as a real server shows it, before and after another image: who owns what of either, and the fields that
/// differ. The answers are parsed before, and who owns what is read from them: that is part of the cost of any answer.
pub async fn measure() {
    let world = World::new().await;
    let uri = format!("/apis/apps/v1/namespaces/{}/deployments/storefront", world.namespace);
    let declared = yaml::deployment(&world.namespace);
    let before = world.admin.apply(&uri, "bench", &declared).await;
    let mut declared = declared;
    declared["spec"]["template"]["spec"]["containers"][0]["image"] =
        "registry.example.org/shop:4.13.0".into();
    let after = world.admin.apply(&uri, "bench", &declared).await;
    let owned = |object: &Json| -> FieldSet { managed(object).swap_remove(0).fields };
    let (was, is) = (owned(&before), owned(&after));
    let reading = each(|| drop(black_box(owned(black_box(&after)))));
    let comparing = each(|| {
        assert_eq!(compare(&was, &is, black_box(&before), black_box(&after)), 1, "one field differs");
    });
    println!(
        "diff of a Deployment\t{} B of JSON declared, {} B shown by the server; to read who owns what {reading:.1} µs",
        declared.to_string().len(),
        after.to_string().len()
    );
    row("diff of one Deployment of 2.5 KB", comparing, "µs", 20.0, false);
}

/// Microseconds that one time takes, the best of some rounds.
fn each(act: impl Fn()) -> f64 {
    let round = || timed(|| (0..ROUNDS).for_each(|_| act())).1.as_secs_f64() * 1e6 / f64::from(ROUNDS);
    (0..10).map(|_| round()).fold(f64::INFINITY, f64::min)
}

fn compare(was: &FieldSet, is: &FieldSet, before: &Json, after: &Json) -> usize {
    let mut fields = was.clone();
    fields.merge(is);
    changes(&fields, before, after).len()
}
