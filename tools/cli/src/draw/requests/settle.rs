//! Holds that are confirmed, and requests that are voided, line by line.

use std::{
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    thread::Scope,
};

use serde::Serialize;
use tombola::{Engine, Error, RequestId, SettleError};
use tombola_cli::request_line::How;

/// So many wait for their turn; more wait in the input, with whatever comes behind them.
const AHEAD_MAX: usize = 256;

/// A line that asks for it.
#[derive(Debug, Clone, Copy)]
pub(super) struct ToSettle {
    pub(super) line: u64,
    pub(super) how: How,
    pub(super) request: RequestId,
}

/// What is told of it.
#[derive(Debug, Serialize)]
pub(super) struct Settled {
    request: RequestId,
    line: u64,
    outcome: &'static str,
    /// Whether it was refused.
    #[serde(skip)]
    pub(super) is_refused: bool,
}

/// Does what it is asked for, one after the other. The engine may have to look through its log for
/// it, so this has a thread of its own, and no draw waits for it.
#[derive(Debug)]
pub(super) struct Settler {
    asked: SyncSender<ToSettle>,
    answers: Receiver<Result<Settled, Error>>,
    open: usize,
}

impl Settler {
    /// Its thread ends once this is dropped.
    pub(super) fn start<'scope>(scope: &'scope Scope<'scope, '_>, engine: &'scope Engine) -> Self {
        let (asked, lines) = sync_channel(AHEAD_MAX);
        let (to, answers) = sync_channel(AHEAD_MAX);
        scope.spawn(move || {
            for line in lines {
                if to.send(settle(engine, line)).is_err() {
                    return;
                }
            }
        });
        Self {
            asked,
            answers,
            open: 0,
        }
    }

    /// Asks for one more, if there is room.
    pub(super) fn ask(&mut self, line: ToSettle) -> bool {
        let is_taken = self.asked.try_send(line).is_ok();
        self.open += usize::from(is_taken);
        is_taken
    }

    /// The next answer, if it is there.
    pub(super) fn answer(&mut self) -> Option<Result<Settled, Error>> {
        let answer = self.answers.try_recv().ok()?;
        self.open -= 1;
        Some(answer)
    }

    /// How many have no answer yet.
    pub(super) fn open(&self) -> usize {
        self.open
    }
}

fn settle(engine: &Engine, asked: ToSettle) -> Result<Settled, Error> {
    let ToSettle { line, how, request } = asked;
    let (done, outcome) = match how {
        How::Confirm => (engine.confirm(request), "confirmed"),
        How::Void => (engine.void(request), "voided"),
    };
    let refusal = match done {
        Ok(()) => None,
        Err(SettleError::Unknown { .. }) => Some("unknown"),
        Err(SettleError::NotHeld { .. }) => Some("not_held"),
        Err(SettleError::Confirmed { .. }) => Some("already_confirmed"),
        Err(SettleError::Voided { .. }) => Some("already_voided"),
        Err(SettleError::Expired { .. }) => Some("expired"),
        Err(SettleError::Forgotten { .. }) => Some("forgotten"),
        Err(SettleError::Engine(error)) => return Err(error),
        Err(_) => Some("refused"),
    };
    Ok(Settled {
        request,
        line,
        outcome: refusal.unwrap_or(outcome),
        is_refused: refusal.is_some(),
    })
}
