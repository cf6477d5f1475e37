use super::Engine;
use crate::cx::Cx;
use crate::source::Relation;
use crate::value::{Error, ErrorKind, Result, Revision};

impl Engine {
    /// Refuses a revision that does not descend from the one that was applied: a branch that was moved back or
    /// rewritten does not roll anything back by itself.
    pub(super) async fn check_descent(&mut self, cx: &Cx, revision: &Revision) -> Result<()> {
        let Some(accepted) = self.inventory().accepted().cloned() else { return Ok(()) };
        let relation = self.relation(cx, &accepted, revision).await?;
        let goes_on = matches!(relation, Relation::Same | Relation::Newer);
        self.moved_back = (!goes_on).then(|| revision.clone());
        let how = match relation {
            Relation::Same | Relation::Newer => return Ok(()),
            Relation::Older => "an ancestor of",
            Relation::Diverged => "not a descendant of",
        };
        let message = format!("{revision} is {how} {accepted}, which is applied; nothing is written");
        let help = format!(
            "was the branch moved on purpose? `rollback {}` applies that revision and holds to it, and \
             `rollback --end` follows the branch again",
            revision.short()
        );
        Err(Error::new(ErrorKind::Denied, message).help(help))
    }

    /// How a revision stands to the accepted one. A source without a history has every revision follow on the one before.
    async fn relation(&self, cx: &Cx, accepted: &Revision, revision: &Revision) -> Result<Relation> {
        match self.source.history() {
            Some(history) if accepted != revision => match history.relation(cx, accepted, revision).await {
                Err(error) if error.is_not_found() => Ok(Relation::Diverged),
                other => other,
            },
            _ => Ok(Relation::Newer),
        }
    }
}
