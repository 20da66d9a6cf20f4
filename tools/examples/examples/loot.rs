//! The simple way: a blocking draw, and what comes of it.
//!
//! `cargo run --release -p tombola-examples --example loot -- DIRECTORY`

use std::time::Duration;

use tombola::{DrawError, Engine, Outcome, PoolDefinition};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let directory = std::env::args().nth(1).ok_or("name a data directory")?;
    let engine = Engine::builder(directory).open()?;
    let chest = engine.register(
        PoolDefinition::new("chest")
            .item("crown", 1, 3)
            .item("sword", 9, 50)
            .unlimited("coin", 90),
    )?;
    let mut client = engine.client()?;
    for _ in 0..10 {
        match client.draw(&chest, Duration::from_secs(1)) {
            Ok(won) => match won.outcome {
                Outcome::Item(_) => println!(
                    "request {}: {}",
                    won.request,
                    engine.item_id(&won).unwrap_or_default()
                ),
                other => println!("request {}: {other:?}", won.request),
            },
            // Not "failed": the draw may still be made, and its completion comes by polling.
            Err(DrawError::Unknown { request }) => println!("request {request}: no answer yet"),
            Err(error) => return Err(error.into()),
        }
    }
    engine.shutdown()?;
    Ok(())
}
