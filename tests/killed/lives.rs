//! A data directory that many processes live with, each of which comes to a bad end.

use tombola::selector::Stream;

use crate::{
    child::Life,
    known::Known,
    process::{Moment, Moments, Process, Said},
    setting::Setting,
};

/// Lets processes live one after another; `end` ends one, and gives what it said. After each
/// everything is checked.
pub(crate) fn lives(
    setting: Setting,
    ends: usize,
    seed: u64,
    mut end: impl FnMut(Process) -> Said,
) -> Moments {
    let (mut known, mut stream) = (Known::default(), Stream::for_shard(seed, 0));
    let mut moments = Moments::default();
    let mut life = Life { setting, number: 0 };
    for nth in 1..=ends {
        life.number += 1;
        let mut process = Process::start(&life, Moment::random(nth, &mut stream), || 0);
        process.wait();
        let said = end(process);
        let engine = said
            .other
            .iter()
            .find(|line| line.contains("panicked at src/"));
        assert_eq!(engine, None, "{:#?}", said.other);
        moments.count(&said);
        for (_, told) in said.told {
            known.hear(told);
        }
        if life.setting.data.join("engine.json").exists() {
            let unfinished = known.read(&life.setting);
            // One that ends while it opens has something to recover.
            if nth == ends || !Moment::is_early(nth + 1) {
                known.recover_again(&life.setting, unfinished);
                known.ask_again(&life.setting);
            }
        }
    }
    let setting = &life.setting;
    assert!(known.answers() > 50, "{setting:?}: {}", known.answers());
    let has_moved = known.transfers() > 0;
    assert_eq!(has_moved, setting.shards > 1, "{setting:?}");
    eprintln!(
        "{setting:?}: {moments:?}, {} answers, {} transfers",
        known.answers(),
        known.transfers()
    );
    moments
}
