//! What has to hold of a data directory, whatever is in it: it is read to a verdict, twice to the same
//! one, with no byte changed; and if its loss is accepted, it opens.

use tombola::{
    Error,
    recovery::{self, Depth, Examination, ShardState},
};

use crate::place::Place;

/// A moment at which odds are asked for, in milliseconds since 1970.
const NOW_MS: u64 = 1_000_000;

/// Reads the directory in every way there is.
pub(crate) fn check(place: &Place) {
    let before = place.files();
    let directory = place.directory();
    let needed = recovery::examine(&directory, Depth::Needed);
    let again = recovery::examine(&directory, Depth::Needed);
    let everything = recovery::examine(&directory, Depth::Everything);
    let audit = recovery::audit(&directory);
    match (&needed, &again) {
        (Ok(one), Ok(other)) => assert_alike(one, other),
        (Err(one), Err(other)) => assert_eq!(one.to_string(), other.to_string()),
        _ => panic!("{needed:?} and then {again:?}"),
    }
    assert_eq!(
        everything.is_ok(),
        audit.is_ok(),
        "{everything:?}, {audit:?}"
    );
    if let (Ok(everything), Ok(audit)) = (&everything, &audit) {
        assert_alike(everything, &audit.examination);
    }
    if let Ok(examined) = &needed {
        look_at(examined);
        read_records(place, examined);
    }
    assert!(place.files() == before, "reading has changed something");
    accept(place, &needed);
}

fn assert_alike(one: &Examination, other: &Examination) {
    assert_eq!(one.shards.len(), other.shards.len());
    for (one, other) in one.shards.iter().zip(&other.shards) {
        let told = |state: &ShardState| {
            let ShardState { tail, findings, .. } = state;
            (state.next_seq, *tail, state.end_offset, findings.clone())
        };
        assert_eq!(told(one), told(other));
        assert_eq!(one.gaps, other.gaps);
        assert!(
            one.partition == other.partition,
            "the same files, another state"
        );
    }
}

/// What is recovered can be looked at, and no unit of it was lost or made.
fn look_at(examined: &Examination) {
    assert_eq!(
        examined.opens(),
        examined.findings().all(|finding| finding.recoverable)
    );
    examined.requests_upto();
    for pool in examined.pools() {
        pool.odds(1, NOW_MS);
    }
    for state in &examined.shards {
        assert!(state.next_seq > state.snapshot_seq);
        for pool in state.partition.pools() {
            pool.odds(state.next_seq - 1, NOW_MS);
            for item in pool.items().filter(|_| state.gaps.is_empty()) {
                assert!(item.is_conserved(), "{item:?}");
            }
        }
    }
}

/// Records come in order, each once.
fn read_records(place: &Place, examined: &Examination) {
    let mut last = vec![0; examined.shards.len()];
    let read = recovery::read_records(place.directory(), &mut |shard, seq, _| {
        assert!(
            seq > last[shard],
            "record {seq} comes behind {}",
            last[shard]
        );
        last[shard] = seq;
    });
    if read.is_ok() {
        for (shard, seq) in last.into_iter().enumerate() {
            let state = recovery::state_at(place.directory(), shard, seq);
            assert!(!matches!(state, Err(Error::Damaged { .. })), "{state:?}");
        }
    }
}

/// What is lost is accepted, and the directory opens; what is not damaged is left as it is.
fn accept(place: &Place, told: &Result<Examination, Error>) {
    let before = place.files();
    let accepted = match recovery::accept_loss(place.directory()) {
        Ok(accepted) => accepted,
        Err(error) => return assert!(may_be_refused(&error), "{error}"),
    };
    let examined = recovery::examine(place.directory(), Depth::Needed).unwrap();
    assert!(
        examined.opens(),
        "it does not open: {:?}",
        examined.findings().collect::<Vec<_>>()
    );
    look_at(&examined);
    if accepted.is_empty() {
        assert!(
            place.files() == before,
            "nothing is accepted, and something changed"
        );
    }
    if let Ok(told) = told {
        assert_eq!(told.opens(), accepted.is_empty());
        for (told, left) in told.shards.iter().zip(&examined.shards) {
            assert_eq!(
                (told.shard, told.next_seq),
                (left.shard, left.next_seq),
                "{told:#?} {left:#?} {accepted:#?}"
            );
        }
        for one in &accepted {
            assert_eq!(one.lost, told.shards[one.shard].gaps);
        }
    }
}

/// What no loss is accepted for: files of a newer version, a directory of which nobody knows whose it
/// is, and a number that no log comes to.
fn may_be_refused(error: &Error) -> bool {
    matches!(
        error,
        Error::FutureVersion { .. } | Error::Description { .. } | Error::NotTombola { .. }
    )
}
