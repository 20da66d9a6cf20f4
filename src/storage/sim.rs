//! Faults, for tests: a storage around another that fails, tears, loses and delays after a plan.
//!
//! The plan is made beforehand and names writes by number, so a failing test fails again. A
//! [`SimHandle`] that stays with the test tells what happened, also whether the caller went on
//! using the storage after an error, which it must not.

mod plan;
#[cfg(test)]
mod tests;

use std::{
    fs::File,
    io,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

pub use plan::{FaultPlan, SimCounts, SimHandle};

use self::plan::Fault;
use super::{Storage, WRITE_UNIT, slots::invalid};

/// A storage that passes everything on to another one, but for the faults in its plan.
pub struct SimStorage {
    inner: Box<dyn Storage>,
    plan: FaultPlan,
    handle: SimHandle,
    attached: Option<PathBuf>,
    in_flight: Vec<Write>,
    /// How many calls of `reap` there were: the clock of the delays.
    reaps: u64,
    random: u64,
    crashed: bool,
    returned_an_error: bool,
}

/// A write that the caller has begun and not been given back.
struct Write {
    slot: usize,
    state: State,
    flush_fails: bool,
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    /// The inner storage has it.
    Begun,
    /// It is finished, and may be returned from this call of `reap` on.
    Due(u64),
    /// It will never finish.
    Lost,
}

impl SimStorage {
    /// Puts a plan between the caller and a storage.
    pub fn new(inner: Box<dyn Storage>, plan: FaultPlan) -> Self {
        Self {
            inner,
            // The generator needs some bit to be set.
            random: plan.seed.wrapping_mul(2).wrapping_add(1),
            plan,
            handle: SimHandle::default(),
            attached: None,
            in_flight: Vec::new(),
            reaps: 0,
            crashed: false,
            returned_an_error: false,
        }
    }

    /// What a test keeps after it has given the storage away.
    pub fn handle(&self) -> SimHandle {
        self.handle.clone()
    }

    /// Makes one call: not after a power cut, and remembering whether it failed.
    fn call<T>(&mut self, body: impl FnOnce(&mut Self) -> io::Result<T>) -> io::Result<T> {
        if self.returned_an_error {
            self.handle.count(|counters| &counters.calls_after_error);
        }
        let result = if self.crashed {
            Err(power_cut())
        } else {
            body(self)
        };
        self.returned_an_error |= result.is_err();
        result
    }

    fn crash(&mut self) -> io::Error {
        self.crashed = true;
        self.handle.count(|counters| &counters.crashes);
        power_cut()
    }

    fn begin(&mut self, slot: usize, offset: u64, length: usize) -> io::Result<()> {
        if self.is_in_flight(slot) {
            return Err(invalid(format!("slot {slot} is in flight")));
        }
        let number = self.handle.count(|counters| &counters.writes);
        let fault = self.plan.fault(number);
        let state = match fault {
            Some(Fault::Fail(kind)) => {
                self.handle.count(|counters| &counters.failed);
                return Err(kind.into());
            }
            Some(Fault::Tear(keep)) => {
                self.tear(slot, offset, keep.min(length))?;
                self.handle.count(|counters| &counters.torn);
                return Err(self.crash());
            }
            Some(Fault::Crash) => return Err(self.crash()),
            Some(Fault::Lose) => {
                self.handle.count(|counters| &counters.lost);
                State::Lost
            }
            Some(Fault::FailFlush) | None => {
                self.inner.write(slot, offset, length)?;
                State::Begun
            }
        };
        self.in_flight.push(Write {
            slot,
            state,
            flush_fails: matches!(fault, Some(Fault::FailFlush)),
        });
        Ok(())
    }

    fn is_in_flight(&self, slot: usize) -> bool {
        self.in_flight.iter().any(|write| write.slot == slot)
    }

    /// Writes the first `keep` bytes of the buffer, and behind them, up to the next write unit,
    /// what the file has there already.
    fn tear(&mut self, slot: usize, offset: u64, keep: usize) -> io::Result<()> {
        let whole = keep.next_multiple_of(WRITE_UNIT);
        if whole == 0 {
            return Ok(());
        }
        let behind = &mut self.inner.buffer(slot)[keep..whole];
        match self.attached.as_ref().map(File::open) {
            Some(Ok(file)) => file.read_exact_at(behind, offset + keep as u64)?,
            // The inner storage keeps nothing, so nothing was there.
            _ => behind.fill(0),
        }
        self.inner.write(slot, offset, whole)?;
        while self.inner.reap(true)?.is_some() {}
        Ok(())
    }

    fn finished(&mut self, wait: bool) -> io::Result<Option<usize>> {
        self.reaps += 1;
        self.collect(false)?;
        if wait {
            if self.first_due().is_none() && self.any(State::Begun) {
                self.collect(true)?;
            }
            match self.first_due() {
                Some(due) => self.reaps = self.reaps.max(due),
                None if self.any(State::Lost) => return Err(self.crash()),
                None => {}
            }
        }
        self.release()
    }

    /// Takes over what the inner storage has finished.
    fn collect(&mut self, mut wait: bool) -> io::Result<()> {
        while let Some(slot) = self.inner.reap(wait)? {
            wait = false;
            let due = self.reaps + self.random_below(self.plan.delay_max + 1);
            for write in &mut self.in_flight {
                if write.slot == slot {
                    write.state = State::Due(due);
                }
            }
        }
        Ok(())
    }

    /// Returns one of the writes that are due.
    fn release(&mut self) -> io::Result<Option<usize>> {
        let is_due = |write: &Write| matches!(write.state, State::Due(due) if due <= self.reaps);
        let due: Vec<usize> = (0..self.in_flight.len())
            .filter(|&index| is_due(&self.in_flight[index]))
            .collect();
        if due.is_empty() {
            return Ok(None);
        }
        let chosen = match self.plan.delay_max {
            0 => due[0],
            _ => due[self.random_below(due.len() as u64) as usize],
        };
        if std::mem::take(&mut self.in_flight[chosen].flush_fails) {
            self.handle.count(|counters| &counters.flushes_failed);
            return Err(io::Error::other("a flush failed, as the plan says"));
        }
        self.handle.count(|counters| &counters.finished);
        Ok(Some(self.in_flight.remove(chosen).slot))
    }

    fn first_due(&self) -> Option<u64> {
        let due = self.in_flight.iter().filter_map(|write| match write.state {
            State::Due(due) => Some(due),
            State::Begun | State::Lost => None,
        });
        due.min()
    }

    fn any(&self, state: State) -> bool {
        self.in_flight.iter().any(|write| write.state == state)
    }

    /// The next number of a xorshift generator, which need not be unbiased here.
    fn random_below(&mut self, bound: u64) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random % bound
    }
}

impl Storage for SimStorage {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    fn attach(&mut self, path: &Path, length: u64) -> io::Result<()> {
        self.call(|sim| {
            sim.inner.attach(path, length)?;
            sim.attached = Some(path.to_owned());
            Ok(())
        })
    }

    fn buffer(&mut self, slot: usize) -> &mut [u8] {
        assert!(!self.is_in_flight(slot), "slot {slot} is in flight");
        self.inner.buffer(slot)
    }

    fn write(&mut self, slot: usize, offset: u64, length: usize) -> io::Result<()> {
        self.call(|sim| sim.begin(slot, offset, length))
    }

    fn reap(&mut self, wait: bool) -> io::Result<Option<usize>> {
        self.call(|sim| sim.finished(wait))
    }
}

fn power_cut() -> io::Error {
    io::Error::other("the power is cut, as the plan says")
}
