//! A device that fails to write, to flush or to read, once or for good, or is full: the shard stops
//! and says so, nothing is acknowledged any more, and what was acknowledged is on the device.

#[path = "../../../tests/common/mod.rs"]
mod common;
mod drawing;

use std::{path::Path, time::Duration};

use common::{STORAGES, assert_conserved, examine};
use drawing::{Drawing, Process, Said};
use tombola::{
    StorageKind,
    selector::{Stream, below},
};
use tombola_powercut::{
    Call, Device, Disk, Fault, MIB, OnlyFlushed, empty_image, long_form, or_skip,
};

/// Who says nothing for so long waits.
const SILENCE: Duration = Duration::from_secs(10);

/// What draws; in the ordinary run there is nothing to do for it.
#[test]
fn child() {
    drawing::draw();
}

/// A device with an empty file system, or the test is skipped.
fn device() -> Option<Device> {
    long_form()?;
    or_skip(Device::new(or_skip(empty_image(32 * MIB))?))
}

fn drawing(disk: &Disk, storage: usize, time: Duration) -> Drawing {
    Drawing {
        data: disk.root().join("data"),
        storage,
        format: storage,
        time,
    }
}

/// Everything that was said to be drawn is there.
fn assert_kept(data: &Path, said: &[(u64, Said)], context: &str) -> usize {
    let state = examine(data);
    assert!(state.opens(), "{context}");
    assert_conserved(&state);
    let mut count = 0;
    for (_, said) in said {
        let Said::Drawn(drawn) = said else { continue };
        for (shard, seq) in drawn {
            assert!(
                *seq < state.shards[*shard].next_seq,
                "{context}: {seq} is lost"
            );
            count += 1;
        }
    }
    count
}

/// Draws until the device fails.
fn fail(storage: usize, fault: Fault, is_told: impl Fn(&Said) -> bool) -> Option<()> {
    let context = format!("storage {storage}, {fault:?}");
    let device = device()?;
    let mut disk = or_skip(Disk::over(&device.path()))?;
    let drawing = drawing(&disk, storage, common::LIMIT);
    let process = Process::start(&drawing, device.clock());
    process.wait_for(|said| matches!(said, Said::Drawn(_)));
    device.fail(Some(fault));
    // Where both shards wait for their next segment when it fails, it never comes to their blocks: the
    // segments cannot be made, and that is told.
    let is_told = process.says_before_silence(is_told, SILENCE);
    assert!(device.failures() > 0, "{context}");
    // Whatever it says from now on is as true.
    std::thread::sleep(Duration::from_millis(20));
    disk.cut().unwrap();
    let said = process.kill();
    let mut said_alone = said.iter().map(|(_, said)| said);
    let is_told = is_told || said_alone.any(|said| matches!(said, Said::Alarm(_)));
    assert!(is_told, "{context}: nothing tells of it: {said:?}");
    disk.unmount().unwrap();
    device.fail(None);
    let recording = device.take();
    let image = recording.after_cut(recording.events.len(), &mut OnlyFlushed);
    let disk = Disk::with(&image).expect("the journal makes it whole");
    let count = assert_kept(&disk.root().join("data"), &said, &context);
    assert!(count > 0, "{context}");
    Some(())
}

fn is_stopped(said: &Said) -> bool {
    matches!(said, Said::Stopped(_))
}

fn failures(call: Call) {
    let mut stream = Stream::for_shard(call as u64, 6);
    for _ in 0..common::long() {
        for storage in 0..3 {
            for for_good in [false, true] {
                let fault = Fault {
                    call,
                    after: below(&mut stream, 40) as usize,
                    for_good,
                    is_full: for_good && call == Call::Write,
                };
                // What fails once may be the next segment, which is made again, or what the file
                // system writes for itself; for good it comes to the blocks.
                let is_told =
                    |said: &Said| is_stopped(said) || !for_good && matches!(said, Said::Alarm(_));
                if fail(storage, fault, is_told).is_none() {
                    return;
                }
            }
        }
    }
}

#[test]
fn writes() {
    failures(Call::Write);
}

#[test]
fn flushes() {
    failures(Call::Flush);
}

/// Reads that fail from now on.
fn unreadable(after: usize) -> Fault {
    Fault {
        call: Call::Read,
        after,
        for_good: true,
        is_full: false,
    }
}

/// What cannot be read is told by the housekeeper, which reads what was sealed, and draws go on. A
/// start is refused, changes nothing, and goes well once the device reads again.
#[test]
fn reads() {
    for (storage, kind) in STORAGES.into_iter().enumerate() {
        let Some(device) = device() else { return };
        let Some(mut disk) = or_skip(Disk::over(&device.path())) else {
            return;
        };
        let drawing = drawing(&disk, storage, common::LIMIT);
        let process = Process::start(&drawing, device.clock());
        let draws = |said: &Said| matches!(said, Said::Drawn(_));
        process.wait_for(draws);
        // What was written by a map is in the page cache, and read from there.
        if kind != StorageKind::Mmap {
            device.fail(Some(unreadable(0)));
            process.wait_for(
                |said| matches!(said, Said::Alarm(why) if why.contains("cannot be read")),
            );
            process.wait_for(draws);
            device.fail(None);
        }
        let said = process.kill();
        // Nothing of it is in the page cache then.
        disk.remount().unwrap();
        device.fail(Some(unreadable(8)));
        let process = Process::start(&drawing, device.clock());
        let refused = process.wait_for(|said| matches!(said, Said::Refused(_) | Said::Open));
        drop(process);
        // Where it is the file system that cannot read, that turns read-only.
        let is_told = |why: &str| why.contains("Input/output error") || why.contains("read-only");
        assert!(
            matches!(&refused, Said::Refused(why) if is_told(why)),
            "{refused:?}"
        );
        device.fail(None);
        disk.unmount().unwrap();
        let recording = device.take();
        let image = recording.after_cut(recording.events.len(), &mut OnlyFlushed);
        let disk = Disk::with(&image).unwrap();
        assert!(assert_kept(&disk.root().join("data"), &said, "reads") > 0);
    }
}
