//! A million draws agree with the weights, over several seeds.

mod common;

#[path = "common/chi_square.rs"]
mod chi_square;

use chi_square::p_value;
use common::draw_many;
use tombola::PoolDefinition;

const DRAWS: usize = 1_000_000;
const ITEMS: u64 = 1_000;

fn weight(item: u64) -> u64 {
    // From 1 to 64, and some large ones.
    if item.is_multiple_of(100) {
        1_000
    } else {
        item % 64 + 1
    }
}

fn p_value_of(observed: &[u64], weights: &[u64]) -> f64 {
    let shares: Vec<f64> = weights.iter().map(|weight| *weight as f64).collect();
    p_value(observed, &shares)
}

#[test]
fn a_million_draws_agree_with_the_weights() {
    let weights: Vec<u64> = (0..ITEMS).map(weight).collect();
    for seed in 1..=3 * common::long() as u64 {
        let engine = common::in_memory(1).seed(seed).open().unwrap();
        let definition = (0..ITEMS).fold(PoolDefinition::new("p"), |pool, item| {
            pool.unlimited(format!("{item}"), weight(item))
        });
        let pool = engine.register(definition).unwrap();
        let completions = draw_many(&mut engine.client().unwrap(), &pool, DRAWS);
        let observed = common::tally(&completions, &pool);
        let p = p_value_of(&observed, &weights);
        assert!(p > 0.001, "seed {seed}: p = {p}");
        // A test that cannot fail proves nothing: weights that are off by one part in fifty do.
        let mut wrong = weights.clone();
        wrong[..500]
            .iter_mut()
            .for_each(|weight| *weight = *weight * 51 / 50 + 1);
        assert!(p_value_of(&observed, &wrong) < 0.001);
    }
}

#[test]
fn the_order_of_a_drain_is_that_of_the_conditional_distribution() {
    // Three items with one unit each: the probability of every order is known exactly.
    let weights = [1u64, 2, 5];
    let orders = [
        [0, 1, 2],
        [0, 2, 1],
        [1, 0, 2],
        [1, 2, 0],
        [2, 0, 1],
        [2, 1, 0],
    ];
    let engine = common::in_memory(1).seed(9).open().unwrap();
    let mut client = engine.client().unwrap();
    let rounds = 4_000 * common::long();
    let mut seen = [0u64; 6];
    for round in 0..rounds {
        let pool = PoolDefinition::new(format!("{round}"))
            .item("a", 1, 1)
            .item("b", 2, 1)
            .item("c", 5, 1);
        let pool = engine.register(pool).unwrap();
        let order: Vec<u32> = draw_many(&mut client, &pool, 3)
            .iter()
            .map(|completion| match completion.outcome {
                tombola::Outcome::Item(item) => item,
                other => panic!("{other:?}"),
            })
            .collect();
        seen[orders
            .iter()
            .position(|known| known[..] == order[..])
            .unwrap()] += 1;
    }
    // P(first) P(second | first), over a common denominator: 1/8·2/7 and so on.
    let scaled = orders.map(|[first, second, _]| {
        let (one, two) = (weights[first as usize], weights[second as usize]);
        one * two * 840 / (8 - one)
    });
    let p = p_value_of(&seen, &scaled);
    assert!(p > 0.001, "p = {p}: {seen:?}");
}
