//! What the older of two snapshots covers is not needed any more: it is archived or deleted.

use std::{
    fs::{self, File},
    io,
    path::Path,
};

use crate::{error::Error, snapshot, sys, wal::segment};

/// Retires snapshots and segments; returns how many segments.
pub(super) fn retire(directory: &Path, archive: Option<&Path>, shard: usize) -> Result<u64, Error> {
    let Some(upto) = snapshot::retire(directory)? else {
        return Ok(0);
    };
    let mut retired = 0;
    for number in segment::list(directory)?
        .into_iter()
        .filter(|number| *number <= upto)
    {
        let path = segment::path(directory, number);
        match archive {
            None => fs::remove_file(&path).map_err(Error::io("remove", &path))?,
            Some(archive) => {
                let shelf = archive.join(format!("shard-{shard:03}"));
                sys::create_directory(&shelf)?;
                move_file(&path, &shelf, number).map_err(Error::io("archive", &path))?;
            }
        }
        retired += 1;
    }
    Ok(retired)
}

/// Moves a segment, durably there before it is gone here; across file systems too.
fn move_file(from: &Path, shelf: &Path, number: u64) -> io::Result<()> {
    let to = segment::path(shelf, number);
    match fs::rename(from, &to) {
        Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {
            let temporary = to.with_extension("tmp");
            fs::copy(from, &temporary)?;
            File::open(&temporary)?.sync_all()?;
            fs::rename(&temporary, &to)?;
            sys::sync_directory(shelf)?;
            fs::remove_file(from)
        }
        Err(error) => Err(error),
        Ok(()) => sys::sync_directory(shelf),
    }
}
