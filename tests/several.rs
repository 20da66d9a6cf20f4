//! Several draws in one request: the odds of every order in which they can come, and what happens
//! where there are too few units.

mod common;

#[path = "common/chi_square.rs"]
mod chi_square;

use std::collections::BTreeMap;

use chi_square::p_value;
use common::LIMIT;
use tombola::{Client, OnExhausted, Outcome, PoolDefinition, PoolHandle, Request};

const WEIGHTS: [u64; 3] = [1, 2, 5];

/// What the draws brought, one after the other.
type Order = Vec<Option<u32>>;

/// How likely every outcome of so many draws is, as somebody would work it out by hand.
fn orders(stock: [u64; 3], mode: OnExhausted, count: usize) -> BTreeMap<Order, f64> {
    if count == 0 || stock == [0; 3] {
        return BTreeMap::from([(Order::new(), 1.0)]);
    }
    let takes_part = |item: &usize| stock[*item] > 0 || mode == OnExhausted::NoPrize;
    let items: Vec<usize> = (0..3).filter(takes_part).collect();
    let total: u64 = items.iter().map(|item| WEIGHTS[*item]).sum();
    let mut all = BTreeMap::new();
    for item in items {
        let mut left = stock;
        let first = (left[item] > 0).then_some(item as u32);
        left[item] = left[item].saturating_sub(1);
        for (mut order, probability) in orders(left, mode, count - 1) {
            order.insert(0, first);
            let share = WEIGHTS[item] as f64 / total as f64;
            *all.entry(order).or_default() += share * probability;
        }
    }
    all
}

/// Makes `draw` draw from a new pool again and again, and compares how often each order came.
fn compare(
    stock: [u64; 3],
    mode: OnExhausted,
    count: usize,
    mut draw: impl FnMut(&mut Client, &PoolHandle) -> Order,
) {
    let engine = common::in_memory(1).seed(11).open().unwrap();
    let mut client = engine.client().unwrap();
    let orders = orders(stock, mode, count);
    let mut seen: BTreeMap<Order, u64> = orders.keys().map(|order| (order.clone(), 0)).collect();
    for round in 0..4_000 * common::long() {
        let pool = PoolDefinition::new(format!("{round}")).on_exhausted(mode);
        let pool = ["a", "b", "c"]
            .into_iter()
            .zip(WEIGHTS)
            .zip(stock)
            .fold(pool, |pool, ((id, weight), stock)| {
                pool.item(id, weight, stock)
            });
        let pool = engine.register(pool).unwrap();
        let order = draw(&mut client, &pool);
        *seen.get_mut(&order).expect("an order that can be") += 1;
    }
    let seen: Vec<u64> = seen.into_values().collect();
    let shares: Vec<f64> = orders.values().copied().collect();
    let p = p_value(&seen, &shares);
    assert!(p > 0.001, "p = {p}: {seen:?}, {orders:?}");
    // Orders that are all alike would be noticed.
    assert!(p_value(&seen, &vec![1.0; seen.len()]) < 0.001);
}

fn draw(client: &mut Client, request: Request) -> Order {
    let completion = client.draw(request, LIMIT).unwrap();
    assert_eq!(completion.outcome, Outcome::Items);
    completion.items().collect()
}

#[test]
fn requests_whose_answers_have_no_room_do_not_hold_up_a_shutdown() {
    let engine = common::in_memory(1).ring_slots(64).open().unwrap();
    let pool = PoolDefinition::new("banner").unlimited("dust", 1);
    let pool = engine.register(pool).unwrap();
    let mut client = engine.client().unwrap();
    // Three answers fit into the ring, and some slots of it stay free.
    for _ in 0..5 {
        client.try_submit(Request::from(&pool).count(100)).unwrap();
    }
    engine.shutdown().unwrap();
    let mut answered = 0;
    client.poll_with(|_| answered += 1).unwrap();
    assert_eq!(answered, 3);
}

#[test]
fn three_draws_in_one_request_are_three_draws() {
    let renormalise = OnExhausted::Renormalise;
    compare([1, 2, 1], renormalise, 3, |client, pool| {
        draw(client, Request::from(pool).count(3))
    });
    compare([1, 2, 1], renormalise, 3, |client, pool| {
        let one = |_| client.draw(pool, LIMIT).unwrap().items().next().unwrap();
        (0..3).map(one).collect()
    });
}

#[test]
fn a_key_and_a_hold_change_no_odds() {
    compare([1, 2, 1], OnExhausted::Renormalise, 3, |client, pool| {
        let held = Request::from(pool).count(3).hold_for(LIMIT);
        draw(client, held.key(u128::from(pool.id().index())))
    });
}

#[test]
fn a_part_is_a_drain_to_the_last_unit() {
    for mode in [OnExhausted::Renormalise, OnExhausted::NoPrize] {
        compare([1, 1, 1], mode, 5, |client, pool| {
            draw(client, Request::from(pool).count(5).partial(true))
        });
    }
}

#[test]
fn draws_that_bring_nothing_have_their_odds() {
    compare([1, 1, 2], OnExhausted::NoPrize, 3, |client, pool| {
        draw(client, Request::from(pool).count(3))
    });
}

/// Three draws from two units: some of them would bring nothing, and then two units might do. But a
/// refusal that depends on what was chosen makes other odds of what is not refused.
#[test]
fn too_few_units_are_too_few_whatever_was_chosen() {
    let engine = common::in_memory(1).open().unwrap();
    let pool = PoolDefinition::new("p")
        .on_exhausted(OnExhausted::NoPrize)
        .item("a", 1, 1)
        .item("b", 1, 1);
    let pool = engine.register(pool).unwrap();
    let mut client = engine.client().unwrap();
    for _ in 0..200 {
        let refused = client.draw(Request::from(&pool).count(3), LIMIT).unwrap();
        assert_eq!(refused.outcome, Outcome::TooFew);
    }
    let both = client.draw(Request::from(&pool).count(2), LIMIT).unwrap();
    assert_eq!(both.outcome, Outcome::Items);
}
