//! The kit for leases: ours keeps the contract, and each check catches the lease that is broken in just that.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use gitops_core::conformance::{self, LeaseSubject, Report, all_checks};
use gitops_core::*;
use tokio::task::yield_now;

use crate::broken::wrong;

const TERM: Duration = Duration::from_millis(40);

#[tokio::test]
async fn the_memory_lease_keeps_the_contract() {
    let lease = || async { Ok(LeaseSubject::new("memory lease", Arc::new(MemoryLease::new())).term(TERM)) };
    conformance::lease(lease).run().await.assert_passed();
}

/// The memory lease with one fault.
struct Faulty {
    fault: &'static str,
    sound: MemoryLease,
    offset: Mutex<u64>,
    holder: Mutex<Option<String>>,
}

impl Faulty {
    fn is(&self, fault: &str) -> bool {
        self.fault == fault
    }
}

#[async_trait]
impl Lease for Faulty {
    async fn acquire(&self, cx: &Cx, holder: &str, term: Duration) -> Result<Option<LeaseGrant>> {
        if self.is("L02") && self.holder.lock().unwrap().as_ref().is_some_and(|own| own != holder) {
            return Ok(None);
        }
        *self.holder.lock().unwrap() = Some(holder.to_owned());
        if self.is("L08") && holder.starts_with("holder") {
            return Ok(Some(LeaseGrant::new(holder, 1, cx.now().after(term))));
        }
        let mut got = self.sound.acquire(cx, holder, term).await?;
        if self.is("L09") && holder == "dropped" {
            self.sound.acquire(cx, holder, term * 100).await?;
            yield_now().await;
            got = self.sound.acquire(cx, holder, term).await?;
        }
        if self.is("L01") && got.is_none() {
            return Ok(Some(LeaseGrant::new(holder, 9, cx.now().after(term))));
        }
        if let (true, Some(grant)) = (self.is("L05"), &mut got) {
            grant.epoch = 100 - grant.epoch;
        }
        if let (true, Some(grant)) = (self.is("L10") && holder == "first", &mut got) {
            *self.offset.lock().unwrap() = grant.epoch;
        }
        Ok(got)
    }

    async fn renew(&self, cx: &Cx, grant: &LeaseGrant, term: Duration) -> Result<LeaseGrant> {
        let mut own = grant.clone();
        if self.is("L05") {
            own.epoch = 100 - own.epoch;
        }
        if self.is("L10") && grant.holder == "first" {
            own.epoch = *self.offset.lock().unwrap();
        }
        let term = if self.is("L03") { Duration::ZERO } else { term };
        let renewed = self.sound.renew(cx, &own, term).await;
        if self.is("L06") && renewed.is_err() {
            return Ok(grant.clone());
        }
        let renewed = renewed?;
        Ok(LeaseGrant::new(renewed.holder, grant.epoch, renewed.until))
    }

    async fn release(&self, cx: &Cx, grant: &LeaseGrant) -> Result<()> {
        let mut own = grant.clone();
        if self.is("L05") {
            own.epoch = 100 - own.epoch;
        }
        *self.holder.lock().unwrap() = None;
        if self.is("L04") {
            return Ok(());
        }
        if self.is("L07") {
            for epoch in 1..10 {
                own.epoch = epoch;
                self.sound.release(cx, &own).await?;
            }
        }
        self.sound.release(cx, &own).await
    }
}

async fn report_of(fault: &'static str) -> Report {
    let lease = move || async move {
        let lease =
            Faulty { fault, sound: MemoryLease::new(), offset: Mutex::default(), holder: Mutex::default() };
        Ok(LeaseSubject::new("model", Arc::new(lease)).term(TERM))
    };
    conformance::lease(lease).seed(1).run().await
}

#[tokio::test]
async fn each_check_catches_the_lease_that_is_broken_in_just_that() {
    report_of("").await.assert_passed();
    let mut faults = Vec::new();
    for (number, _) in all_checks().into_iter().filter(|(number, _)| number.starts_with('L')) {
        let also: &[&str] = match number {
            "L01" => &["L03", "L07", "L08"],
            "L02" => &["L06", "L07", "L09"],
            "L04" => &["L05"],
            "L05" | "L06" => &["L10"],
            _ => &[],
        };
        faults.extend(wrong(&report_of(number).await, number, also));
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
