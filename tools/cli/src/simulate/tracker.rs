//! Follows the draws of one pool: how many of each item came, and how many should have.

use tombola::{OnExhausted, Outcome, PoolDefinition};

/// Points of a stock's curve; more could not be told apart in the picture.
const SAMPLES: u64 = 240;

/// The counts of a pool, and the expected counts given when items ran out.
///
/// The odds stay the same until an item runs out, so a run is a series of phases. In a phase of `n`
/// draws an item of weight `w`, with the weights in play summing to `W`, is expected `n·w/W`
/// times. `w` does not change while the item lasts: it is enough to sum `n/W` over the phases, and
/// to look at that sum when the item runs out.
#[derive(Debug)]
pub(super) struct Tracker {
    definition: PoolDefinition,
    drawn: Vec<u64>,
    no_prizes: u64,
    draws: u64,
    /// The weights in play: of what is in stock, or all where an empty item answers "no prize".
    weight: u64,
    /// Sum of `n/W` over the phases that are over, and the draw at which the last one ended.
    chances: f64,
    phase_began: u64,
    ran_out: Vec<Option<RanOut>>,
    sample_every: u64,
    samples: Vec<Sample>,
}

#[derive(Debug, Clone, Copy)]
struct RanOut {
    draw: u64,
    chances: f64,
}

/// What was drawn of every item, after so many draws.
#[derive(Debug)]
pub(super) struct Sample {
    pub(super) draw: u64,
    pub(super) drawn: Vec<u64>,
}

impl Tracker {
    /// For about `draws_max` draws.
    pub(super) fn new(definition: PoolDefinition, draws_max: u64) -> Self {
        let items = definition.items.len();
        let mut tracker = Self {
            drawn: vec![0; items],
            no_prizes: 0,
            draws: 0,
            weight: definition.total_weight().unwrap_or(u64::MAX),
            chances: 0.0,
            phase_began: 0,
            ran_out: vec![None; items],
            sample_every: draws_max.div_ceil(SAMPLES).max(1),
            samples: Vec::new(),
            definition,
        };
        for item in 0..items {
            if tracker.definition.items.at(item).stock == Some(0) {
                tracker.run_out(item);
            }
        }
        tracker.sample();
        tracker
    }

    /// The next draw's outcome.
    pub(super) fn count(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Item(item) => {
                let item = item as usize;
                self.draws += 1;
                self.drawn[item] += 1;
                if Some(self.drawn[item]) == self.definition.items.at(item).stock {
                    self.run_out(item);
                }
            }
            Outcome::NoPrize => {
                self.draws += 1;
                self.no_prizes += 1;
            }
            _ => return,
        }
        if self.draws.is_multiple_of(self.sample_every) {
            self.sample();
        }
    }

    fn run_out(&mut self, item: usize) {
        self.chances = self.chances_now();
        self.phase_began = self.draws;
        self.ran_out[item] = Some(RanOut {
            draw: self.draws,
            chances: self.chances,
        });
        if self.definition.on_exhausted == OnExhausted::Renormalise {
            self.weight -= self.definition.items.at(item).weight;
        }
    }

    fn sample(&mut self) {
        if self.stocked().next().is_some() {
            self.samples.push(Sample {
                draw: self.draws,
                drawn: self.stocked().map(|item| self.drawn[item]).collect(),
            });
        }
    }

    /// The finite items whose stock is followed: the first eight.
    pub(super) fn stocked(&self) -> impl Iterator<Item = usize> {
        let finite = |item: &usize| {
            self.definition
                .items
                .at(*item)
                .stock
                .is_some_and(|stock| stock > 0)
        };
        (0..self.definition.items.len()).filter(finite).take(8)
    }

    fn chances_now(&self) -> f64 {
        let phase = self.draws - self.phase_began;
        if phase == 0 {
            self.chances
        } else {
            self.chances + phase as f64 / self.weight as f64
        }
    }

    pub(super) fn definition(&self) -> &PoolDefinition {
        &self.definition
    }

    pub(super) fn draws(&self) -> u64 {
        self.draws
    }

    pub(super) fn no_prizes(&self) -> u64 {
        self.no_prizes
    }

    pub(super) fn drawn(&self) -> &[u64] {
        &self.drawn
    }

    pub(super) fn samples(&self) -> &[Sample] {
        &self.samples
    }

    /// How many units of the item were expected, given when items ran out.
    pub(super) fn expected(&self, item: usize) -> f64 {
        let chances = self.ran_out[item].map_or_else(|| self.chances_now(), |out| out.chances);
        self.definition.items.at(item).weight as f64 * chances
    }

    /// At which draw of the pool the last unit of the item went; 0 if there never was one.
    pub(super) fn ran_out_at(&self, item: usize) -> Option<u64> {
        self.ran_out[item].map(|out| out.draw)
    }

    /// Expected and actual counts of everything that a draw could come to.
    pub(super) fn categories(&self) -> Vec<(f64, u64)> {
        let mut categories: Vec<(f64, u64)> = (0..self.drawn.len())
            .map(|item| (self.expected(item), self.drawn[item]))
            .collect();
        if self.definition.on_exhausted == OnExhausted::NoPrize {
            let prizes: f64 = categories.iter().map(|(expected, _)| expected).sum();
            // Rounding must not make it an expectation of something that cannot happen.
            let any = self.ran_out.iter().any(Option::is_some);
            let expected = if any {
                (self.draws as f64 - prizes).max(0.0)
            } else {
                0.0
            };
            categories.push((expected, self.no_prizes));
        }
        categories
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draw(tracker: &mut Tracker, outcomes: &[Outcome]) {
        for outcome in outcomes {
            tracker.count(*outcome);
        }
    }

    #[test]
    fn expectations_follow_the_stock() {
        let pool = PoolDefinition::new("p")
            .item("a", 2, 1)
            .unlimited("b", 1)
            .unlimited("c", 1);
        let mut tracker = Tracker::new(pool, 4);
        draw(&mut tracker, &[Outcome::Item(1), Outcome::Item(0)]);
        draw(
            &mut tracker,
            &[Outcome::Item(1), Outcome::Item(2), Outcome::Exhausted],
        );
        // Two draws at 2:1:1, two at 1:1.
        assert_eq!(tracker.categories(), [(1.0, 1), (1.5, 2), (1.5, 1)]);
        assert_eq!(tracker.ran_out_at(0), Some(2));
        assert_eq!(tracker.ran_out_at(1), None);
    }

    #[test]
    fn a_missed_prize_is_a_category() {
        let pool = PoolDefinition::new("p")
            .on_exhausted(OnExhausted::NoPrize)
            .item("a", 1, 1)
            .unlimited("b", 1);
        let mut tracker = Tracker::new(pool, 4);
        draw(&mut tracker, &[Outcome::Item(1), Outcome::Item(0)]);
        draw(&mut tracker, &[Outcome::NoPrize, Outcome::Item(1)]);
        assert_eq!(tracker.categories(), [(1.0, 1), (2.0, 2), (1.0, 1)]);
    }

    #[test]
    fn what_was_never_there_is_not_expected() {
        let pool = PoolDefinition::new("p").item("a", 9, 0).unlimited("b", 1);
        let mut tracker = Tracker::new(pool, 2);
        draw(&mut tracker, &[Outcome::Item(1), Outcome::Item(1)]);
        assert_eq!(tracker.categories(), [(0.0, 0), (2.0, 2)]);
        assert_eq!(tracker.ran_out_at(0), Some(0));
    }
}
