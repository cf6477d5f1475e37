use std::time::Instant;

use gitops_core::Event;

/// How an apply went, by what its engine told.
#[derive(Default)]
pub struct Course {
    planned: Option<Instant>,
    first_sent: Option<Instant>,
    last_answered: Option<Instant>,
    groups: usize,
}

impl Course {
    pub fn take(&mut self, event: &Event) {
        match event {
            Event::Planned { .. } => drop(self.planned.get_or_insert_with(Instant::now)),
            Event::Started { .. } => drop(self.first_sent.get_or_insert_with(Instant::now)),
            Event::Applied { .. } => self.last_answered = Some(Instant::now()),
            Event::Journaled { .. } => self.groups += 1,
            _ => {}
        }
    }

    pub fn since(&self, start: Instant) -> String {
        let at = |moment: Option<Instant>| moment.map_or(0.0, |moment| (moment - start).as_secs_f64());
        format!(
            "planned at {:.3} s, first change sent at {:.3} s, last answer at {:.3} s, {} groups of records",
            at(self.planned),
            at(self.first_sent),
            at(self.last_answered),
            self.groups
        )
    }
}
