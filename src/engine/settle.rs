//! Confirming holds, and giving back what was handed out.

use super::Engine;
use crate::{
    error::{Error, SettleError},
    recovery::{self, InLog},
    request::{Completion, RequestId},
    ring::Reply,
    shard::{
        control::Control,
        desk::{Done, Job},
        partition::Found,
    },
    wal::record::{Settlement, VoidedRecord},
};

/// Names a request that was answered: by its id, or by its completion, which also says where to
/// look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestRef {
    request: RequestId,
    shard: Option<usize>,
}

impl From<RequestId> for RequestRef {
    fn from(request: RequestId) -> Self {
        Self {
            request,
            shard: None,
        }
    }
}

impl From<&Completion> for RequestRef {
    /// The request that drew, even if the completion is a replay.
    fn from(completion: &Completion) -> Self {
        Self {
            request: completion.original(),
            shard: Some(completion.shard),
        }
    }
}

impl Engine {
    /// Hands out what a request [holds](crate::Request::hold_for), durably. Once its time is over
    /// it is too late.
    ///
    /// # Errors
    /// [`SettleError::NotHeld`] if it holds nothing, and as far as that is remembered how its hold
    /// ended: [`SettleError::Confirmed`], [`SettleError::Voided`], [`SettleError::Expired`].
    pub fn confirm(&self, request: impl Into<RequestRef>) -> Result<(), SettleError> {
        let request = request.into();
        for shard in self.shards_of(request) {
            match self.settle(shard, request.request, Settlement::Confirmed)? {
                Ok(_) => return Ok(()),
                Err(Found::Settled(how)) => return Err(ended(request.request, how)),
                Err(Found::Drawn {
                    is_confirmed: true, ..
                }) => return Err(ended(request.request, Settlement::Confirmed)),
                Err(_) => {}
            }
        }
        Err(SettleError::NotHeld {
            request: request.request,
        })
    }

    /// Gives back what a request holds or was handed out: its units return to stock, durably, and
    /// once.
    ///
    /// What holds units or has a key is found in memory; anything else is looked for in the log,
    /// from its end back, which takes as long as reading it. An engine without a log knows nothing of
    /// those.
    ///
    /// # Errors
    /// [`SettleError::Unknown`] where no draw of this request is to be found although the log
    /// reaches back to its beginning; [`SettleError::Forgotten`] where it does not, or where it is
    /// so long ago that nothing tells whether it was voided
    /// ([`remember_settled`](crate::Config::remember_settled)); [`SettleError::Voided`] and
    /// [`SettleError::Expired`] for what came back before.
    pub fn void(&self, request: impl Into<RequestRef>) -> Result<(), SettleError> {
        let request = request.into();
        let id = request.request;
        if id == 0 || id >= self.ids.next() {
            return Err(SettleError::Unknown { request: id });
        }
        let mut is_forgotten = false;
        for shard in self.shards_of(request) {
            let record = match self.settle(shard, id, Settlement::Voided)? {
                Ok(done) => {
                    self.make_known(shard, done.home);
                    return Ok(());
                }
                Err(Found::Settled(how)) if how != Settlement::Confirmed => {
                    return Err(ended(id, how));
                }
                Err(Found::Forgotten) => {
                    is_forgotten = true;
                    continue;
                }
                Err(Found::Drawn { record, .. }) => record,
                Err(_) => match self.look_in_log(shard, id)? {
                    InLog::Draws(record) => record,
                    InLog::Nothing { is_whole } => {
                        is_forgotten |= !is_whole;
                        continue;
                    }
                },
            };
            return self.void_drawn(shard, record);
        }
        Err(if is_forgotten {
            SettleError::Forgotten { request: id }
        } else {
            SettleError::Unknown { request: id }
        })
    }

    fn void_drawn(&self, shard: usize, voided: VoidedRecord) -> Result<(), SettleError> {
        let request = voided.request;
        let done: Result<Done, Found> = self.ask(shard, "void a request", |reply| {
            Control::Do(Job::Void { voided, reply })
        })?;
        match done {
            Ok(done) => {
                self.make_known(shard, done.home);
                Ok(())
            }
            Err(Found::Settled(how)) => Err(ended(request, how)),
            Err(Found::Forgotten) => Err(SettleError::Forgotten { request }),
            Err(_) => Err(SettleError::Unknown { request }),
        }
    }

    fn settle(
        &self,
        shard: usize,
        request: RequestId,
        how: Settlement,
    ) -> Result<Result<Done, Found>, Error> {
        self.ask(shard, "end a hold", |reply: Reply<Result<Done, Found>>| {
            Control::Do(Job::settle(request, how, reply))
        })
    }

    fn look_in_log(&self, shard: usize, request: RequestId) -> Result<InLog, Error> {
        match &self.directory {
            Some(directory) => recovery::look_for(directory, shard, request),
            None => Ok(InLog::Nothing { is_whole: false }),
        }
    }

    fn shards_of(&self, request: RequestRef) -> std::ops::Range<usize> {
        match request.shard {
            Some(shard) if shard < self.shards.len() => shard..shard + 1,
            _ => 0..self.shards.len(),
        }
    }
}

fn ended(request: RequestId, how: Settlement) -> SettleError {
    match how {
        Settlement::Confirmed => SettleError::Confirmed { request },
        Settlement::Voided => SettleError::Voided { request },
        Settlement::Expired => SettleError::Expired { request },
    }
}
