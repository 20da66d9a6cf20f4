//! A disk of our own: one file of a FUSE file system, made for a loop device, that records what it
//! is told, and fails or is slow when it is told to.
//!
//! Its thread touches nothing that could wait for it: no file, and no map of one. Whoever uses the
//! file system on it should be another process all the same: a thread that faults in a map of a
//! file there holds locks of its process that this thread may need.

use std::{
    ffi::OsStr,
    io,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, UNIX_EPOCH},
};

use fuser::{
    BackgroundSession, Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags, Generation,
    INodeNo, LockOwner, MountOption, OpenFlags, ReplyAttr, ReplyData, ReplyEmpty, ReplyEntry,
    ReplyOpen, ReplyWrite, Request, WriteFlags,
};
use tempfile::TempDir;

use crate::{
    namespace,
    recording::{Event, Recording},
};

/// The only file.
const FILE: INodeNo = INodeNo(2);
const NAME: &str = "disk";
/// Nothing about it changes.
const TTL: Duration = Duration::from_hours(1);

/// What a device is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// To read.
    Read,
    /// To write.
    Write,
    /// To flush.
    Flush,
}

/// A failure to come.
#[derive(Debug, Clone, Copy)]
pub struct Fault {
    /// Which calls it hits.
    pub call: Call,
    /// How many of them go well before it.
    pub after: usize,
    /// Whether all that come later fail as well. What was not flushed when a flush fails for good
    /// is lost.
    pub for_good: bool,
    /// Whether it says that the device is full, instead of an input/output error.
    pub is_full: bool,
}

#[derive(Debug, Default)]
struct State {
    image: Vec<u8>,
    recording: Recording,
    fault: Option<Fault>,
    /// Calls that have failed.
    failures: usize,
    bytes_per_second: Option<u64>,
}

/// The disk.
#[derive(Debug)]
pub struct Device {
    state: Arc<Mutex<State>>,
    session: Option<BackgroundSession>,
    mount_point: TempDir,
}

impl Device {
    /// A disk that holds these bytes.
    ///
    /// # Errors
    /// Where the machine has no FUSE, or this process may not use it.
    pub fn new(image: Vec<u8>) -> io::Result<Self> {
        namespace::make_private()?;
        let state = State {
            recording: Recording {
                base: image.clone(),
                events: Vec::new(),
            },
            image,
            ..State::default()
        };
        let state = Arc::new(Mutex::new(state));
        let mount_point = tempfile::tempdir()?;
        let served = Served(Arc::clone(&state));
        let mut config = fuser::Config::default();
        config.mount_options = vec![MountOption::FSName("tombola".into())];
        let session = fuser::spawn_mount(served, mount_point.path(), &config)?;
        Ok(Self {
            state,
            session: Some(session),
            mount_point,
        })
    }

    /// The file to put a loop device over.
    pub fn path(&self) -> PathBuf {
        self.mount_point.path().join(NAME)
    }

    /// Tells the time in events: how many there have been.
    pub fn clock(&self) -> impl Fn() -> u64 + Send + 'static {
        let state = Arc::clone(&self.state);
        move || lock(&state).recording.events.len() as u64
    }

    /// Fails from now on, as told; `None` ends it.
    pub fn fail(&self, fault: Option<Fault>) {
        lock(&self.state).fault = fault;
    }

    /// How many calls have failed.
    pub fn failures(&self) -> usize {
        lock(&self.state).failures
    }

    /// Takes no more than so many bytes each second from now on.
    pub fn slow_down(&self, bytes_per_second: Option<u64>) {
        lock(&self.state).bytes_per_second = bytes_per_second;
    }

    /// What was recorded until now; a new recording begins.
    pub fn take(&self) -> Recording {
        let mut state = lock(&self.state);
        let base = state.image.clone();
        let next = Recording {
            base,
            events: Vec::new(),
        };
        std::mem::replace(&mut state.recording, next)
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        if let Some(session) = self.session.take() {
            // A file system on it that could not be unmounted gets errors from now on.
            let _ = session.umount_and_join();
        }
    }
}

/// A poisoned lock is taken all the same: the device has to answer, whatever a test does.
fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl State {
    /// Whether this call goes well.
    fn admit(&mut self, call: Call) -> Result<(), Errno> {
        let Some(fault) = self.fault.as_mut().filter(|fault| fault.call == call) else {
            return Ok(());
        };
        if fault.after > 0 {
            fault.after -= 1;
            return Ok(());
        }
        let Fault {
            for_good, is_full, ..
        } = *fault;
        self.failures += 1;
        if !for_good {
            self.fault = None;
        } else if call == Call::Flush {
            let events = &mut self.recording.events;
            let is_flush = |event: &Event| matches!(event, Event::Flush);
            let flushed = events.iter().rposition(is_flush).map_or(0, |at| at + 1);
            events.truncate(flushed);
        }
        Err(if is_full { Errno::ENOSPC } else { Errno::EIO })
    }

    fn attributes(&self, file: INodeNo) -> FileAttr {
        let is_file = file == FILE;
        let size = if is_file { self.image.len() as u64 } else { 0 };
        FileAttr {
            ino: file,
            size,
            blocks: size / 512,
            atime: UNIX_EPOCH,
            mtime: UNIX_EPOCH,
            ctime: UNIX_EPOCH,
            crtime: UNIX_EPOCH,
            kind: if is_file {
                FileType::RegularFile
            } else {
                FileType::Directory
            },
            perm: if is_file { 0o600 } else { 0o700 },
            nlink: if is_file { 1 } else { 2 },
            uid: 0,
            gid: 0,
            rdev: 0,
            blksize: 4096,
            flags: 0,
        }
    }
}

/// What the kernel asks.
struct Served(Arc<Mutex<State>>);

impl Filesystem for Served {
    fn lookup(&self, _request: &Request, _parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        if name == NAME {
            let attributes = lock(&self.0).attributes(FILE);
            reply.entry(&TTL, &attributes, Generation(0));
        } else {
            reply.error(Errno::ENOENT);
        }
    }

    fn getattr(&self, _request: &Request, file: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        reply.attr(&TTL, &lock(&self.0).attributes(file));
    }

    /// Past the page cache: every write comes here at once, and every read too.
    fn open(&self, _request: &Request, _file: INodeNo, _flags: OpenFlags, reply: ReplyOpen) {
        reply.opened(FileHandle(0), FopenFlags::FOPEN_DIRECT_IO);
    }

    fn read(
        &self,
        _request: &Request,
        _file: INodeNo,
        _handle: FileHandle,
        offset: u64,
        size: u32,
        _flags: OpenFlags,
        _owner: Option<LockOwner>,
        reply: ReplyData,
    ) {
        let mut state = lock(&self.0);
        match state.admit(Call::Read) {
            Ok(()) => {
                let start = state.image.len().min(offset as usize);
                let end = state.image.len().min(start + size as usize);
                reply.data(&state.image[start..end]);
            }
            Err(error) => reply.error(error),
        }
    }

    fn write(
        &self,
        _request: &Request,
        _file: INodeNo,
        _handle: FileHandle,
        offset: u64,
        data: &[u8],
        _write_flags: WriteFlags,
        _flags: OpenFlags,
        _owner: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        let mut state = lock(&self.0);
        if let Err(error) = state.admit(Call::Write) {
            return reply.error(error);
        }
        let start = offset as usize;
        let Some(to) = state.image.get_mut(start..start + data.len()) else {
            return reply.error(Errno::ENOSPC);
        };
        to.copy_from_slice(data);
        state
            .recording
            .events
            .push(Event::Write(offset, data.into()));
        let pause = state
            .bytes_per_second
            .map(|speed| data.len() as f64 / speed as f64);
        // Others may look meanwhile; further calls wait for this thread.
        drop(state);
        if let Some(seconds) = pause {
            thread::sleep(Duration::from_secs_f64(seconds));
        }
        reply.written(data.len() as u32);
    }

    fn fsync(
        &self,
        _request: &Request,
        _file: INodeNo,
        _handle: FileHandle,
        _data_only: bool,
        reply: ReplyEmpty,
    ) {
        let mut state = lock(&self.0);
        match state.admit(Call::Flush) {
            Ok(()) => {
                state.recording.events.push(Event::Flush);
                reply.ok();
            }
            Err(error) => reply.error(error),
        }
    }
}
