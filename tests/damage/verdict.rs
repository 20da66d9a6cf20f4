//! What must hold of a damaged directory, whatever was done to it.

use std::path::Path;

use crate::{
    common::LIMIT,
    place::{Files, Place, read_files},
    small::{Small, is, shard_of},
};
use tombola::{
    Engine, Error, Outcome, Request,
    error::{Finding, FindingKind},
    recovery::{self, Acceptance, Depth, Examination, Gap, ShardState},
    shard::partition::{CountsOnly, Pool},
};

/// What recovery says of a directory.
pub(crate) enum Verdict {
    /// It opens.
    Opens(Examination),
    /// It is damaged.
    Refused(Examination),
    /// Whose data it is cannot be told.
    NotDescribed,
}

impl Small {
    /// What recovery says.
    pub(crate) fn verdict(directory: &Path, what: &str) -> Verdict {
        match recovery::examine(directory, Depth::Needed) {
            Ok(examined) if examined.opens() => Verdict::Opens(examined),
            Ok(examined) => {
                assert_named(&examined, what);
                Verdict::Refused(examined)
            }
            Err(Error::Description { .. }) => Verdict::NotDescribed,
            Err(error) => panic!("{what}: {error}"),
        }
    }

    /// What `verify` says, where it has nothing against the units.
    pub(crate) fn verified(directory: &Path, what: &str) -> Verdict {
        let audit = recovery::audit(directory);
        let audit = audit.unwrap_or_else(|error| panic!("{what}: {error}"));
        for pool in audit.pools {
            assert!(pool.mistakes.is_empty(), "{what}: {:?}", pool.mistakes);
        }
        if audit.examination.opens() {
            Verdict::Opens(audit.examination)
        } else {
            Verdict::Refused(audit.examination)
        }
    }

    /// The state is the one that was left.
    pub(crate) fn assert_whole(&self, examined: &Examination, what: &str) {
        for (found, left) in examined.shards.iter().zip(&self.whole.shards) {
            assert_eq!(found.next_seq, left.next_seq, "{what}");
            assert!(found.gaps.is_empty(), "{what}: {:?}", found.gaps);
            assert!(found.partition == left.partition, "{what}: another state");
        }
    }

    /// `verify` comes to the same verdict as `recover`, and finds at least as much.
    pub(crate) fn assert_verified(directory: &Path, verdict: &Verdict, what: &str) {
        let audit = recovery::audit(directory);
        let (Verdict::Opens(examined) | Verdict::Refused(examined)) = verdict else {
            assert!(
                matches!(audit, Err(Error::Description { .. })),
                "{what}: {audit:?}"
            );
            return;
        };
        let audit = audit.unwrap_or_else(|error| panic!("{what}: {error}"));
        let verified = audit.examination;
        assert_eq!(verified.opens(), examined.opens(), "{what}");
        for finding in examined.findings() {
            let is_there = verified.findings().any(|other| other == finding);
            assert!(is_there, "{what}: not verified: {finding}");
        }
        for (one, other) in verified.shards.iter().zip(&examined.shards) {
            assert_eq!(one.gaps, other.gaps, "{what}");
            assert!(
                one.partition == other.partition,
                "{what}: verified another state"
            );
        }
        if verified.opens() {
            for pool in audit.pools {
                assert!(pool.mistakes.is_empty(), "{what}: {:?}", pool.mistakes);
            }
        }
    }

    /// An engine opens what recovery opens, and refuses what it refuses with the same findings,
    /// with no byte changed.
    pub(crate) fn try_to_open(&self, place: &Place, verdict: &Verdict, what: &str) {
        let before = read_files(place.path());
        match (verdict, self.open(place.path())) {
            (Verdict::Opens(_), Ok(engine)) => {
                self.draw(&engine, what);
                drop(engine);
                self.draw(&self.open(place.path()).unwrap(), what);
                return;
            }
            (Verdict::Refused(examined), Err(Error::Damaged { findings, .. })) => {
                let told: Vec<_> = examined.findings().cloned().collect();
                assert_eq!(findings, told, "{what}");
            }
            (Verdict::NotDescribed, Err(Error::Description { .. })) => {}
            (_, opened) => panic!("{what}: {:?}", opened.err()),
        }
        assert!(
            read_files(place.path()) == before,
            "{what}: files were changed"
        );
    }

    /// Draws are answered, with numbers that were never used before.
    fn draw(&self, engine: &Engine, what: &str) {
        let mut client = engine.client().unwrap();
        for pool in engine.pools() {
            let drawn = client.draw(Request::from(&pool).key(u128::MAX), LIMIT);
            let drawn = drawn.unwrap_or_else(|error| panic!("{what}: {error}"));
            let newer = |request: u64, shard, seq: Option<u64>| {
                request < drawn.request && (shard != drawn.shard || seq < drawn.seq)
            };
            let mut answers = self.answers.iter().filter(|_| drawn.seq.is_some());
            assert!(
                drawn.is_replay() || answers.all(|old| newer(old.request, old.shard, old.seq)),
                "{what}: {drawn:?}"
            );
        }
    }

    /// Accepts the loss: it is exactly what was told, the rest is there, nothing that is gone is used
    /// again, and the damaged files are kept.
    pub(crate) fn accept(&self, place: &Place, told: &Verdict, what: &str) {
        let before = read_files(place.path());
        let accepted = recovery::accept_loss(place.path());
        let accepted = accepted.unwrap_or_else(|error| panic!("{what}: {error}"));
        assert!(!accepted.is_empty(), "{what}");
        let after = read_files(place.path());
        let Verdict::Opens(examined) = Self::verdict(place.path(), what) else {
            panic!("{what}: does not open afterwards");
        };
        if let Verdict::Refused(told) = told {
            for one in &accepted {
                assert_kept(place, &before, &after, one, what);
                assert_eq!(one.lost, told.shards[one.shard].gaps, "{what}");
            }
            for (found, told) in examined.shards.iter().zip(&told.shards) {
                self.assert_left(found, &told.gaps, what);
                assert_eq!(found.next_seq, told.next_seq, "{what}");
            }
        } else {
            self.assert_whole(&examined, what);
            let kept = accepted[0].kept.strip_prefix(place.path()).unwrap();
            assert_eq!(after[kept], before[Path::new("engine.json")], "{what}");
        }
        let engine = self.open(place.path());
        let engine = engine.unwrap_or_else(|error| panic!("{what}: {error}"));
        self.draw(&engine, what);
        assert_counts(place.path(), what);
        assert_units_move(&engine, what);
        drop(engine);
        assert_counts(place.path(), what);
    }

    /// Everything is there but what is in the gaps.
    fn assert_left(&self, found: &ShardState, gaps: &[Gap], what: &str) {
        let expected = self.state_without(found.shard, gaps);
        let state = &found.partition;
        for (found, expected) in state.pools().iter().zip(expected.pools()) {
            if found.home_shard().is_none() {
                assert!(found == expected, "{what}: another state");
                continue;
            }
            // What was lost of units that moved, the other shard may still know.
            let units = |pool: &Pool<CountsOnly>| -> Vec<_> {
                let units = pool
                    .items()
                    .map(|item| (item.drawn, item.held, item.voided));
                units.collect()
            };
            let (found, expected) = (units(found), units(expected));
            assert_eq!(found[..expected.len()], expected, "{what}");
        }
        assert_eq!(state.holds_open(), expected.holds_open(), "{what}");
        assert_eq!(
            state.keys_remembered(),
            expected.keys_remembered(),
            "{what}"
        );
    }
}

/// No unit is there twice, and units move between the shards until there are none.
fn assert_units_move(engine: &Engine, what: &str) {
    let pool = engine
        .pools()
        .into_iter()
        .find(|pool| pool.id().is_on_all_shards());
    let Some(pool) = pool else { return };
    let mut client = engine.client().unwrap();
    let request = Request::from(&pool).count(10).partial(true);
    loop {
        let drawn = client.draw(request, LIMIT);
        match drawn
            .unwrap_or_else(|error| panic!("{what}: {error}"))
            .outcome
        {
            Outcome::Exhausted | Outcome::TooFew | Outcome::Closed => break,
            Outcome::Items => {}
            outcome => panic!("{what}: {outcome:?}"),
        }
    }
}

fn assert_counts(directory: &Path, what: &str) {
    for pool in recovery::audit(directory).unwrap().pools {
        assert!(pool.mistakes.is_empty(), "{what}: {:?}", pool.mistakes);
    }
}

/// The segments are in the directory that was named, as they were.
fn assert_kept(place: &Place, before: &Files, after: &Files, accepted: &Acceptance, what: &str) {
    let kept = accepted.kept.strip_prefix(place.path()).unwrap();
    let in_shard = |name: &Path| is(name, "log") && shard_of(name) == accepted.shard;
    for (name, bytes) in before.iter().filter(|(name, _)| in_shard(name)) {
        let beside = kept.join(name.file_name().unwrap());
        assert!(
            after.get(&beside) == Some(bytes),
            "{what}: {}",
            name.display()
        );
    }
}

/// A refusal says where.
fn assert_named(examined: &Examination, what: &str) {
    for finding in examined.findings() {
        let Finding {
            shard,
            segment,
            first_seq,
            kind,
            message,
            ..
        } = finding;
        assert!(
            *shard < 2 && !segment.is_empty() && !message.is_empty(),
            "{what}: {finding}"
        );
        let has_numbers = first_seq.is_some() || *kind == FindingKind::Snapshot;
        assert!(has_numbers, "{what}: {finding}");
    }
}
