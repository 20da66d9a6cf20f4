//! Where the kernel refuses `io_uring`, the engine says so and goes on with plain files; where it
//! refuses to copy into a memory map, what is mapped is written.

mod common;
#[path = "common/refuse.rs"]
mod refuse;

use std::path::Path;

use common::{DURABILITIES, banner, builder, draw_many, examine};
use refuse::refuse;
use tombola::StorageKind;

#[test]
fn it_falls_back_to_files_and_says_so() {
    let directory = tempfile::tempdir().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            refuse(libc::SYS_io_uring_setup);
            let engine = builder(directory.path()).open().unwrap();
            let pool = engine.register(banner()).unwrap();
            draw_many(&mut engine.client().unwrap(), &pool, 1_000);
            let stats = engine.stats().unwrap();
            assert_eq!(stats.shards[0].storage, "file");
            let reason = stats.shards[0].storage_fallback.as_deref().unwrap();
            assert!(reason.contains("io_uring"), "{reason}");
            engine.shutdown().unwrap();
        });
    });
    assert_drawn(directory.path());
}

#[test]
fn a_map_is_written_where_nothing_may_be_copied_into_it() {
    for durability in DURABILITIES {
        let directory = tempfile::tempdir().unwrap();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                refuse(libc::SYS_process_vm_readv);
                let engine = builder(directory.path())
                    .storage(StorageKind::Mmap)
                    .durability(durability)
                    .open()
                    .unwrap();
                let pool = engine.register(banner()).unwrap();
                draw_many(&mut engine.client().unwrap(), &pool, 1_000);
                assert_eq!(engine.stats().unwrap().shards[0].storage, "mmap");
                engine.shutdown().unwrap();
            });
        });
        assert_drawn(directory.path());
    }
}

fn assert_drawn(directory: &Path) {
    let state = examine(directory);
    let drawn: u64 = state.pools()[0].items().map(|item| item.drawn).sum();
    assert_eq!(drawn, 1_000);
}
