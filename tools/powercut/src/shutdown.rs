//! The shutdown of a mounted ext4: from then on it writes nothing more.
#![allow(unsafe_code)]

use std::{fs::File, io, os::fd::AsRawFd as _, path::Path};

/// Neither what is in the page cache nor the journal is written any more.
const NO_LOG_FLUSH: u32 = 2;

nix::ioctl_read!(
    /// Shuts the file system of an open file down. By its number the kernel is said to write the
    /// flags; in truth it reads them.
    ext4_shutdown,
    b'X',
    125,
    u32
);

/// Cuts the file system at `root` off from its device.
pub(crate) fn shut_down(root: &Path) -> io::Result<()> {
    let root = File::open(root)?;
    let mut flags = NO_LOG_FLUSH;
    // SAFETY: the descriptor is open for as long as `root` is, and `flags` is the four bytes that
    // this call reads; both outlive it.
    unsafe { ext4_shutdown(root.as_raw_fd(), &raw mut flags) }?;
    Ok(())
}
