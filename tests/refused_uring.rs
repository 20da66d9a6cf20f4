//! Where the kernel refuses `io_uring`, the engine says so and goes on with plain files.

mod common;

use std::collections::BTreeMap;

use common::{banner, builder, draw_many, examine};
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter};

/// Refuses `io_uring_setup` to this thread and to those it starts, as containers do.
fn refuse_io_uring() {
    const IO_URING_SETUP: i64 = 425;
    let filter = SeccompFilter::new(
        BTreeMap::from([(IO_URING_SETUP, vec![])]),
        SeccompAction::Allow,
        SeccompAction::Errno(1),
        std::env::consts::ARCH.try_into().unwrap(),
    );
    let program: BpfProgram = filter.unwrap().try_into().unwrap();
    seccompiler::apply_filter(&program).unwrap();
}

#[test]
fn it_falls_back_to_files_and_says_so() {
    let directory = tempfile::tempdir().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            refuse_io_uring();
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
    assert_eq!(
        examine(directory.path()).pools()[0]
            .items()
            .map(|item| item.drawn)
            .sum::<u64>(),
        1_000
    );
}
