//! A history of which nothing but the order of its revisions matters.

use std::ops::RangeInclusive;

use gitops_core::*;

/// How a revision is related to an earlier one, by their names. Every name is a revision, and none has commits.
pub struct Related(pub fn(from: &str, to: &str) -> Relation);

fn not_needed() -> Result<Commit> {
    Err(Error::new(ErrorKind::Unsupported, "not needed"))
}

#[async_trait]
impl History for Related {
    async fn relation(&self, _: &Cx, from: &Revision, to: &Revision) -> Result<Relation> {
        Ok((self.0)(from.id(), to.id()))
    }

    async fn find(&self, _: &Cx, name: &str) -> Result<Revision> {
        Ok(Revision::new(name, ""))
    }

    async fn describe(&self, _: &Cx, _: &Revision) -> Result<Commit> {
        not_needed()
    }

    async fn log(&self, _: &Cx, _: &Revision, _: &str, _: usize) -> Result<Vec<Commit>> {
        Ok(Vec::new())
    }

    async fn between(&self, _: &Cx, _: &Revision, _: &Revision, _: usize) -> Result<Vec<Commit>> {
        Ok(Vec::new())
    }

    async fn blame(&self, _: &Cx, _: &Revision, _: &str, _: RangeInclusive<u32>) -> Result<Commit> {
        not_needed()
    }
}
