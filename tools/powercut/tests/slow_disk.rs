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
/// No shard gets more than so many times what another gets, but for what is in a ring: on a disk that
/// is so slow a short run may be over before a ring has gone round.
const TIMES_MAX: u64 = 2;
const RING_SLOTS: u64 = 512;

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
        let [one, other] = tally.drawn;
        let (least, most) = (one.min(other), one.max(other));
        let is_fair = least > 0 && most <= TIMES_MAX * least + RING_SLOTS;
        assert!(is_fair, "{tally:?}");
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
