//! How long a block takes to be as durable as asked for, storage by storage.
//!
//! One iteration is one write, in a zero-filled file of 64 MiB on the disk that holds the build
//! directory. With four in flight the time is that between completions, so a throughput.
#![allow(missing_docs)]

use std::{fs, hint::black_box, path::Path, thread, time::Duration};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use tombola::{
    config::{Durability, StorageKind},
    storage::{Storage, StorageOptions, open},
};

const FILE_BYTES: u64 = 64 << 20;

/// Keeps as many writes in flight as the storage has slots.
struct Writer {
    storage: Box<dyn Storage>,
    free: Vec<usize>,
    offset: u64,
    length: usize,
}

impl Writer {
    fn new(kind: StorageKind, path: &Path, options: StorageOptions) -> Self {
        let opened = open(kind, options).expect("a storage");
        assert_eq!(opened.fallback, None);
        let mut storage = opened.storage;
        storage.attach(path, FILE_BYTES).expect("an attached file");
        Self {
            storage,
            free: (0..options.slots).collect(),
            offset: 0,
            length: options.buffer_bytes,
        }
    }

    /// Begins a write, and takes one back as a shard would: looking, and yielding between looks.
    fn step(&mut self) {
        while self.free.is_empty() {
            match self.storage.reap(false).expect("a completion") {
                Some(slot) => self.free.push(slot),
                None => thread::yield_now(),
            }
        }
        let slot = self.free.pop().expect("a free slot");
        self.storage.buffer(slot)[0] ^= 1;
        let written = self.storage.write(slot, self.offset, self.length);
        written.expect("a write");
        self.offset = (self.offset + self.length as u64) % FILE_BYTES;
    }
}

fn storages(criterion: &mut Criterion) {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("storage-bench");
    fs::write(&path, vec![0; FILE_BYTES as usize]).expect("a zero-filled file");
    let file = fs::File::open(&path).expect("the file");
    file.sync_all().expect("a flushed file");
    let kinds = [
        ("uring", StorageKind::Uring),
        ("mmap", StorageKind::Mmap),
        ("file", StorageKind::File),
        ("none", StorageKind::None),
    ];
    for (level, durability) in [
        ("device", Durability::Device),
        ("kernel", Durability::Kernel),
    ] {
        for (size, buffer_bytes) in [("4KiB", 4 << 10), ("256KiB", 256 << 10)] {
            let mut group = criterion.benchmark_group(format!("storage/{level}/{size}"));
            group.throughput(Throughput::Bytes(buffer_bytes as u64));
            for (name, kind) in kinds {
                for slots in [1, 4] {
                    let options = StorageOptions {
                        durability,
                        slots,
                        buffer_bytes,
                    };
                    let mut writer = Writer::new(kind, &path, options);
                    group.bench_function(BenchmarkId::new(name, slots), |bencher| {
                        bencher.iter(|| black_box(&mut writer).step());
                    });
                }
            }
            group.finish();
        }
    }
    fs::remove_file(&path).expect("the file removed");
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(600));
    targets = storages
}
criterion_main!(benches);
