//! The one thing that damage cannot be told from: a block that was being written when the power
//! went, which nobody was told of.
//!
//! The marker of an idle shard is taken away again, as if the crash had come before it. Then nothing
//! says of the last block that it was once whole; of every other block the ones behind it do. So
//! what is lost without a refusal is, to the record, what no block that is left proves durable.

use crate::{
    common::FORMATS,
    fault::{Fault, Harm},
    place::Place,
    small::{Small, leave, shard_of},
    verdict::Verdict,
};
use tombola::recovery::{Gap, Tail};

#[test]
fn only_what_nothing_proves_durable_is_taken_for_a_torn_tail() {
    for format in FORMATS {
        // Of the shards, one whose open segment is not sealed yet.
        let mut left = std::iter::repeat_with(|| leave(format)).filter_map(|small| {
            let is_open = |shard: &usize| small.whole.shards[*shard].tail == Tail::Clean;
            Some(((0..2).find(is_open)?, small))
        });
        let (shard, mut small) = left.next().expect("it is repeated until it is so");
        small.without_marker(shard);
        let place = Place::new(small.files.clone());
        let mut torn = 0;
        let of_shard = small
            .blocks
            .iter()
            .filter(|block| shard_of(&block.file) == shard);
        let of_shard: Vec<_> = of_shard.collect();
        for (at, block) in of_shard.iter().enumerate() {
            let behind = of_shard[at + 1..].iter();
            let proven = behind.map(|other| other.header.durable_upto).max();
            let is_proven = proven >= Some(block.header.first_seq);
            assert!(
                is_proven || at + 1 == of_shard.len(),
                "one at a time was written"
            );
            for byte in block.header.offset..block.end {
                let fault = Fault {
                    file: &block.file,
                    bytes: &small.files[&block.file],
                    at: byte as usize,
                    harm: Harm::Flip((byte % 8) as u8),
                };
                if is_proven && byte % 64 != 0 {
                    continue;
                }
                let what = format!("{format:?}: {fault}, no marker behind");
                fault.inflict(&place);
                let verdict = Small::verdict(place.path(), &what);
                Small::assert_verified(place.path(), &verdict, &what);
                match &verdict {
                    Verdict::Refused(_) => assert!(is_proven, "{what}"),
                    Verdict::Opens(examined) => {
                        assert!(!is_proven, "{what}");
                        let found = &examined.shards[shard];
                        assert_eq!(found.tail, Tail::Torn, "{what}");
                        assert_eq!(found.next_seq, block.header.first_seq, "{what}");
                        let gone = Gap {
                            first_seq: block.header.first_seq,
                            last_seq: u64::MAX,
                            is_exact: true,
                        };
                        let expected = small.state_without(shard, &[gone]);
                        assert!(found.partition == expected, "{what}: another state");
                        torn += 1;
                    }
                    Verdict::NotDescribed => panic!("{what}"),
                }
                fault.mend(&place);
            }
        }
        assert!(torn >= 4096, "{torn}");
    }
}
