//! A shard's slower work: what its engine asks for besides draws, and who waits for which record to
//! become durable. A bit of it a turn, so that draws go on beside it.

mod job;

use std::{collections::VecDeque, io};

pub(crate) use job::{Done, Job, standpoint};
use job::{Step, Work};

use super::partition::Partition;
use crate::{machine::Clock, ring::Reply, selector::Selector, wal::Wal};

/// Answers, by the sequence number that has to be durable first.
type Pending = VecDeque<(u64, Box<dyn FnOnce() + Send>)>;

/// What lies on the desk.
#[derive(Default)]
pub(crate) struct Desk {
    jobs: VecDeque<Job>,
    /// Answers that wait until what they tell is durable.
    pending: Pending,
    sealing: Option<Sealing>,
}

#[derive(Default)]
struct Sealing {
    replies: Vec<Reply<u64>>,
    /// The last sealed segment, once the seal is on its way.
    number: Option<u64>,
}

impl Desk {
    pub(crate) fn push(&mut self, job: Job) {
        self.jobs.push_back(job);
    }

    pub(crate) fn seal(&mut self, reply: Reply<u64>) {
        // A seal that is on its way covers this request as well: nothing was drawn after it.
        self.sealing.get_or_insert_default().replies.push(reply);
    }

    /// While a seal is awaited, nothing new is drawn.
    #[inline]
    pub(crate) fn is_sealing(&self) -> bool {
        self.sealing.is_some()
    }

    /// Whether anything lies here.
    pub(crate) fn is_busy(&self) -> bool {
        !self.jobs.is_empty() || !self.pending.is_empty() || self.sealing.is_some()
    }

    /// Answers whoever waited for this sequence number to be durable.
    pub(crate) fn answer(&mut self, durable_seq: u64) {
        while let Some((_, answer)) = self.pending.pop_front_if(|(seq, _)| *seq <= durable_seq) {
            answer();
        }
    }

    /// Does the next bit of work; `false` if there was none, or no room for it.
    #[inline]
    pub(crate) fn step<S: Selector>(
        &mut self,
        shard: usize,
        partition: &mut Partition<S>,
        wal: &mut Wal,
        clock: &Clock,
    ) -> io::Result<bool> {
        if self.sealing.is_some() {
            return self.step_seal(wal);
        }
        let Some(job) = self.jobs.pop_front() else {
            return Ok(false);
        };
        let pending = &mut self.pending;
        let mut work = Work {
            shard,
            partition,
            wal,
            clock,
            pending,
        };
        match job.step(&mut work)? {
            Step::Done => {
                self.answer(wal.durable_seq());
                Ok(true)
            }
            Step::Again(job) => {
                self.jobs.push_front(job);
                Ok(true)
            }
            Step::NoRoom(job) => {
                self.jobs.push_front(job);
                Ok(false)
            }
        }
    }

    fn step_seal(&mut self, wal: &mut Wal) -> io::Result<bool> {
        let Some(sealing) = &mut self.sealing else {
            return Ok(false);
        };
        if !wal.is_drained() {
            return Ok(false);
        }
        match sealing.number {
            None => {
                sealing.number = wal.seal()?;
                Ok(sealing.number.is_some())
            }
            Some(number) => {
                for reply in self
                    .sealing
                    .take()
                    .into_iter()
                    .flat_map(|sealing| sealing.replies)
                {
                    reply.send(number);
                }
                Ok(true)
            }
        }
    }
}
