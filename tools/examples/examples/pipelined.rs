//! The fast way: batches into the ring, completions out of it, on several threads.
//!
//! `cargo run --release -p tombola-examples --example pipelined -- DIRECTORY`

use std::{error::Error, time::Instant};

use tombola::{Engine, Outcome, PoolDefinition, PoolHandle, Request};

const THREADS: usize = 2;
const DRAWS_EACH: usize = 2_000_000;

/// Draws until so many answers have come; returns how often there was something to win.
fn draw(engine: &Engine, pool: &PoolHandle) -> Result<usize, tombola::Error> {
    let mut client = engine.client()?;
    let batch = [Request::from(pool); 256];
    let (mut submitted, mut answered, mut won) = (0, 0, 0);
    while answered < DRAWS_EACH {
        let wanted = batch.len().min(DRAWS_EACH - submitted);
        // What does not fit into the ring now is submitted in the next round.
        let taken = client
            .submit_batch(&batch[..wanted])
            .map_or(0, |ids| ids.count);
        submitted += taken;
        let polled = client.poll_with(|completion| {
            won += usize::from(matches!(completion.outcome, Outcome::Item(_)));
        })?;
        answered += polled;
        if taken + polled == 0 {
            std::thread::yield_now();
        }
    }
    Ok(won)
}

fn main() -> Result<(), Box<dyn Error>> {
    let directory = std::env::args().nth(1).ok_or("name a data directory")?;
    let engine = Engine::builder(directory).open()?;
    let pool = engine.register(
        PoolDefinition::new("raffle")
            .item("car", 1, 1)
            .unlimited("balloon", 999_999),
    )?;
    let begun = Instant::now();
    let won: usize = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|_| scope.spawn(|| draw(&engine, &pool)))
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().expect("no panic"))
            .sum::<Result<usize, _>>()
    })?;
    let seconds = begun.elapsed().as_secs_f64();
    println!("{won} prizes in {seconds:.2} s, each durable before its answer");
    engine.shutdown()?;
    Ok(())
}
