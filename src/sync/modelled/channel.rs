//! The part of `std::sync::mpsc` that replies use, for one value. Waiting has no limit.

use std::{
    sync::mpsc::{RecvTimeoutError, TryRecvError},
    time::Duration,
};

use loom::sync::{Condvar, Mutex};

use super::Arc;

#[derive(Debug)]
struct Channel<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
}

#[derive(Debug)]
enum State<T> {
    Open,
    Sent(T),
    Gone,
}

#[derive(Debug)]
pub(crate) struct SyncSender<T>(Arc<Channel<T>>);

#[derive(Debug)]
pub(crate) struct Receiver<T>(Arc<Channel<T>>);

pub(crate) fn sync_channel<T>(bound: usize) -> (SyncSender<T>, Receiver<T>) {
    assert_eq!(bound, 1, "replies are for one value");
    let channel = Arc::new(Channel {
        state: Mutex::new(State::Open),
        changed: Condvar::new(),
    });
    (SyncSender(Arc::clone(&channel)), Receiver(channel))
}

impl<T> SyncSender<T> {
    pub(crate) fn try_send(&self, value: T) -> Result<(), T> {
        let mut state = self.0.state.lock().expect("no model panics here");
        match *state {
            State::Open => *state = State::Sent(value),
            _ => return Err(value),
        }
        self.0.changed.notify_one();
        Ok(())
    }
}

impl<T> Drop for SyncSender<T> {
    fn drop(&mut self) {
        // A model that has failed is over: nothing of it is touched any more.
        if std::thread::panicking() {
            return;
        }
        let mut state = self.0.state.lock().expect("no model panics here");
        if matches!(*state, State::Open) {
            *state = State::Gone;
            self.0.changed.notify_one();
        }
    }
}

impl<T> Receiver<T> {
    pub(crate) fn try_recv(&self) -> Result<T, TryRecvError> {
        let mut state = self.0.state.lock().expect("no model panics here");
        match std::mem::replace(&mut *state, State::Gone) {
            State::Open => {
                *state = State::Open;
                Err(TryRecvError::Empty)
            }
            State::Sent(value) => Ok(value),
            State::Gone => Err(TryRecvError::Disconnected),
        }
    }

    pub(crate) fn recv_timeout(&self, _: Duration) -> Result<T, RecvTimeoutError> {
        let mut state = self.0.state.lock().expect("no model panics here");
        while matches!(*state, State::Open) {
            state = self.0.changed.wait(state).expect("no model panics here");
        }
        match std::mem::replace(&mut *state, State::Gone) {
            State::Sent(value) => Ok(value),
            _ => Err(RecvTimeoutError::Disconnected),
        }
    }
}
