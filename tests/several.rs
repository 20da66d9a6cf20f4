//! Several draws in one request.

mod common;

use common::LIMIT;
use tombola::{OnExhausted, Outcome, PoolDefinition, Request};

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
