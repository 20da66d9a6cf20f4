//! `io_uring`: writes that are on their way while the caller goes on.
//!
//! One ring a storage, with the buffers and the file registered where the kernel lets it. A write
//! is one request: the file is opened with `O_DSYNC` where the durability asks for it, which the
//! kernel honours write by write. (A linked fsync took 10 to 30 % longer, a flag on each write the
//! same time.)
//!
//! The kernel posts a completion when this thread next enters it, and says in the ring's flags
//! that one waits. So a look at the queue costs no system call while nothing has happened, and the
//! thread is never interrupted.
#![allow(unsafe_code)]

mod write;

use std::{
    fs::File, io, marker::PhantomData, os::fd::AsRawFd, path::Path, rc::Rc, thread, time::Duration,
};

use io_uring::{IoUring, opcode, squeue, types};

use self::write::Write;
use super::{
    Storage, StorageOptions,
    slots::{Slots, invalid},
    target,
};
use crate::config::Durability;

/// The one entry of the ring's file table.
const FILE_ENTRY: u16 = 0;

/// A storage on an `io_uring` of its own, to be used and dropped on the thread that made it.
///
/// For [`Durability::Device`] the file is opened with `O_DIRECT` and `O_DSYNC`, or with `O_DSYNC`
/// alone where the file system refuses direct I/O; otherwise writes go into the page cache.
pub struct UringStorage {
    ring: IoUring,
    slots: Slots,
    /// The write of each slot in flight.
    writes: Box<[Option<Write>]>,
    attached: Option<Rc<File>>,
    durability: Durability,
    registered: Registered,
    /// The ring takes requests from one thread only.
    _one_thread: PhantomData<*const ()>,
}

/// What the kernel has agreed to know beforehand, which saves looking it up at each write.
#[derive(Clone, Copy)]
struct Registered {
    buffers: bool,
    files: bool,
}

impl UringStorage {
    /// Makes the ring, the storage and its buffers.
    ///
    /// # Errors
    /// Where the kernel refuses `io_uring`, or the slots are too many or too large for it.
    ///
    /// # Panics
    /// If `buffer_bytes` is not a positive multiple of [`WRITE_UNIT`](super::WRITE_UNIT).
    pub fn new(options: StorageOptions) -> io::Result<Self> {
        let mut storage = Self::unregistered(options, &ring_builder()).or_else(|error| {
            match error.raw_os_error() {
                // An older kernel does not know the flags.
                Some(libc::EINVAL) => Self::unregistered(options, &IoUring::builder()),
                _ => Err(error),
            }
        })?;
        storage.register();
        Ok(storage)
    }

    fn unregistered(options: StorageOptions, builder: &io_uring::Builder) -> io::Result<Self> {
        let slots_max = usize::from(u16::MAX) / 2;
        if !(1..=slots_max).contains(&options.slots) || u32::try_from(options.buffer_bytes).is_err()
        {
            return Err(invalid(format!(
                "{} slots of {} bytes are more than a ring takes",
                options.slots, options.buffer_bytes
            )));
        }
        Ok(Self {
            // A slot has at most one request in the ring, so neither queue can overflow.
            ring: builder.build(options.slots as u32)?,
            slots: Slots::new(&options),
            writes: (0..options.slots).map(|_| None).collect(),
            attached: None,
            durability: options.durability,
            registered: Registered {
                buffers: false,
                files: false,
            },
            _one_thread: PhantomData,
        })
    }

    /// Registers what the kernel accepts. A refusal (the limit on locked memory, an older kernel)
    /// costs a little speed and nothing else.
    fn register(&mut self) {
        let buffers = self.slots.buffers();
        let vectors: Vec<_> = (0..buffers.count())
            .map(|slot| libc::iovec {
                iov_base: buffers.get(slot).as_ptr().cast_mut().cast(),
                iov_len: buffers.each(),
            })
            .collect();
        let submitter = self.ring.submitter();
        self.registered = Registered {
            // SAFETY: the buffers are allocated once and neither move nor go before the ring: it
            // is the first field to be dropped, and `leak` frees nothing.
            buffers: unsafe { submitter.register_buffers(&vectors) }.is_ok(),
            files: submitter.register_files(&[-1]).is_ok(),
        };
    }

    /// Hands what is left of a slot's write to the kernel.
    fn submit(&mut self, slot: usize) -> io::Result<()> {
        let Some(write) = &self.writes[slot] else {
            return Err(io::Error::other(format!(
                "slot {slot} has no write to submit"
            )));
        };
        let rest = &self.slots.buffers().get(slot)[write.done..write.length];
        let (start, length) = (rest.as_ptr(), rest.len() as u32);
        let offset = write.offset + write.done as u64;
        let is_attached = self
            .attached
            .as_ref()
            .is_some_and(|file| Rc::ptr_eq(file, &write.file));
        let (fd, flags) = if self.registered.files && is_attached {
            (i32::from(FILE_ENTRY), squeue::Flags::FIXED_FILE)
        } else {
            (write.file.as_raw_fd(), squeue::Flags::empty())
        };
        let fd = types::Fd(fd);
        let entry = if self.registered.buffers {
            opcode::WriteFixed::new(fd, start, length, slot as u16)
                .offset(offset)
                .build()
        } else {
            opcode::Write::new(fd, start, length).offset(offset).build()
        };
        let entry = entry.flags(flags).user_data(slot as u64);
        // SAFETY: the slot is marked as in flight, so its buffer is not handed out until the
        // completion is reaped, and `drop` frees no buffer before that; the file is held by
        // `writes[slot]` as long.
        let pushed = unsafe { self.ring.submission().push(&entry) };
        if let Err(full) = pushed {
            self.release(slot);
            return Err(io::Error::other(full));
        }
        self.enter(0)
    }

    /// Enters the kernel: submits what is queued, and waits for `completions`.
    fn enter(&self, completions: usize) -> io::Result<()> {
        loop {
            let Err(error) = self.ring.submit_and_wait(completions) else {
                return Ok(());
            };
            match error.raw_os_error() {
                Some(libc::EINTR) => {}
                // Out of memory just now. The request stays queued, and the next look enters again.
                Some(libc::EAGAIN | libc::EBUSY) => {
                    thread::yield_now();
                    return Ok(());
                }
                _ => return Err(error),
            }
        }
    }

    /// Whether the kernel has something to do that waits for this thread to enter it.
    fn needs_entering(&mut self) -> bool {
        let queue = self.ring.submission();
        queue.taskrun() || !queue.is_empty()
    }

    /// Takes a completion that is already there: a slot and the kernel's answer.
    fn completion(&mut self) -> Option<(usize, i32)> {
        let entry = self.ring.completion().next()?;
        Some((entry.user_data() as usize, entry.result()))
    }

    /// A finished write among the completions that are already there.
    fn look(&mut self) -> io::Result<Option<usize>> {
        while let Some((slot, result)) = self.completion() {
            let settled = match &mut self.writes[slot] {
                Some(write) => write.settle(result),
                None => Err(io::Error::other(format!("slot {slot} was not in flight"))),
            };
            match settled {
                Ok(false) => self.submit(slot)?,
                settled => {
                    self.release(slot);
                    return settled.map(|_| Some(slot));
                }
            }
        }
        Ok(None)
    }

    /// The kernel is through with the slot.
    fn release(&mut self, slot: usize) {
        if self.writes[slot].take().is_some() {
            self.slots.finish(slot);
        }
    }

    fn try_reap(&mut self, wait: bool) -> io::Result<Option<usize>> {
        loop {
            let found = self.look()?;
            if found.is_some() || self.slots.in_flight_count() == 0 {
                return Ok(found);
            }
            if wait {
                self.enter(1)?;
            } else {
                if self.needs_entering() {
                    self.enter(0)?;
                    return self.look();
                }
                return Ok(None);
            }
        }
    }
}

/// A ring for one thread, whose completions wait until that thread enters the kernel and are
/// announced in the ring's flags.
fn ring_builder() -> io_uring::Builder {
    let mut builder = IoUring::builder();
    builder
        .setup_single_issuer()
        .setup_coop_taskrun()
        .setup_taskrun_flag();
    builder
}

impl Storage for UringStorage {
    fn name(&self) -> &'static str {
        "uring"
    }

    fn attach(&mut self, path: &Path, length: u64) -> io::Result<()> {
        self.slots.may_attach(length)?;
        let file = target::open(path, length, self.durability)?;
        if self.registered.files {
            // Requests in flight keep the file that stood here when they were submitted.
            let entered = self
                .ring
                .submitter()
                .register_files_update(FILE_ENTRY.into(), &[file.as_raw_fd()]);
            self.registered.files = entered.is_ok();
        }
        self.attached = Some(Rc::new(file));
        self.slots.attach(length);
        Ok(())
    }

    fn buffer(&mut self, slot: usize) -> &mut [u8] {
        self.slots.buffer(slot)
    }

    fn write(&mut self, slot: usize, offset: u64, length: usize) -> io::Result<()> {
        self.slots.begin(slot, offset, length)?;
        self.writes[slot] = self.attached.as_ref().map(|file| Write {
            file: Rc::clone(file),
            offset,
            length,
            done: 0,
        });
        self.submit(slot).map_err(|error| self.slots.fail(error))
    }

    fn sleep(&mut self, limit: Duration) -> bool {
        if self.slots.in_flight_count() == 0 || !self.ring.params().is_feature_ext_arg() {
            return false;
        }
        let limit = types::Timespec::from(limit);
        let arguments = types::SubmitArgs::new().timespec(&limit);
        match self.ring.submitter().submit_with_args(1, &arguments) {
            Ok(_) => true,
            Err(error) => matches!(error.raw_os_error(), Some(libc::ETIME | libc::EINTR)),
        }
    }

    fn reap(&mut self, wait: bool) -> io::Result<Option<usize>> {
        self.slots.healthy()?;
        self.try_reap(wait).map_err(|error| self.slots.fail(error))
    }
}

impl Drop for UringStorage {
    /// Waits for every write in flight: the kernel reads the buffers until it is through.
    fn drop(&mut self) {
        while self.slots.in_flight_count() > 0 {
            if let Some((slot, _)) = self.completion() {
                self.release(slot);
            } else if self.enter(1).is_err() {
                // Nobody can tell when the kernel will be through, so the buffers stay for good.
                self.slots.leak();
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests;
