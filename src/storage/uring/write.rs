//! One write in flight, and what the kernel's answer means for it.

use std::{fs::File, io, rc::Rc};

/// A write in flight. It holds its file open, whatever is attached meanwhile.
pub(super) struct Write {
    pub(super) file: Rc<File>,
    pub(super) offset: u64,
    pub(super) length: usize,
    pub(super) done: usize,
}

impl Write {
    /// Takes the kernel's answer; tells whether all is written.
    pub(super) fn settle(&mut self, result: i32) -> io::Result<bool> {
        match result {
            0 => Err(io::ErrorKind::WriteZero.into()),
            1.. => {
                self.done += result.unsigned_abs() as usize;
                Ok(self.done >= self.length)
            }
            _ if matches!(-result, libc::EINTR | libc::EAGAIN) => Ok(false),
            _ => Err(io::Error::from_raw_os_error(-result)),
        }
    }
}
