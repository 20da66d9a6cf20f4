//! How long it takes to pick an item, and to pick and drain one, by the number of items.

use std::hint::black_box;

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use tombola::selector::{Adaptive, Fenwick, PrefixSum, Selector, Stream};

const ITEMS: [usize; 6] = [8, 64, 1_000, 10_000, 100_000, 1_000_000];

fn weights(items: usize) -> Vec<u64> {
    (0..items as u64).map(|i| 1 + i % 97 * 1000).collect()
}

fn draw<S: Selector>(criterion: &mut Criterion, name: &str) {
    let mut group = criterion.benchmark_group("select");
    group.throughput(Throughput::Elements(1));
    for items in ITEMS {
        let mut selector = S::new(&weights(items)).expect("the weights fit");
        let mut stream = Stream::for_shard(1, 0);
        group.bench_function(BenchmarkId::new(name, items), |bencher| {
            bencher.iter(|| black_box(&mut selector).pick(&mut stream));
        });
    }
}

fn drain<S: Selector + Clone>(criterion: &mut Criterion, name: &str, most: usize) {
    let mut group = criterion.benchmark_group("select and drain");
    for items in ITEMS.into_iter().filter(|&items| items <= most) {
        let full = S::new(&weights(items)).expect("the weights fit");
        let mut stream = Stream::for_shard(1, 0);
        // A tenth of the items, so that what is left still looks like the pool it was.
        let draws = items.div_ceil(10);
        group.throughput(Throughput::Elements(draws as u64));
        group.bench_function(BenchmarkId::new(name, items), |bencher| {
            bencher.iter_batched_ref(
                || full.clone(),
                |selector| {
                    for _ in 0..draws {
                        let index = selector.pick(&mut stream);
                        selector.strike(index);
                    }
                },
                BatchSize::LargeInput,
            );
        });
    }
}

fn selectors(criterion: &mut Criterion) {
    draw::<Adaptive>(criterion, "adaptive");
    draw::<Fenwick>(criterion, "fenwick");
    draw::<PrefixSum>(criterion, "prefix_sum");
    drain::<Adaptive>(criterion, "adaptive", 1_000_000);
    drain::<Fenwick>(criterion, "fenwick", 1_000_000);
    // Draining rebuilds the sums: beyond this it only costs patience.
    drain::<PrefixSum>(criterion, "prefix_sum", 10_000);
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(20)
        .warm_up_time(std::time::Duration::from_millis(300))
        .measurement_time(std::time::Duration::from_secs(1));
    targets = selectors
}
criterion_main!(benches);
