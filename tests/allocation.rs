//! After start-up the path of a draw allocates nothing: neither on the shard's thread nor on the
//! client's.

mod common;

#[path = "common/counting.rs"]
mod counting;

use common::{FORMATS, banner, builder};
use counting::allocations;
use tombola::{Completion, PoolId, Request, StorageKind};

/// One test only: others beside it would be counted too.
#[test]
fn a_draw_allocates_nothing() {
    for storage in [
        StorageKind::Uring,
        StorageKind::Mmap,
        StorageKind::File,
        StorageKind::None,
    ] {
        for format in FORMATS {
            let directory = tempfile::tempdir().unwrap();
            // Large enough that no segment is changed meanwhile: that is the housekeeper's matter.
            let engine = builder(directory.path())
                .segment_bytes(32 << 20)
                .storage(storage)
                .format(format)
                .open()
                .unwrap();
            let pool = engine.register(banner()).unwrap();
            let mut client = engine.client().unwrap();
            let batch = [Request::from(&pool); 64];
            let mut out: [Completion; 128] = std::array::from_fn(|_| Completion::default());
            let mut draw = |pool: PoolId, count: usize| {
                let mut answered = 0;
                while answered < count {
                    let _ = client.try_submit(pool);
                    client.submit_batch(&batch).unwrap();
                    answered += client.poll(&mut out).unwrap();
                }
            };
            draw(pool.id(), 10_000);
            // The housekeeper has prepared the next segment by now.
            std::thread::sleep(std::time::Duration::from_millis(300));
            let before = allocations();
            draw(pool.id(), 20_000);
            let after = allocations();
            assert_eq!(after - before, 0, "{storage:?} {format:?}");
        }
    }
}
