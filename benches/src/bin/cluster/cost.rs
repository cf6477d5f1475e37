use std::fmt;
use std::time::{Duration, Instant};

use gitops_benches::{processor_time, processor_time_of};
use testbed::ApiServer;

/// What something took, in seconds: time, and processor time of this process and of the servers.
#[derive(Clone, Copy)]
pub struct Cost {
    pub time: f64,
    pub ours: f64,
    pub servers: f64,
}

/// A moment from which costs are counted.
pub struct Meter {
    pub start: Instant,
    ours: Duration,
    servers: Duration,
}

impl Meter {
    pub fn start() -> Self {
        Self { start: Instant::now(), ours: processor_time(), servers: of_servers() }
    }

    pub fn read(&self) -> Cost {
        let time = self.start.elapsed().as_secs_f64();
        let ours = processor_time().saturating_sub(self.ours).as_secs_f64();
        Cost { time, ours, servers: of_servers().saturating_sub(self.servers).as_secs_f64() }
    }
}

fn of_servers() -> Duration {
    ApiServer::shared().processes().iter().map(|process| processor_time_of(process)).sum()
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { time, ours, servers } = self;
        write!(f, "{time:.3} s; processor time: {ours:.2} s of ours, {servers:.2} s of the servers")
    }
}
