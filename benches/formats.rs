//! Encoding and decoding a draw in each format.

use std::hint::black_box;

use criterion::{
    BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main, measurement::WallTime,
};
use tombola::wal::{
    format::{Binary, Codec, Context, Jsonl, Line},
    record::DrawRecord,
};

const DRAWS: u64 = 1_000;
const FIRST_SEQ: u64 = 123_456_789;

fn draw(seq: u64) -> DrawRecord {
    DrawRecord {
        pool: 3,
        item: (seq * 7 % 1_000) as u32,
        request: seq,
    }
}

fn write<C: Codec>(block: &mut [u8]) -> usize {
    let mut context = Context::default();
    (FIRST_SEQ..FIRST_SEQ + DRAWS).fold(0, |length, seq| {
        length
            + C::encode_draw(
                &mut block[length..],
                &mut context,
                seq,
                black_box(draw(seq)),
            )
    })
}

fn format<C: Codec>(group: &mut BenchmarkGroup<'_, WallTime>, name: &str) {
    let mut block = vec![0; DRAWS as usize * C::DRAW_BYTES_MAX];
    let length = write::<C>(&mut block);
    let written = block[..length].to_vec();
    group.bench_function(format!("encode {name}"), |bencher| {
        bencher.iter(|| {
            write::<C>(&mut block);
            black_box(&block);
        });
    });
    let mut draws = [DrawRecord::NOTHING; DRAWS as usize];
    group.bench_function(format!("decode {name}"), |bencher| {
        bencher.iter(|| {
            let mut context = Context::default();
            let read = C::decode_draws(&written, &mut context, FIRST_SEQ, &mut draws);
            assert_eq!(read, (draws.len(), written.len()));
            black_box(&draws);
        });
    });
}

fn formats(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("a thousand draws");
    group.throughput(Throughput::Elements(DRAWS));
    format::<Binary>(&mut group, "bincode");
    format::<Jsonl>(&mut group, "JSON Lines");
    format::<Line>(&mut group, "line");
    group.finish();
}

criterion_group!(benches, formats);
criterion_main!(benches);
