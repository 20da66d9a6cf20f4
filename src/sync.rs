//! Atomics, threads, queues and rings, for code of ours that crosses between threads.
//!
//! They are the ones of the standard library, `rtrb`, `crossbeam-queue` and `atomic-waker`, and
//! nothing is added to them. The models (`cargo test models` with `--cfg loom`) put what `loom` can
//! see into in their place, so that it is the engine's own code that runs there, in every order.

#[cfg(all(test, loom))]
pub(crate) mod modelled;

#[cfg(all(test, loom))]
pub(crate) use modelled::{
    Arc, ArrayQueue, AtomicBool, AtomicU8, AtomicU64, AtomicUsize, AtomicWaker, Consumer, OnceLock,
    Producer, PushError, Receiver, RingBuffer, SyncSender, WriteChunkUninit, fence, sync_channel,
    thread,
};

#[cfg(not(all(test, loom)))]
pub(crate) use {
    atomic_waker::AtomicWaker,
    crossbeam_queue::ArrayQueue,
    rtrb::{Consumer, Producer, PushError, RingBuffer, chunks::WriteChunkUninit},
    std::{
        sync::{
            Arc, OnceLock,
            atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, fence},
            mpsc::{Receiver, SyncSender, sync_channel},
        },
        thread,
    },
};
