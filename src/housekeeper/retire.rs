//! What the older of two snapshots covers is not needed any more: it is archived or deleted.

use std::io;

use crate::{error::Error, machine::Directory, snapshot, wal::segment};

/// Makes the directories that segments will move to, so that whoever opens an engine is told if they
/// cannot be made, and not the log long after.
pub(crate) fn make_archive(archive: &Directory, shards: usize) -> Result<(), Error> {
    (0..shards).try_for_each(|shard| make_shelf(archive, shard).map(drop))
}

/// Where the segments of one shard move to.
fn make_shelf(archive: &Directory, shard: usize) -> Result<Directory, Error> {
    // Each by itself: the flush of one of them may have failed the last time.
    archive.create()?;
    let shelf = archive.inner(format!("shard-{shard:03}"));
    shelf.create()?;
    Ok(shelf)
}

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
                let shelf = make_shelf(archive, shard)?;
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
