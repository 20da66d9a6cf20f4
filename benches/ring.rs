//! The ring between two threads: the data ring as it is, with staged publishing, and the control
//! inbox beside it.

use std::{hint::black_box, thread, time::Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use crossbeam_queue::ArrayQueue;
use rtrb::RingBuffer;
use tombola::ring::StagedProducer;

const VALUES: u64 = 1 << 20;
const SLOTS: usize = 64 * 1024;
const BATCH: usize = 256;

type Value = [u64; 2];

/// Sends `VALUES` values through `send` on another thread while `receive` takes them here.
fn pass(mut send: impl FnMut(u64) -> u64 + Send, mut receive: impl FnMut() -> u64) {
    thread::scope(|scope| {
        scope.spawn(move || {
            let mut sent = 0;
            while sent < VALUES {
                let more = send(sent);
                sent += more;
                if more == 0 {
                    thread::yield_now();
                }
            }
        });
        let mut received = 0;
        while received < VALUES {
            let more = receive();
            received += more;
            if more == 0 {
                thread::yield_now();
            }
        }
    });
}

fn chunks(consumer: &mut rtrb::Consumer<Value>) -> u64 {
    let count = consumer.slots().min(BATCH);
    let chunk = consumer.read_chunk(count).expect("so many are there");
    for value in chunk {
        black_box(value);
    }
    count as u64
}

fn ring(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("ring, 16-byte values between two threads");
    group
        .sample_size(10)
        .throughput(Throughput::Elements(VALUES));
    group.bench_function("data ring, in batches", |bencher| {
        bencher.iter_custom(|rounds| {
            let begun = Instant::now();
            for _ in 0..rounds {
                let (mut producer, mut consumer) = RingBuffer::<Value>::new(SLOTS);
                let send = move |sent: u64| {
                    let count = producer.slots().min(BATCH).min((VALUES - sent) as usize);
                    let chunk = producer
                        .write_chunk_uninit(count)
                        .expect("so many are free");
                    chunk.fill_from_iter((sent..).map(|value| [value, 0])) as u64
                };
                pass(send, || chunks(&mut consumer));
            }
            begun.elapsed()
        });
    });
    group.bench_function("staged, published in batches", |bencher| {
        bencher.iter_custom(|rounds| {
            let begun = Instant::now();
            for _ in 0..rounds {
                let (producer, mut consumer) = RingBuffer::<Value>::new(SLOTS);
                let mut producer = StagedProducer::new(producer);
                let send = move |sent: u64| {
                    let count = producer.room().min(BATCH).min((VALUES - sent) as usize);
                    let mut values = sent..;
                    producer.stage(count, || values.next().map(|value| [value, 0]));
                    producer.publish_upto(producer.staged_total());
                    count as u64
                };
                pass(send, || chunks(&mut consumer));
            }
            begun.elapsed()
        });
    });
    group.bench_function("control inbox", |bencher| {
        bencher.iter_custom(|rounds| {
            let begun = Instant::now();
            for _ in 0..rounds {
                let queue = ArrayQueue::<Value>::new(SLOTS);
                pass(
                    |sent| u64::from(queue.push([sent, 0]).is_ok()),
                    || u64::from(black_box(queue.pop()).is_some()),
                );
            }
            begun.elapsed()
        });
    });
    group.finish();
}

criterion_group!(benches, ring);
criterion_main!(benches);
