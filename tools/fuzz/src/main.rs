//! Writes the seeds into the corpora: `cargo run -p tombola-fuzz`, once, when a format has changed.

use std::{error::Error, fs, path::Path};

use tombola_fuzz::seeds;

fn main() -> Result<(), Box<dyn Error>> {
    let corpora = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpora");
    for (target, seeds) in seeds::all() {
        let corpus = corpora.join(target);
        fs::create_dir_all(&corpus)?;
        for (number, seed) in seeds.iter().enumerate() {
            fs::write(corpus.join(format!("seed-{number:03}")), seed)?;
        }
    }
    Ok(())
}
