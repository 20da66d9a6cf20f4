//! The simulated disk's files, as an engine uses them.

use std::{
    any::Any,
    ffi::OsString,
    io,
    path::{Path, PathBuf},
};

use tombola::machine::{Access, Files, Lock, OpenFile};

use crate::disk::{Disk, State};

/// `EMFILE`.
const TOO_MANY_FILES: i32 = 24;

impl Files for Disk {
    fn open(&self, path: &Path, access: Access) -> io::Result<Box<dyn OpenFile>> {
        let mut state = self.state();
        state.tick(1)?;
        let rate = state.faults.rates.open_error;
        if rate > 0 && state.dice.happens(rate) {
            state.counts.open_errors += 1;
            return Err(io::Error::from_raw_os_error(TOO_MANY_FILES));
        }
        let node = match access {
            Access::Read | Access::ReadPastCache | Access::Write => state.names().file(path),
            Access::Create | Access::Fill => {
                state.take_room(0)?;
                let node = state.new_node();
                state.names().make_file(path, node);
                Some(node)
            }
        };
        let node = node.ok_or(io::ErrorKind::NotFound)?;
        let disk = self.clone();
        Ok(Box::new(Open { disk, node }))
    }

    fn is_directory(&self, path: &Path) -> bool {
        self.state().names().is_directory(path)
    }

    fn names(&self, directory: &Path) -> io::Result<Vec<OsString>> {
        let mut state = self.state();
        state.tick(2)?;
        if !state.names().is_directory(directory) {
            return Err(io::ErrorKind::NotFound.into());
        }
        let paths = state.names().in_directory(directory).into_iter();
        Ok(paths
            .filter_map(|path| Some(path.file_name()?.to_owned()))
            .collect())
    }

    fn make_directory(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.tick(3)?;
        if !state.names().is_directory(path) {
            state.names().make_directory(path);
        }
        Ok(())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.tick(4)?;
        if state.names().file(from).is_none() {
            return Err(io::ErrorKind::NotFound.into());
        }
        state.names().rename(from, to);
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.tick(5)?;
        if state.names().file(path).is_none() {
            return Err(io::ErrorKind::NotFound.into());
        }
        state.names().remove(path);
        Ok(())
    }

    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.tick(6)?;
        fail_flush(&mut state)?;
        state.names().sync(path);
        Ok(())
    }

    fn lock(&self, path: &Path) -> io::Result<Lock> {
        let mut state = self.state();
        state.tick(7)?;
        if state.locks().iter().any(|held| held == path) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        state.locks().push(path.to_path_buf());
        if state.names().file(path).is_none() {
            let node = state.new_node();
            state.names().make_file(path, node);
        }
        let lock: Box<dyn Any + Send + Sync> = Box::new(Held {
            disk: self.clone(),
            path: path.to_path_buf(),
        });
        Ok(lock)
    }

    fn is_locked(&self, path: &Path) -> bool {
        self.state().locks().iter().any(|held| held == path)
    }

    fn is_parallel(&self) -> bool {
        false
    }
}

/// A lock of a process that lives.
struct Held {
    disk: Disk,
    path: PathBuf,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.disk.state().locks().retain(|held| *held != self.path);
    }
}

#[derive(Debug)]
struct Open {
    disk: Disk,
    node: u64,
}

impl OpenFile for Open {
    fn length(&self) -> io::Result<u64> {
        let mut state = self.disk.state();
        state.tick(10)?;
        Ok(state.node(self.node)?.length())
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let mut state = self.disk.state();
        state.tick(11)?;
        let rate = state.faults.rates.read_error;
        if state.dice.happens(rate) {
            state.counts.read_errors += 1;
            return Err(io::Error::other("the device cannot read this"));
        }
        if state.node(self.node)?.read(buffer, offset as usize) {
            Ok(())
        } else {
            Err(io::ErrorKind::UnexpectedEof.into())
        }
    }

    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let mut state = self.disk.state();
        if let Err(error) = state.tick(12 + offset) {
            // The machine went down in the middle of it.
            let part = state.dice.index(bytes.len() + 1);
            if let Ok(node) = state.node(self.node) {
                node.write(&bytes[..part], offset as usize);
            }
            return Err(error);
        }
        let rates = state.faults.rates;
        if state.dice.happens(rates.write_error) {
            state.counts.write_errors += 1;
            return Err(io::Error::other("the device cannot write this"));
        }
        if state.dice.happens(rates.short_write) {
            state.counts.short_writes += 1;
            let part = state.dice.index(bytes.len() + 1);
            state
                .node(self.node)?
                .write(&bytes[..part], offset as usize);
            return Err(io::ErrorKind::StorageFull.into());
        }
        let end = offset + bytes.len() as u64;
        let more = end.saturating_sub(state.node(self.node)?.length());
        state.take_room(more)?;
        state.node(self.node)?.write(bytes, offset as usize);
        Ok(())
    }

    fn set_length(&self, bytes: u64) -> io::Result<()> {
        let mut state = self.disk.state();
        state.tick(13)?;
        state.node(self.node)?.set_length(bytes as usize);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.disk.state();
        state.tick(14)?;
        if let Err(error) = fail_flush(&mut state) {
            let mut dice = state.dice.fork();
            state.node(self.node)?.fail_sync(&mut dice);
            return Err(error);
        }
        state.node(self.node)?.sync();
        Ok(())
    }
}

fn fail_flush(state: &mut State) -> io::Result<()> {
    let rate = state.faults.rates.flush_error;
    if state.dice.happens(rate) {
        state.counts.flush_errors += 1;
        return Err(io::Error::other("the device cannot flush"));
    }
    Ok(())
}
