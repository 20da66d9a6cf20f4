//! A log that is gone as a whole, but for a snapshot that cannot be used: that there was something
//! is known, and nobody is told that there was nothing.

mod common;

use std::{fs, path::Path};

use common::{banner, builder, draw_many};
use tombola::{
    Error, FindingKind,
    recovery::{self, Depth},
};

const SHARD: &str = "shard-000";

fn names(directory: &Path, ending: &str) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(directory.join(SHARD)).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .filter(|path| path.extension().is_some_and(|end| end == ending))
        .collect()
}

/// A directory whose log was lost and the loss accepted: all there is is a snapshot.
fn leave(directory: &Path) -> u64 {
    let engine = builder(directory).open().unwrap();
    let pool = engine.register(banner()).unwrap();
    draw_many(&mut engine.client().unwrap(), &pool, 100);
    engine.shutdown().unwrap();
    for log in names(directory, "log")
        .into_iter()
        .chain(names(directory, "snap"))
    {
        let mut bytes = fs::read(&log).unwrap();
        bytes[100] ^= 1;
        fs::write(log, bytes).unwrap();
    }
    assert_eq!(recovery::accept_loss(directory).unwrap().len(), 1);
    assert!(names(directory, "log").is_empty());
    let [snapshot] = &names(directory, "snap")[..] else {
        panic!("one snapshot");
    };
    let examined = recovery::examine(directory, Depth::Needed).unwrap();
    assert!(examined.opens());
    let mut bytes = fs::read(snapshot).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(snapshot, bytes).unwrap();
    examined.shards[0].next_seq
}

#[test]
fn a_snapshot_that_cannot_be_used_is_no_empty_log() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    let next_seq = leave(directory);
    assert!(next_seq > 100);
    for depth in [Depth::Needed, Depth::Everything] {
        let examined = recovery::examine(directory, depth).unwrap();
        assert!(!examined.opens());
        let missing = |finding: &&tombola::Finding| finding.kind == FindingKind::MissingSegment;
        let finding = examined.findings().find(missing).unwrap();
        assert_eq!(finding.first_seq, Some(1), "{finding}");
    }
    let refused = builder(directory).open();
    assert!(matches!(refused, Err(Error::Damaged { .. })));
    recovery::accept_loss(directory).unwrap();
    let examined = recovery::examine(directory, Depth::Needed).unwrap();
    assert!(examined.opens());
    assert!(
        examined.shards[0].next_seq >= next_seq,
        "no number is used again"
    );
}
