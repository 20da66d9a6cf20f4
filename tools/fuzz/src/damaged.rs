//! A whole data directory, damaged in several places at once.

use std::sync::LazyLock;

use crate::{
    bytes::Bytes,
    compact,
    place::{Files, Place, UNIT},
    verdict,
};

/// The directories that the engine's own tests keep for ever.
pub(crate) static FIXTURES: LazyLock<[Files; 3]> = LazyLock::new(|| {
    [
        compact::expand(include_str!(
            "../../../tests/fixtures/version-1/bincode.files"
        )),
        compact::expand(include_str!(
            "../../../tests/fixtures/version-1/jsonl.files"
        )),
        compact::expand(include_str!("../../../tests/fixtures/version-1/line.files")),
    ]
});

/// The input says which directory, and what is done to it: to a file, and where.
pub(crate) fn run(data: &[u8]) {
    let mut data = Bytes::new(data);
    let mut files = FIXTURES[usize::from(data.byte()) % FIXTURES.len()].clone();
    while !data.is_empty() {
        damage(&mut files, &mut data);
    }
    verdict::check(&Place::with(&files));
}

fn damage(files: &mut Files, data: &mut Bytes<'_>) {
    let what = data.byte();
    let mut pick = || {
        let at = usize::from(data.byte()) % files.len().max(1);
        files.keys().nth(at).cloned()
    };
    let (Some(file), Some(other)) = (pick(), pick()) else {
        return;
    };
    let offset = data.number::<3>() as usize;
    let bytes = &files[&file];
    let offset = offset % (bytes.len() + 1);
    let unit = offset / UNIT * UNIT;
    match what % 7 {
        0 => {
            files.remove(&file);
        }
        1 => {
            let brought = files[&other].clone();
            files.insert(file, brought);
        }
        2 => {
            let (one, two) = (files[&file].clone(), files[&other].clone());
            files.insert(file, two);
            files.insert(other, one);
        }
        3 => {
            let end = data.number::<3>() as usize % (bytes.len() + 1);
            files.get_mut(&file).expect("it was picked").truncate(end);
        }
        4 => {
            // What a disk does: a unit comes to another place.
            let from = files[&other].get(unit..).unwrap_or_default();
            let moved = from[..from.len().min(UNIT)].to_vec();
            overwrite(files, &file, unit, &moved);
        }
        5 => overwrite(files, &file, unit, &[0; UNIT]),
        _ => {
            let bytes = data.piece();
            overwrite(files, &file, offset, bytes);
        }
    }
}

fn overwrite(files: &mut Files, file: &std::path::Path, offset: usize, with: &[u8]) {
    let bytes = files.get_mut(file).expect("it was picked");
    let end = bytes.len().min(offset + with.len());
    if offset < end {
        bytes[offset..end].copy_from_slice(&with[..end - offset]);
    }
}
