//! Whether a system does the job at all: the right odds, every unit once, and then the word that
//! all are gone, across an orderly end and a new start.

use std::path::Path;

use crate::{
    chi_square::ChiSquare,
    failure::Failure,
    peer::{Answer, Manner, Peer},
    peers::Candidate,
    pool::Pool,
};

/// Draws of the check of the odds.
const DRAWS: usize = 100_000;
/// How improbable the counts may be. Right ones are more improbable once in a million checks.
const P_VALUE_MIN: f64 = 1e-6;

/// Draws, and holds each against the odds that it had.
struct Tally {
    weights: Vec<u64>,
    left: Vec<u64>,
    drawn: Vec<u64>,
    expected: Vec<f64>,
}

impl Tally {
    fn new(pool: Pool) -> Self {
        Self {
            drawn: vec![0; pool.stock.len()],
            expected: vec![0.0; pool.stock.len()],
            weights: pool.weights,
            left: pool.stock,
        }
    }

    fn take(&mut self, place: usize) -> Result<(), Failure> {
        if self.left.get(place).is_none_or(|&left| left == 0) {
            return Err(wrong(format!("item {place} was handed out once too often")));
        }
        let in_stock = |at: usize| {
            if self.left[at] > 0 {
                self.weights[at]
            } else {
                0
            }
        };
        let total: u64 = (0..self.left.len()).map(in_stock).sum();
        for at in 0..self.left.len() {
            self.expected[at] += in_stock(at) as f64 / total as f64;
        }
        self.left[place] -= 1;
        self.drawn[place] += 1;
        Ok(())
    }

    fn chi_square(&self) -> Result<ChiSquare, Failure> {
        let categories = self
            .expected
            .iter()
            .copied()
            .zip(self.drawn.iter().copied());
        let chi_square = ChiSquare::of(&categories.collect::<Vec<_>>());
        if chi_square.p_value >= P_VALUE_MIN {
            return Ok(chi_square);
        }
        let ChiSquare {
            statistic, degrees, ..
        } = chi_square;
        Err(wrong(format!(
            "the odds are not those of the weights: chi-square {statistic:.1} for {degrees} degrees of freedom"
        )))
    }
}

/// Checks a system in directories below `parent`.
pub(crate) fn check(candidate: &Candidate, parent: &Path) -> Result<(), Failure> {
    let checked = [Manner::Together, Manner::Pipelined]
        .into_iter()
        .try_for_each(|manner| {
            let directory = tempfile::tempdir_in(parent)?;
            drain(candidate, directory.path(), manner)
        });
    checked.and_then(|()| {
        let directory = tempfile::tempdir_in(parent)?;
        odds(candidate, directory.path())
    })
}

/// The odds while everything is in stock.
fn odds(candidate: &Candidate, directory: &Path) -> Result<(), Failure> {
    let pool = Pool::measured();
    let system = (candidate.open)(directory, &pool)?;
    let mut peer = system.connect(Manner::Together)?;
    let mut tally = Tally::new(pool);
    let mut answers = Vec::new();
    while answers.len() < DRAWS {
        peer.draw_batch(1000, &mut answers)?;
    }
    drop(peer);
    system.close()?;
    // A thousand items a hundred thousand times: the odds do not change on the way.
    let total: u64 = tally.weights.iter().sum();
    for answer in &answers {
        let place = answer.ok_or_else(|| wrong("it says that the pool is empty".into()))?;
        tally.drawn[place as usize] += 1;
    }
    for (expected, weight) in tally.expected.iter_mut().zip(&tally.weights) {
        *expected = *weight as f64 / total as f64 * answers.len() as f64;
    }
    tally.chi_square()?;
    Ok(())
}

/// A small pool to the last unit; halfway it is closed and opened again.
fn drain(candidate: &Candidate, directory: &Path, manner: Manner) -> Result<(), Failure> {
    let pool = Pool::small();
    let units = pool.units();
    let mut tally = Tally::new(pool.clone());
    let mut left = units;
    for part in [units / 2, units] {
        let system = (candidate.open)(directory, &pool)?;
        let mut peer = system.connect(manner)?;
        while left > units - part {
            // One, and several, but not beyond the last.
            let count = if left.is_multiple_of(3) {
                1
            } else {
                7.min(left)
            };
            let answers = ask(&mut *peer, count as usize)?;
            for place in answers {
                let gone = || wrong(format!("it says that all is gone with {left} units left"));
                tally.take(place.ok_or_else(gone)? as usize)?;
                left -= 1;
            }
        }
        // Now some have run out, and the others have other odds than at first.
        tally.chi_square()?;
        if left == 0 && ask(&mut *peer, 2)? != [None, None] {
            return Err(wrong("it hands out what it does not have".into()));
        }
        drop(peer);
        system.close()?;
    }
    Ok(())
}

fn ask(peer: &mut dyn Peer, count: usize) -> Result<Vec<Answer>, Failure> {
    let mut answers = Vec::new();
    peer.draw_batch(count, &mut answers)?;
    if answers.len() == count {
        return Ok(answers);
    }
    let got = answers.len();
    Err(wrong(format!("{count} draws had {got} answers")))
}

fn wrong(message: String) -> Failure {
    Failure::Wrong(message)
}

#[cfg(test)]
mod tests {
    use std::env;

    use super::*;
    use crate::{
        drum::Drum,
        install,
        kept::{Commit, Kept, Store},
        peer::{self, System},
        peers,
    };

    /// Forgets what it is told.
    struct Forgetful;

    impl Store for Forgetful {
        fn commit(&mut self, _: &Commit<'_>) -> Result<(), Failure> {
            Ok(())
        }

        fn close(self) -> Result<(), Failure> {
            Ok(())
        }
    }

    fn forgetful(_: &Path, pool: &Pool) -> Result<Box<dyn System>, Failure> {
        Kept::boxed(Forgetful, pool, pool.stock.clone(), 0)
    }

    /// Draws with other weights than it was told.
    fn unfair(_: &Path, pool: &Pool) -> Result<Box<dyn System>, Failure> {
        let even = Pool {
            weights: vec![1; pool.weights.len()],
            stock: pool.stock.clone(),
        };
        Kept::boxed(Forgetful, &even, pool.stock.clone(), 0)
    }

    fn like_the_first(open: peer::Open) -> Candidate {
        Candidate {
            open,
            ..peers::all().remove(0)
        }
    }

    #[test]
    fn a_store_that_forgets_is_caught() {
        let directory = tempfile::tempdir().unwrap();
        let checked = check(&like_the_first(forgetful), directory.path());
        assert!(matches!(checked, Err(Failure::Wrong(_))), "{checked:?}");
    }

    #[test]
    fn other_odds_are_caught() {
        let directory = tempfile::tempdir().unwrap();
        let checked = odds(&like_the_first(unfair), directory.path());
        assert!(matches!(checked, Err(Failure::Wrong(_))), "{checked:?}");
    }

    #[test]
    fn the_last_unit_ends_a_drum() {
        let mut drum = Drum::new(&[1, 5], vec![1, 2]).unwrap();
        let drawn: Vec<_> = (0..4).map(|_| drum.draw()).collect();
        assert_eq!(drawn.iter().flatten().count(), 3);
        assert_eq!(drawn[3], None);
    }

    /// Each has its own line, so that it is seen which one was not there.
    #[test]
    fn every_system_does_the_job() {
        if env::var_os("TOMBOLA_PEERS_INSTALL").is_some() {
            install::allow();
        }
        let mut failed = Vec::new();
        for candidate in peers::all() {
            let directory = tempfile::tempdir().unwrap();
            match check(&candidate, directory.path()) {
                Ok(()) => println!("{}: checked", candidate.name),
                Err(Failure::Missing(why)) => println!("{}: skipped, {why}", candidate.name),
                Err(failure) => failed.push(failure.of(candidate.name)),
            }
        }
        assert!(failed.is_empty(), "{failed:?}");
    }
}
