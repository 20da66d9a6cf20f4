//! What the older of two snapshots covers is not needed any more: it is archived or deleted.

use std::io;

use crate::{error::Error, machine::Directory, snapshot, wal::segment};

/// Retires snapshots and segments; returns how many segments.
pub(super) fn retire(
    directory: &Directory,
    archive: Option<&Directory>,
    shard: usize,
) -> Result<u64, Error> {
    let Some(upto) = snapshot::retire(directory)? else {
        return Ok(0);
    };
    let mut retired = 0;
    for number in segment::list(directory)?
        .into_iter()
        .filter(|number| *number <= upto)
    {
        let name = segment::name(number);
        match archive {
            None => directory.remove(&name)?,
            Some(archive) => {
                // Each by itself: the flush of one of them may have failed the last time.
                archive.create()?;
                let shelf = archive.inner(format!("shard-{shard:03}"));
                shelf.create()?;
                move_file(directory, &name, &shelf)
                    .map_err(Error::io("archive", directory.join(&name)))?;
            }
        }
        retired += 1;
    }
    Ok(retired)
}

/// Moves a segment, durably there before it is gone here; across file systems too.
fn move_file(directory: &Directory, name: &str, shelf: &Directory) -> io::Result<()> {
    let files = directory.files();
    match directory.rename(name, shelf.join(name)) {
        Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {
            let temporary = format!("{name}.tmp");
            directory.copy(name, shelf, &temporary)?;
            shelf.rename(&temporary, name)?;
            files.sync_directory(shelf.path())?;
            files.remove(&directory.join(name))
        }
        Err(error) => Err(error),
        Ok(()) => files.sync_directory(shelf.path()),
    }
}
