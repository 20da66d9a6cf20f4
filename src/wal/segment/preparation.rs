//! Making a segment: filled in full, flushed, and only then under its name, so that a segment that is
//! there has its whole length. A write into it later changes no metadata.

use std::{io, path::PathBuf};

use super::{Making, format, name};
use crate::{
    error::Error,
    machine::{Access, Directory},
    storage::fill::Fill,
};

/// A segment that is being made.
pub(crate) struct Preparation {
    directory: Directory,
    number: u64,
    fill: Fill,
    /// Whether it has its name.
    is_there: bool,
}

impl Preparation {
    /// Begins to make segment `number`.
    pub(crate) fn begin(directory: &Directory, number: u64, making: Making) -> Result<Self, Error> {
        let access = if making.past_cache {
            Access::Fill
        } else {
            Access::Create
        };
        let temporary = temporary(number);
        let file = directory.open(&temporary, access);
        let file = file.map_err(Error::io("prepare", directory.join(&temporary)))?;
        Ok(Self {
            directory: directory.clone(),
            number,
            fill: Fill::new(file, making.bytes, |chunk| {
                format::fill(making.format, chunk);
            }),
            is_there: false,
        })
    }

    /// The segment's number.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// The bytes that are filled.
    pub(crate) fn done(&self) -> u64 {
        self.fill.done()
    }

    /// Fills at most so many more bytes; returns the segment's path once it is there.
    pub(crate) fn go_on(&mut self, at_most: u64) -> Result<Option<PathBuf>, Error> {
        let path = self.directory.join(temporary(self.number));
        let all = self.fill.go_on(at_most);
        if !all.map_err(Error::io("prepare", &path))? {
            return Ok(None);
        }
        self.put_in_place().map_err(Error::io("prepare", &path))?;
        self.is_there = true;
        Ok(Some(self.directory.join(name(self.number))))
    }

    fn put_in_place(&self) -> io::Result<()> {
        let Self {
            directory, number, ..
        } = self;
        directory.rename(&temporary(*number), name(*number))?;
        directory.files().sync_directory(directory.path())
    }
}

impl Drop for Preparation {
    fn drop(&mut self) {
        if !self.is_there {
            // A full disk is no reason to leave half a segment on it.
            let _ = self.directory.remove(&temporary(self.number));
        }
    }
}

fn temporary(number: u64) -> String {
    format!("segment-{number:012}.tmp")
}

/// Makes segment `number` at once.
pub(crate) fn prepare(
    directory: &Directory,
    number: u64,
    making: Making,
) -> Result<PathBuf, Error> {
    let mut preparation = Preparation::begin(directory, number, making)?;
    loop {
        if let Some(path) = preparation.go_on(making.bytes)? {
            return Ok(path);
        }
    }
}
