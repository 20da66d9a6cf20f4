//! Whether every unit is accounted for: what the records say, against what the state says.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Examination, Meta, each_shard, ledger::Ledger, read_shard, state::ShardState};
use crate::{
    error::Error,
    machine::Directory,
    shard::partition::{CountsOnly, ItemState, Pool},
};

/// A data directory, read as a whole, and the units of its pools counted.
#[derive(Debug)]
pub struct Audit {
    /// What it holds.
    pub examination: Examination,
    /// The registered pools of every shard, in the order of their places.
    pub pools: Vec<PoolAudit>,
}

/// Whether `initial + restocked + voided = drawn + remaining + held` for every item of a pool; in a
/// shard's part of a pool on all shards what came from other shards is added on the left, and what
/// went to them on the right.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PoolAudit {
    /// The shard.
    pub shard: usize,
    /// The pool.
    pub pool: String,
    /// What was looked at.
    pub counted_from: CountedFrom,
    /// Where units are missing, or are too many.
    pub mistakes: Vec<String>,
}

/// How far an audit could go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CountedFrom {
    /// Every record since the pool was registered, and the state is what they come to.
    Log,
    /// The state alone, whose sums were checked: the log does not reach back to the registration.
    State,
}

/// Reads every byte as [`examine`](super::examine) does with [`Depth::Everything`](super::Depth), and
/// counts what became of every unit from the records, as far back as they are there. Beside a running
/// engine it sees what was durable at that moment.
///
/// # Errors
/// As [`examine`](super::examine). Units that are not accounted for are no error here: see
/// [`PoolAudit::mistakes`].
pub fn audit(directory: impl Into<Directory>) -> Result<Audit, Error> {
    let directory = &directory.into();
    let meta = Meta::read(directory)?;
    let audited = each_shard(directory, &meta, |shard| {
        let mut ledger = Ledger::default();
        let state = read_shard(directory, &meta, shard, &mut |run| {
            run.for_each(|seq, record| ledger.see(seq, record));
        })?;
        let pools = audit_shard(&state, &ledger);
        Ok((state, pools))
    })?;
    let (shards, mut pools): (Vec<_>, Vec<_>) = audited.into_iter().unzip();
    // Beside a running engine the shards are not read at the same moment.
    if !directory.is_locked() {
        for (shard, pools) in shards.iter().zip(&mut pools) {
            for pool in pools {
                pool.mistakes
                    .extend(made_of_nothing(&shards, shard, &pool.pool));
            }
        }
    }
    Ok(Audit {
        examination: Examination {
            engine: meta.engine,
            shards,
        },
        pools: pools.into_iter().flatten().collect(),
    })
}

fn audit_shard(state: &ShardState, ledger: &Ledger) -> Vec<PoolAudit> {
    let pools = (0..).zip(state.partition.pools());
    let registered = pools.filter(|(_, pool)| pool.is_registered());
    let audit = |(place, pool): (u32, &Pool<CountsOnly>)| {
        let compared = ledger.compare(place, pool, state.next_seq);
        let counted_from = if compared.is_some() {
            CountedFrom::Log
        } else {
            CountedFrom::State
        };
        let mut mistakes = compared.unwrap_or_default();
        mistakes.extend(sums(&pool.definition().name, pool.items()));
        PoolAudit {
            shard: state.shard,
            pool: pool.definition().name.clone(),
            counted_from,
            mistakes,
        }
    };
    registered.map(audit).collect()
}

/// The items of which more has come from other shards than these have sent; told by the shard that
/// is the pool's home.
fn made_of_nothing(shards: &[ShardState], home: &ShardState, name: &str) -> Vec<String> {
    let part = |state: &ShardState| {
        let pools = state.partition.pools().iter();
        let mut named = pools.filter(|pool| pool.is_registered());
        let pool = named.find(|pool| pool.definition().name == name)?.clone();
        pool.spread().is_some().then_some(pool)
    };
    let is_home = |pool: &Pool<CountsOnly>| {
        let spread = pool.spread();
        spread.is_some_and(|spread| spread.home as usize == home.shard)
    };
    if !part(home).as_ref().is_some_and(is_home) {
        return Vec::new();
    }
    let mut sums: BTreeMap<String, (u128, u128)> = BTreeMap::new();
    for part in shards.iter().filter_map(part) {
        for item in part.items() {
            let (sent, received) = sums.entry(item.id.to_owned()).or_default();
            *sent += u128::from(item.sent);
            *received += u128::from(item.received);
        }
    }
    sums.retain(|_, (sent, received)| received > sent);
    let told = sums.into_iter().map(|(id, (sent, received))| {
        format!("of item \"{id}\" of pool \"{name}\" {received} units came from other shards, and these have sent {sent}")
    });
    told.collect()
}

/// The items whose counts do not add up.
fn sums<'a>(
    pool: &str,
    items: impl Iterator<Item = ItemState<'a>>,
) -> impl Iterator<Item = String> {
    let wrong = items.filter(|item| !item.is_conserved());
    wrong.map(move |item| {
        let id = item.id;
        format!("item \"{id}\" of pool \"{pool}\" has counts that do not add up: {item:?}")
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        Engine, Idle, Placement, PoolChange, PoolDefinition, Request,
        recovery::{Depth, examine, shard_directory},
        shard::partition::{Partition, PartitionBack},
        snapshot,
        wal::record::{DrawRecord, Record, TransferRecord},
    };

    const LIMIT: Duration = Duration::from_mins(1);

    /// Draws, a hold that is open, one that was confirmed, something voided and something restocked.
    fn play(directory: &std::path::Path) {
        let builder = Engine::builder(directory).shards(1).idle(Idle::Park);
        let engine = builder.pin(false).segment_bytes(1 << 20).open().unwrap();
        let pool = engine.pool("p").unwrap_or_else(|| {
            let pool = PoolDefinition::new("p").item("a", 1, 900);
            engine.register(pool.unlimited("b", 1)).unwrap()
        });
        let mut client = engine.client().unwrap();
        let mut draw = |request: Request| client.draw(request, LIMIT).unwrap();
        let plain = draw(Request::from(&pool));
        let many = draw(Request::from(&pool).count(50));
        let hold = Request::from(&pool).count(9).hold_for(LIMIT);
        draw(hold);
        engine.confirm(&draw(hold)).unwrap();
        engine.void(&draw(hold)).unwrap();
        engine.void(&many).unwrap();
        engine.void(&plain).unwrap();
        let restock = PoolChange::Restock {
            item: "a".into(),
            units: 5,
        };
        engine.edit(pool.id(), &[restock]).unwrap();
        engine.shutdown().unwrap();
    }

    #[test]
    fn the_log_is_counted_as_long_as_it_reaches_back() {
        let directory = tempfile::tempdir().unwrap();
        for round in 0..4 {
            play(directory.path());
            let audit = audit(directory.path()).unwrap();
            let expected = PoolAudit {
                shard: 0,
                pool: "p".into(),
                // Two closes make the snapshots that let the beginning of the log go.
                counted_from: if round == 0 {
                    CountedFrom::Log
                } else {
                    CountedFrom::State
                },
                mistakes: vec![],
            };
            assert_eq!(audit.pools, [expected]);
            assert_eq!(audit.examination.findings().count(), 0);
        }
    }

    #[test]
    fn a_snapshot_that_counts_one_draw_too_many_is_told() {
        let directory = tempfile::tempdir().unwrap();
        play(directory.path());
        let identity = Meta::read(&directory.path().into()).unwrap().identity(0);
        let shard = shard_directory(&directory.path().into(), 0);
        for number in snapshot::list(&shard).unwrap() {
            let (covered, back) = snapshot::read::<PartitionBack>(&shard, number, identity)
                .unwrap()
                .unwrap();
            let mut partition = Partition::<CountsOnly>::try_from(back).unwrap();
            let draw = DrawRecord {
                pool: 0,
                item: 0,
                request: 1,
            };
            partition
                .apply(covered.next_seq, &Record::Draw(draw))
                .unwrap();
            snapshot::write(&shard, identity, covered, &partition.image()).unwrap();
        }
        // It is a good snapshot otherwise, and adds up.
        let examination = examine(directory.path(), Depth::Everything).unwrap();
        assert_eq!(examination.findings().count(), 0);
        let audit = audit(directory.path()).unwrap();
        let [pool] = &audit.pools[..] else {
            panic!("{audit:?}")
        };
        assert_eq!(pool.counted_from, CountedFrom::Log);
        let [drawn, remaining] = &pool.mistakes[..] else {
            panic!("{pool:?}")
        };
        assert!(
            drawn.starts_with("item \"a\" of pool \"p\" has drawn units: "),
            "{drawn}"
        );
        assert!(remaining.contains("has remaining units: "), "{remaining}");
    }

    #[test]
    fn units_that_came_and_were_never_sent_are_told() {
        let directory = tempfile::tempdir().unwrap();
        let builder = Engine::builder(directory.path()).shards(2).idle(Idle::Park);
        let engine = builder.pin(false).segment_bytes(1 << 20).open().unwrap();
        let pool = PoolDefinition::new("p").item("a", 1, 900);
        engine
            .register(pool.placement(Placement::AllShards))
            .unwrap();
        engine.shutdown().unwrap();
        let is_clean =
            |pool: &PoolAudit| pool.counted_from == CountedFrom::Log && pool.mistakes.is_empty();
        let before = audit(directory.path()).unwrap().pools;
        assert!(
            before.len() == 2 && before.iter().all(is_clean),
            "{before:?}"
        );
        let identity = Meta::read(&directory.path().into()).unwrap().identity(0);
        let shard = shard_directory(&directory.path().into(), 0);
        for number in snapshot::list(&shard).unwrap() {
            let read = snapshot::read::<PartitionBack>(&shard, number, identity).unwrap();
            let (covered, back) = read.unwrap();
            let partition = Partition::<CountsOnly>::try_from(back).unwrap();
            let mut partition = partition.on_shard(0, 2);
            let is_there = |pool: &Pool<CountsOnly>| pool.is_registered();
            let place = partition.pools().iter().position(is_there).unwrap();
            let transfer = TransferRecord {
                peer: 1,
                number: 1,
                pool: place as u32,
                item: 0,
                units: 3,
            };
            let record = Record::Received(transfer);
            partition.apply(covered.next_seq, &record).unwrap();
            snapshot::write(&shard, identity, covered, &partition.image()).unwrap();
        }
        let audit = audit(directory.path()).unwrap();
        let told: Vec<_> = audit.pools.iter().flat_map(|pool| &pool.mistakes).collect();
        let expected =
            "of item \"a\" of pool \"p\" 3 units came from other shards, and these have sent 0";
        assert!(told.iter().any(|mistake| *mistake == expected), "{told:?}");
        assert!(
            told.iter()
                .any(|mistake| mistake.contains("has received units: 3")),
            "{told:?}"
        );
    }

    #[test]
    fn counts_that_do_not_add_up_are_told() {
        let whole = ItemState {
            id: "a",
            weight: 1,
            initial: Some(10),
            restocked: 2,
            drawn: 5,
            held: 1,
            voided: 3,
            sent: 0,
            received: 0,
            remaining: Some(9),
            is_retired: false,
        };
        let lost = ItemState {
            remaining: Some(8),
            ..whole
        };
        let mistakes: Vec<_> = sums("p", [whole, lost].into_iter()).collect();
        assert_eq!(mistakes.len(), 1);
        assert!(mistakes[0].contains("do not add up"), "{mistakes:?}");
    }
}
