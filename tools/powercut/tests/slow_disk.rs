//! A disk of 1 MB/s: the client is told "full", memory stays where it was, no shard starves, and
//! what was acknowledged is on the disk.

#[path = "../../../tests/common/mod.rs"]
mod common;
mod drawing;

use std::time::Duration;

use common::examine;
use drawing::{Drawing, Process, Said};
use tombola_powercut::{Device, Disk, MIB, OnlyFlushed, empty_image, long_form, or_skip};

/// What draws; in the ordinary run there is nothing to do for it.
#[test]
fn child() {
    drawing::draw();
}

/// The most that a process may take while it waits for the disk: a few buffers that it touches for
/// the first time.
const GROWN_KIB_MAX: u64 = 16 << 10;
/// No shard gets less than this share of what both get.
const SHARE_MIN: f64 = 0.2;

#[test]
fn it_is_slow_and_nothing_else() {
    if long_form().is_none() {
        return;
    }
    let Some(image) = or_skip(empty_image(64 * MIB)) else {
        return;
    };
    for storage in 0..3 {
        let Some(device) = or_skip(Device::new(image.clone())) else {
            return;
        };
        let Some(mut disk) = or_skip(Disk::over(&device.path())) else {
            return;
        };
        let drawing = Drawing {
            data: disk.root().join("data"),
            storage,
            format: 0,
            time: Duration::from_secs(2 * common::long() as u64),
        };
        let process = Process::start(&drawing, device.clock());
        process.wait_for(|said| matches!(said, Said::Open));
        device.slow_down(Some(1_000_000));
        let Said::End(tally) = process.wait_for(|said| matches!(said, Said::End(_))) else {
            unreachable!("that was waited for")
        };
        eprintln!("storage {storage}: {tally:?}");
        device.slow_down(None);
        disk.cut().unwrap();
        let said = process.kill();
        disk.unmount().unwrap();
        assert!(tally.full.iter().all(|full| *full > 0), "{tally:?}");
        assert!(tally.grown_kib < GROWN_KIB_MAX, "{tally:?}");
        let all: u64 = tally.drawn.iter().sum();
        let share = |drawn: &u64| *drawn as f64 / all as f64;
        assert!(
            tally.drawn.iter().map(share).all(|share| share > SHARE_MIN),
            "{tally:?}"
        );
        let recording = device.take();
        let image = recording.after_cut(recording.events.len(), &mut OnlyFlushed);
        let disk = Disk::with(&image).unwrap();
        let state = examine(&disk.root().join("data"));
        for (_, said) in said {
            let Said::Drawn(drawn) = said else { continue };
            for (shard, seq) in drawn {
                assert!(seq < state.shards[shard].next_seq, "{seq} is lost");
            }
        }
    }
}
