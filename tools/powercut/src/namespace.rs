//! Mounts that only the calling thread sees, and what it starts.

use std::{cell::Cell, io};

use nix::{
    mount::{MsFlags, mount},
    sched::{CloneFlags, unshare},
};

thread_local! {
    static IS_PRIVATE: Cell<bool> = const { Cell::new(false) };
}

/// Gives the calling thread a mount namespace of its own, once. Threads and processes that it
/// starts share it, and when the last of them is gone, so is what was mounted.
pub(crate) fn make_private() -> io::Result<()> {
    if IS_PRIVATE.get() {
        return Ok(());
    }
    unshare(CloneFlags::CLONE_NEWNS)?;
    let none: Option<&str> = None;
    let flags = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
    mount(none, "/", none, flags, none)?;
    IS_PRIVATE.set(true);
    Ok(())
}
