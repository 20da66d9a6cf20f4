//! The whole log of a data directory, from its first record on: what snapshots cover included.

use std::{collections::BTreeMap, fs, path::Path};

use tombola::{
    recovery::{self, Depth, Examination},
    wal::record::Record,
};

use crate::setting::Setting;

/// The records of all shards, by shard and sequence number.
pub(crate) type Records = BTreeMap<(usize, u64), Record>;

/// Reads everything, and checks that the snapshots and the log say the same.
pub(crate) fn read(setting: &Setting) -> (Records, Examination) {
    let place = tempfile::tempdir_in(setting.data.parent().unwrap()).unwrap();
    fs::copy(
        setting.data.join("engine.json"),
        place.path().join("engine.json"),
    )
    .unwrap();
    for shard in 0..setting.shards {
        let name = format!("shard-{shard:03}");
        let shelf = place.path().join(&name);
        fs::create_dir(&shelf).unwrap();
        link_segments(&setting.archive.join(&name), &shelf);
        link_segments(&setting.data.join(&name), &shelf);
    }
    let mut records = Records::new();
    let whole = recovery::read_records(place.path(), &mut |shard, seq, record| {
        records.insert((shard, seq), record.clone());
    })
    .unwrap();
    let short = recovery::examine(&setting.data, Depth::Needed).unwrap();
    for state in [&whole, &short] {
        let findings: Vec<_> = state.findings().collect();
        assert!(findings.is_empty(), "{setting:?}: {findings:?}");
    }
    for (whole, short) in whole.shards.iter().zip(&short.shards) {
        assert_eq!(whole.next_seq, short.next_seq, "{setting:?}");
        assert!(
            whole.partition == short.partition,
            "{setting:?}: a snapshot is not what the log before it says"
        );
    }
    (records, short)
}

fn link_segments(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).into_iter().flatten() {
        let entry = entry.unwrap();
        if entry.file_name().to_string_lossy().starts_with("segment-") {
            fs::hard_link(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}
