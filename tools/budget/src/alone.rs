//! Parts of the way of a draw by themselves: choosing an item, writing a draw down, reading it back.

use std::hint::black_box;

use tombola::{
    selector::{Selector, Stream},
    wal::{
        format::{Codec, Context},
        record::DrawRecord,
    },
};

use crate::{DRAWS, ITEMS, weight};

const DRAWS_AT_ONCE: usize = 256;
const FIRST_SEQ: u64 = 123_456_789;
/// So many times the pool's items, when they run out one by one: half of them are left at the end.
const TIMES_RUNNING_OUT: u64 = 2 * DRAWS as u64 / ITEMS;

/// What is to be counted, with everything it needs.
pub type Work = Box<dyn FnMut()>;

fn selector<S: Selector>(items: u64) -> (S, Stream) {
    let weights: Vec<_> = (0..items).map(weight).collect();
    let selector = S::new(&weights).expect("the weights fit");
    (selector, Stream::for_shard(1, 0))
}

/// Chooses from the pool's items.
pub fn pick<S: Selector + 'static>() -> Work {
    let (mut selector, mut stream) = selector::<S>(ITEMS);
    Box::new(move || {
        for _ in 0..DRAWS {
            black_box(selector.pick(&mut stream));
        }
    })
}

/// Chooses from very many items, each of which runs out with its first draw.
pub fn strike<S: Selector + 'static>() -> Work {
    let (mut selector, mut stream) = selector::<S>(ITEMS * TIMES_RUNNING_OUT);
    Box::new(move || {
        for _ in 0..DRAWS {
            let item = selector.pick(&mut stream);
            selector.strike(item);
        }
    })
}

fn draws() -> impl Iterator<Item = (u64, DrawRecord)> {
    (FIRST_SEQ..FIRST_SEQ + DRAWS as u64).map(|seq| {
        let draw = DrawRecord {
            pool: 3,
            item: (seq * 7 % ITEMS) as u32,
            request: seq,
        };
        (seq, draw)
    })
}

fn write<C: Codec>(room: &mut [u8]) -> usize {
    let mut context = Context::default();
    draws().fold(0, |filled, (seq, draw)| {
        filled + C::encode_draw(&mut room[filled..], &mut context, seq, black_box(draw))
    })
}

/// Writes draws down.
pub fn encode<C: Codec>() -> Work {
    let mut room = vec![0; DRAWS * C::DRAW_BYTES_MAX];
    Box::new(move || {
        black_box(write::<C>(&mut room));
    })
}

/// Reads draws back, as many at a time as a reader of a log does.
pub fn decode<C: Codec>() -> Work {
    let mut room = vec![0; DRAWS * C::DRAW_BYTES_MAX];
    write::<C>(&mut room);
    let mut read = [DrawRecord::NOTHING; DRAWS_AT_ONCE];
    Box::new(move || {
        let (mut at, mut context) = (0, Context::default());
        let mut draws = draws().peekable();
        while let Some((seq, _)) = draws.peek().copied() {
            let (count, length) = C::decode_draws(&room[at..], &mut context, seq, &mut read);
            let written = draws.by_ref().take(count).map(|(_, draw)| draw);
            assert!(count > 0 && written.eq(black_box(&read[..count]).iter().copied()));
            at += length;
        }
    })
}
