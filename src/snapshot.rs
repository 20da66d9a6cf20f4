//! A shard's state as a file: written beside its name, flushed, renamed, the directory flushed, and
//! read back before anything relies on it.

use std::io;

use bincode::{Decode, Encode};

use crate::{
    error::Error,
    machine::{Access, Directory, OpenFile},
    wal::{
        format::{bounded_decode, encode_to_vec},
        segment::{FORMAT_VERSION, Identity, NUMBER_MAX, SEQ_MAX, numbered},
    },
};

const MAGIC: &[u8; 8] = b"TOMBSNAP";
/// So much is read back at once.
const READ_BYTES: usize = 1 << 20;
/// Two verified snapshots are kept, so that one may go bad.
pub(crate) const KEPT: usize = 2;

/// What stands before the state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub(crate) struct SnapshotHeader {
    pub(crate) version: u32,
    pub(crate) engine: u128,
    pub(crate) shard: u32,
    pub(crate) shards: u32,
    /// The last segment whose records are in it.
    pub(crate) segment: u64,
    /// The sequence number of the first record that is not in it.
    pub(crate) next_seq: u64,
    /// The checksum of the last header of that segment, which the next one names.
    pub(crate) chain: u32,
    pub(crate) payload_bytes: u64,
    pub(crate) payload_crc: u32,
}

const HEADER_BYTES: usize = 4 + 16 + 4 + 4 + 8 + 8 + 4 + 8 + 4;
const PREFIX_BYTES: usize = MAGIC.len() + HEADER_BYTES + 4;

/// Which part of the log a snapshot covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Covered {
    pub(crate) segment: u64,
    pub(crate) next_seq: u64,
    pub(crate) chain: u32,
}

/// The file's name of the snapshot that covers everything up to `segment`.
pub(crate) fn name(segment: u64) -> String {
    format!("snapshot-{segment:012}.snap")
}

/// The snapshots in a shard's directory, by the segment they cover, rising.
pub(crate) fn list(directory: &Directory) -> Result<Vec<u64>, Error> {
    numbered(directory, "snapshot-", ".snap")
}

/// Writes a snapshot and reads it back.
pub(crate) fn write(
    directory: &Directory,
    identity: Identity,
    covered: Covered,
    state: &impl Encode,
) -> Result<(), Error> {
    let payload = encode_to_vec(state);
    let header = SnapshotHeader {
        version: FORMAT_VERSION,
        engine: identity.engine,
        shard: identity.shard,
        shards: identity.shards,
        segment: covered.segment,
        next_seq: covered.next_seq,
        chain: covered.chain,
        payload_bytes: payload.len() as u64,
        payload_crc: crc32c::crc32c(&payload),
    };
    let encoded = encode_to_vec(&header);
    debug_assert_eq!(encoded.len(), HEADER_BYTES);
    let crc = crc32c::crc32c(&encoded).to_le_bytes();
    let name = name(covered.segment);
    directory.replace(&name, &[MAGIC, &encoded, &crc, &payload])?;
    let path = directory.join(&name);
    let reason = match read_header(directory, covered.segment, identity)? {
        Ok((file, back)) => {
            let holds = holds(&*file, &payload).map_err(Error::io("read", &path))?;
            if holds && back == header {
                return Ok(());
            }
            "reads back differently".into()
        }
        Err(reason) => format!("reads back as damaged: {reason}"),
    };
    Err(Error::Snapshot {
        reason: format!("{} {reason}", path.display()),
    })
}

/// Whether a file holds this behind its header, and nothing else. A part of it is read at a time, so
/// that the state is not in memory once more.
fn holds(file: &dyn OpenFile, payload: &[u8]) -> io::Result<bool> {
    if file.length()? != (PREFIX_BYTES + payload.len()) as u64 {
        return Ok(false);
    }
    let mut buffer = vec![0; payload.len().min(READ_BYTES)];
    let mut offset = PREFIX_BYTES as u64;
    for part in payload.chunks(READ_BYTES) {
        let buffer = &mut buffer[..part.len()];
        file.read_exact_at(buffer, offset)?;
        if buffer != part {
            return Ok(false);
        }
        offset += part.len() as u64;
    }
    Ok(true)
}

/// Reads the snapshot that covers everything up to `segment`. The inner error says what is wrong
/// with the file.
pub(crate) fn read<T: Decode<()>>(
    directory: &Directory,
    segment: u64,
    identity: Identity,
) -> Result<Result<(Covered, T), String>, Error> {
    let read = read_payload(directory, segment, identity)?;
    Ok(read.and_then(|(header, payload)| {
        let state = bounded_decode(&payload)
            .map_err(|error| format!("its content cannot be read: {error}"))?;
        let covered = Covered {
            segment: header.segment,
            next_seq: header.next_seq,
            chain: header.chain,
        };
        Ok((covered, state))
    }))
}

/// What the header of a snapshot says it covers, whether its content can be used or not; `None` if the
/// header itself is not to be believed.
pub(crate) fn claims(
    directory: &Directory,
    segment: u64,
    identity: Identity,
) -> Result<Option<Covered>, Error> {
    let read = read_header(directory, segment, identity)?;
    Ok(read.ok().map(|(_, header)| Covered {
        segment: header.segment,
        next_seq: header.next_seq,
        chain: header.chain,
    }))
}

type Payload = Result<(SnapshotHeader, Vec<u8>), String>;

fn read_payload(directory: &Directory, segment: u64, identity: Identity) -> Result<Payload, Error> {
    let (file, header) = match read_header(directory, segment, identity)? {
        Ok(read) => read,
        Err(reason) => return Ok(Err(reason)),
    };
    let path = directory.join(name(segment));
    // The length is checked against the file's before it is allocated for.
    let length = file.length().map_err(Error::io("look at", &path))?;
    if Some(header.payload_bytes) != length.checked_sub(PREFIX_BYTES as u64) {
        return Ok(Err("it is shorter or longer than its header says".into()));
    }
    let mut payload = vec![0; header.payload_bytes as usize];
    file.read_exact_at(&mut payload, PREFIX_BYTES as u64)
        .map_err(Error::io("read", path))?;
    if crc32c::crc32c(&payload) != header.payload_crc {
        return Ok(Err("the checksum of its content is wrong".into()));
    }
    Ok(Ok((header, payload)))
}

type Header = Result<(Box<dyn OpenFile>, SnapshotHeader), String>;

fn read_header(directory: &Directory, segment: u64, identity: Identity) -> Result<Header, Error> {
    let path = directory.join(name(segment));
    let file = directory.open(&name(segment), Access::Read);
    let file = file.map_err(Error::io("open", &path))?;
    let length = file.length().map_err(Error::io("look at", &path))?;
    let mut prefix = [0; PREFIX_BYTES];
    if length < PREFIX_BYTES as u64 {
        return Ok(Err("it is shorter than its header".into()));
    }
    file.read_exact_at(&mut prefix, 0)
        .map_err(Error::io("read", &path))?;
    match check_header(&prefix, identity) {
        Ok(header) if header.segment == segment => Ok(Ok((file, header))),
        Ok(_) => Ok(Err("it has another snapshot's name".into())),
        Err(Refused::Damaged(reason)) => Ok(Err(reason.into())),
        Err(Refused::Future(found)) => Err(Error::FutureVersion {
            path,
            found,
            supported: FORMAT_VERSION,
        }),
    }
}

/// Why a header is not believed.
enum Refused {
    Damaged(&'static str),
    /// It is of this newer version.
    Future(u32),
}

fn check_header(
    prefix: &[u8; PREFIX_BYTES],
    identity: Identity,
) -> Result<SnapshotHeader, Refused> {
    let damaged = |reason| Err(Refused::Damaged(reason));
    let (body, crc) = prefix
        .split_last_chunk::<4>()
        .expect("a prefix ends with its checksum");
    let Some(encoded) = body.strip_prefix(MAGIC) else {
        return damaged("it does not begin like a snapshot");
    };
    if crc32c::crc32c(encoded) != u32::from_le_bytes(*crc) {
        return damaged("the checksum of its header is wrong");
    }
    let Ok(header) = bounded_decode::<SnapshotHeader>(encoded) else {
        return damaged("its header cannot be read");
    };
    if header.version > FORMAT_VERSION {
        return Err(Refused::Future(header.version));
    }
    let owner = Identity {
        engine: header.engine,
        shard: header.shard,
        shards: header.shards,
    };
    if owner != identity {
        return damaged("it belongs to another engine or shard");
    }
    if !(1..=SEQ_MAX).contains(&header.next_seq) || header.segment > NUMBER_MAX {
        return damaged("it has numbers that cannot be");
    }
    Ok(header)
}

/// Removes all but the newest snapshots; returns the segment covered by the oldest that is kept.
pub(crate) fn retire(directory: &Directory) -> Result<Option<u64>, Error> {
    let all = list(directory)?;
    let (old, kept) = all.split_at(all.len().saturating_sub(KEPT));
    for segment in old {
        directory.remove(&name(*segment))?;
    }
    // Only a full set allows segments to go: with one snapshot, its loss must not lose the log.
    Ok(kept.first().copied().filter(|_| kept.len() == KEPT))
}
