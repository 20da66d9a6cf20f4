//! Encoding and decoding a draw in each format.

use std::hint::black_box;

use criterion::{
    BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main, measurement::WallTime,
};
use tombola::wal::{
    format::{Binary, Codec, Context, Jsonl, Line},
    record::{DrawRecord, Record},
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

fn format<C: Codec>(group: &mut BenchmarkGroup<'_, WallTime>, name: &str) {
    let mut block = vec![0; DRAWS as usize * C::DRAW_BYTES_MAX];
    let mut length = 0;
    group.bench_function(format!("encode {name}"), |bencher| {
        bencher.iter(|| {
            length = 0;
            let mut context = Context::default();
            for seq in FIRST_SEQ..FIRST_SEQ + DRAWS {
                let draw = black_box(draw(seq));
                length += C::encode_draw(&mut block[length..], &mut context, seq, draw);
            }
            black_box(&block);
        });
    });
    let block = {
        let mut bytes = Vec::new();
        (FIRST_SEQ..FIRST_SEQ + DRAWS)
            .for_each(|seq| C::encode(&mut bytes, seq, &Record::Draw(draw(seq))));
        bytes
    };
    group.bench_function(format!("decode {name}"), |bencher| {
        bencher.iter(|| {
            let (mut at, mut context) = (0, Context::default());
            for seq in FIRST_SEQ..FIRST_SEQ + DRAWS {
                let (record, length) =
                    C::decode(&block[at..], &mut context, seq).expect("it was encoded above");
                black_box(record);
                at += length;
            }
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
