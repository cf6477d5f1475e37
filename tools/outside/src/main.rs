//! Embeds the Kubernetes target with nothing but a dependency on its crate.

use std::sync::Arc;

use gitops_k8s::KubernetesRender;

fn main() {
    let render: Arc<dyn gitops_core::Render> = Arc::new(KubernetesRender::new("prod").namespace("shop"));
    println!("{}", Arc::strong_count(&render));
}
