use gitops_core::{Cx, Key, Result, Taken, Whose};

use crate::live::application::Inner;

/// The volume of a claim, where its data goes with it.
pub(super) async fn taken(inner: &Inner, cx: &Cx, key: &Key) -> Result<Vec<Taken>> {
    let place = inner.place(cx, key).await?;
    let claim = inner.read(cx, place.object(&place.served.versions[0])).await?;
    let volume = claim.as_ref().and_then(|claim| claim.json["spec"]["volumeName"].as_str());
    let Some(volume) = volume.filter(|volume| !volume.is_empty()) else { return Ok(Vec::new()) };
    let unknown = |reason: String| vec![Taken::unknown(format!("data of the volume {volume}"), reason)];
    if inner.tenancy.is_narrow() && inner.tenancy.check(&of_volume(key, volume)).is_err() {
        return Ok(unknown("the application's limits do not allow to look at volumes".to_owned()));
    }
    let uri = format!("/api/v1/persistentvolumes/{}", crate::live::list::escape(volume));
    match inner.read(cx, uri).await {
        Ok(None) => Ok(Vec::new()),
        Ok(Some(found)) => match found.json["spec"]["persistentVolumeReclaimPolicy"].as_str() {
            Some("Retain") => Ok(Vec::new()),
            policy => {
                let note = format!("its data is deleted: reclaim policy {}", policy.unwrap_or("Delete"));
                Ok(vec![Taken::new("PersistentVolume", Whose::Ours, [volume]).noting(note)])
            }
        },
        Err(failure) if !failure.answered => Err(failure.into()),
        Err(failure) => Ok(unknown(failure.error.to_string())),
    }
}

fn of_volume(claim: &Key, volume: &str) -> Key {
    Key::new(claim.target(), gitops_core::GroupKind::new("", "PersistentVolume"), "", volume)
}
