//! Requests that come in line by line, each answered by a line: a file, or a pipe in both
//! directions, over which another program draws for as long as it likes.

mod input;
mod settle;

use std::{
    collections::HashMap,
    sync::{
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, RecvTimeoutError, TryRecvError},
    },
    thread,
    time::{Duration, Instant},
};

use hdrhistogram::Histogram;
use tombola::{Client, Completion, Engine, PoolHandle, RequestId, SubmitError};
use tombola_cli::request_line::{Asked, Pools};

pub(super) use self::input::Source;
use self::{
    input::Input,
    settle::{Settler, ToSettle},
};
use super::{
    acks::AckFile,
    answer::Answer,
    patience::Patience,
    run::{LineCounts, Run},
    tally::{Places, Tally},
};
use crate::{
    failure::Failure,
    output::{self, Output},
};

/// After so many lines the answers get their turn.
const LINES_AT_ONCE: usize = 256;
/// How long to wait for a line before looking whether somebody wants to see the end.
const LOOK: Duration = Duration::from_millis(100);

/// Where answers go.
pub(super) enum Sink<'a> {
    File(&'a AckFile),
    Output(Output),
}

impl Sink<'_> {
    fn write(&mut self, lines: &[u8]) -> Result<(), Failure> {
        match self {
            Self::File(file) => file.append(lines),
            // Whoever waits for them has to get them now.
            Self::Output(output) => output.bytes(lines).and_then(|()| output.finish()),
        }
    }
}

/// A request that is under way.
#[derive(Debug)]
struct Open {
    line: u64,
    key: Option<u128>,
    sent: Instant,
}

/// The requests of one input.
pub(super) struct Session<'a> {
    pools: &'a [PoolHandle],
    places: Places,
    client: Client,
    input: Receiver<Input>,
    /// The input has ended, or is not read any more.
    is_over: bool,
    /// A request for which there was no room.
    waiting: Option<(u64, Asked)>,
    open: HashMap<RequestId, Open>,
    /// Confirms and voids, for as long as the session runs.
    settler: Option<Settler>,
    /// `None` once nobody takes them any more.
    sink: Option<Sink<'a>>,
    tally: Tally,
    lines: LineCounts,
    latency: Histogram<u64>,
    /// Why no more lines are read. What is open is answered and counted all the same.
    failure: Option<Failure>,
}

impl<'a> Session<'a> {
    pub(super) fn new(
        engine: &Engine,
        pools: &'a [PoolHandle],
        source: Source,
        sink: Sink<'a>,
    ) -> Result<Self, Failure> {
        Ok(Self {
            pools,
            places: Places::new(pools),
            client: engine.client()?,
            input: input::start(source, Pools::new(pools))?,
            is_over: false,
            waiting: None,
            open: HashMap::new(),
            settler: None,
            sink: Some(sink),
            tally: Tally::new(pools),
            lines: LineCounts::default(),
            latency: tombola_measure::nanoseconds(),
            failure: None,
        })
    }

    /// Draws until the input ends and everything is answered. What goes wrong is told in the result.
    pub(super) fn run(mut self, engine: &Engine, stop: &AtomicBool) -> Run {
        let begun = Instant::now();
        let patience = Patience::new(engine.config().idle);
        let (failure, unsettled) = thread::scope(|scope| {
            self.settler = Some(Settler::start(scope, engine));
            let failure = self.work(patience, stop).err().or(self.failure.take());
            // Its thread ends with it.
            let settler = self.settler.take();
            (failure, settler.map_or(0, |settler| settler.open()))
        });
        Run {
            tally: self.tally,
            elapsed: begun.elapsed(),
            latency: self.latency,
            sold_out: false,
            interrupted: stop.load(Ordering::Relaxed),
            unanswered: self.client.open_requests() + unsettled,
            lines: Some(self.lines),
            failure,
        }
    }

    fn work(&mut self, mut patience: Patience, stop: &AtomicBool) -> Result<(), Failure> {
        loop {
            if stop.load(Ordering::Relaxed) || self.failure.is_some() {
                self.is_over = true;
                self.waiting = None;
            }
            let asked = self.ask()?;
            let answered = self.answer()?;
            if asked || answered {
                patience.moved();
            } else if self.waiting.is_some() || self.client.open_requests() > 0 || self.settles() {
                // How long it takes to settle something depends on the log; the engine gives up
                // by itself.
                patience.wait(self.client.open_requests())?;
            } else if self.is_over {
                return Ok(());
            } else {
                match self.input.recv_timeout(LOOK) {
                    Ok(input) => self.take(input)?,
                    Err(RecvTimeoutError::Timeout) => {}
                    Err(RecvTimeoutError::Disconnected) => self.is_over = true,
                }
                patience.moved();
            }
        }
    }

    fn settles(&self) -> bool {
        self.settler
            .as_ref()
            .is_some_and(|settler| settler.open() > 0)
    }

    /// Asks for what has come in, as far as there is room; whether there was anything.
    fn ask(&mut self) -> Result<bool, Failure> {
        let mut any = false;
        for _ in 0..LINES_AT_ONCE {
            if let Some((line, asked)) = self.waiting.take() {
                self.submit(line, asked)?;
                if self.waiting.is_some() {
                    break;
                }
            } else if self.is_over {
                break;
            } else {
                match self.input.try_recv() {
                    Ok(input) => self.take(input)?,
                    Err(TryRecvError::Empty) => break,
                    Err(TryRecvError::Disconnected) => self.is_over = true,
                }
            }
            any = true;
        }
        Ok(any)
    }

    fn take(&mut self, input: Input) -> Result<(), Failure> {
        match input {
            Input::Line(line, Ok(asked)) => self.submit(line, asked),
            Input::Line(line, Err(reason)) => {
                self.refuse(line, &reason);
                Ok(())
            }
            Input::Failed(error) => {
                self.fail(Failure::io("read", "the requests", &error));
                Ok(())
            }
        }
    }

    /// No more is asked for.
    fn fail(&mut self, failure: Failure) {
        self.failure.get_or_insert(failure);
    }

    fn submit(&mut self, line: u64, asked: Asked) -> Result<(), Failure> {
        let sent = Instant::now();
        let (request, key) = match asked {
            Asked::Draw { request, key } => (request, key),
            Asked::Settle { how, request } => {
                let asked_for = ToSettle { line, how, request };
                let settler = self.settler.as_mut();
                if !settler.is_some_and(|settler| settler.ask(asked_for)) {
                    self.waiting = Some((line, asked));
                }
                return Ok(());
            }
        };
        match self.client.try_submit(request) {
            Ok(id) => {
                self.open.insert(id, Open { line, key, sent });
            }
            Err(SubmitError::Full(_)) => self.waiting = Some((line, asked)),
            Err(SubmitError::Mistake(_, reason)) => self.refuse(line, reason),
            Err(error) => return Err(Failure::Failed(error.to_string())),
        }
        Ok(())
    }

    fn refuse(&mut self, line: u64, reason: &str) {
        eprintln!("tombola: line {line}: {reason}");
        self.lines.bad_lines += 1;
    }

    /// Answers what was completed; whether there was anything.
    fn answer(&mut self) -> Result<bool, Failure> {
        let mut text = Vec::new();
        let settled = self.answer_settled(&mut text);
        let Self {
            pools,
            places,
            client,
            open,
            tally,
            lines,
            latency,
            ..
        } = self;
        let mut each = |completion: Completion| {
            let Some(asked) = open.remove(&completion.request) else {
                return;
            };
            latency.saturating_record(asked.sent.elapsed().as_nanos() as u64);
            let pool = places.of(completion.pool);
            lines.answered += 1;
            if completion.is_replay() {
                lines.replays += 1;
            } else {
                tally.count(pool, &completion);
            }
            let answer = Answer::new(&completion, &pools[pool]);
            answer.to(asked.line, asked.key).write(&mut text);
        };
        let answered = client.poll_with(&mut each)?;
        self.write(&text);
        Ok(answered > 0 || settled)
    }

    /// Answers what was confirmed or voided; whether there was anything.
    fn answer_settled(&mut self, text: &mut Vec<u8>) -> bool {
        let mut any = false;
        while let Some(settled) = self.settler.as_mut().and_then(Settler::answer) {
            any = true;
            match settled {
                Ok(settled) => {
                    self.lines.answered += 1;
                    if settled.is_refused {
                        self.tally.refused += 1;
                    } else {
                        self.lines.settled += 1;
                    }
                    text.extend_from_slice(output::json(&settled).as_bytes());
                    text.push(b'\n');
                }
                Err(error) => self.fail(error.into()),
            }
        }
        any
    }

    fn write(&mut self, lines: &[u8]) {
        if let Some(sink) = self.sink.as_mut().filter(|_| !lines.is_empty())
            && let Err(failure) = sink.write(lines)
        {
            self.sink = None;
            self.fail(match failure {
                // Who asked for something does not know what came of it.
                Failure::OutputClosed => Failure::Failed(
                    "the reader of the answers has gone, so no more lines are read; what was drawn \
                     without an answer is in `tombola log`, and --acks FILE keeps the answers"
                        .into(),
                ),
                failure => failure,
            });
        }
    }
}
