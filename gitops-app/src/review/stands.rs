//! Whether what people said of a request, by which something was approved, still stands.

use std::collections::BTreeSet;

use gitops_core::review::Review;
use gitops_core::review::approval::Request;
use gitops_core::{Cx, Result};
use gitops_forge::ChangeRequest;

use super::{Asked, approvals};

impl Asked {
    /// Why what was approved of the request does not stand any more, if that is so; `places` are the reviews and comments that it rests
    /// on. The forge is asked. Whoever may write and asks for changes is against it, whatever rules there are.
    ///
    /// # Errors
    /// Those of the forge.
    ///
    /// # Cancel safety
    /// Dropping the future has no effect.
    pub async fn withdrawal(
        &self,
        cx: &Cx,
        request: &ChangeRequest,
        places: &BTreeSet<String>,
    ) -> Result<Option<String>> {
        let places = places.iter().map(String::as_str);
        Ok(match self.said_now(cx, request).await? {
            Some(said) => said.withdrawal(places, |_| true),
            None => unknown(places),
        })
    }

    async fn said_now(&self, cx: &Cx, request: &ChangeRequest) -> Result<Option<Request<'static>>> {
        let nothing: Review = std::iter::empty().collect();
        approvals::said(cx, &*self.forge, request, &nothing, None, self.heard()).await
    }
}

/// What nobody can tell is not taken for an approval.
fn unknown<'p>(mut places: impl Iterator<Item = &'p str>) -> Option<String> {
    places
        .next()
        .map(|place| format!("the forge does not tell whose the commits are, so {place} does not count"))
}
