use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;

use crate::backend::service::{Item, Page, Query, Service, ServiceInfo, Write};
use crate::cx::Cx;
use crate::value::{Key, Result, Version};

/// A service whose later pages are counted: for [`Outside::later_pages`](super::Outside::later_pages).
///
/// ```
/// use std::sync::{Arc, atomic::AtomicUsize};
/// use gitops_core::backend::service::{Service, ServiceTarget};
/// use gitops_core::conformance::CountedPages;
/// fn target(service: impl Service, later_pages: &Arc<AtomicUsize>) -> ServiceTarget<impl Service> {
///     ServiceTarget::new(CountedPages::new(service, later_pages.clone()))
/// }
/// ```
#[derive(Clone, Debug)]
pub struct CountedPages<S> {
    service: S,
    later: Arc<AtomicUsize>,
}

impl<S: Service> CountedPages<S> {
    /// Counts the pages of a service's lists that are not the first one.
    pub fn new(service: S, later: Arc<AtomicUsize>) -> Self {
        Self { service, later }
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl<S: Service> Service for CountedPages<S> {
    fn info(&self) -> ServiceInfo {
        self.service.info()
    }

    async fn list(&self, cx: &Cx, query: &Query) -> Result<Page> {
        let page = self.service.list(cx, query).await?;
        self.later.fetch_add(usize::from(query.page.is_some()), Ordering::Relaxed);
        Ok(page)
    }

    async fn get(&self, cx: &Cx, key: &Key, id: &str) -> Result<Option<Item>> {
        self.service.get(cx, key, id).await
    }

    async fn create(&self, cx: &Cx, key: &Key, write: &Write) -> Result<Item> {
        self.service.create(cx, key, write).await
    }

    async fn update(&self, cx: &Cx, key: &Key, id: &str, write: &Write) -> Result<Item> {
        self.service.update(cx, key, id, write).await
    }

    async fn delete(&self, cx: &Cx, key: &Key, id: &str, expect: Option<&Version>) -> Result<()> {
        self.service.delete(cx, key, id, expect).await
    }
}
