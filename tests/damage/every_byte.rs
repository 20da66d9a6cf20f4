//! Every byte of a small directory is harmed.

use crate::{
    common::long,
    fault::{Fault, Harm},
    place::Place,
    small::{Small, is, leave},
    told::Told,
    verdict::Verdict,
};
use tombola::{LogFormat, recovery::Examination};

/// Of bytes that lie among so many alike on both sides, only some are harmed in an ordinary run;
/// all of them from `TOMBOLA_TEST_LONG=32` on.
const ALIKE: usize = 8;
/// In one of so many cases also an engine opens, and the loss is accepted; with `TOMBOLA_TEST_LONG` in
/// so many times more, from 23 on in all of them.
const SAMPLE: usize = 23;

/// How often it came to what.
#[derive(Debug, Default)]
struct Tally {
    cases: usize,
    opened: usize,
    refused: usize,
    not_described: usize,
    accepted: usize,
}

fn sweep(format: LogFormat) {
    let small = leave(format);
    let place = Place::new(small.files.clone());
    let mut tally = Tally::default();
    for (file, bytes) in &small.files {
        for (nth, at) in places(bytes).enumerate() {
            let harms = [Harm::Flip((at % 8) as u8), Harm::Zero, Harm::Cut];
            // One of the three in an ordinary run, in turn.
            let (from, count) = if long() < 3 { (nth, 1) } else { (0, 3) };
            for harm in harms.into_iter().cycle().skip(from % 3).take(count) {
                let fault = Fault {
                    file,
                    bytes,
                    at,
                    harm,
                };
                if fault.changes_something() {
                    fault.inflict(&place);
                    check(&small, &place, &fault, &mut tally);
                    fault.mend(&place);
                }
            }
        }
    }
    println!("{format:?}: {tally:?}");
    assert!(
        tally.opened > 100 && tally.refused > 1_000 && tally.not_described > 30,
        "{tally:?}"
    );
}

/// Every byte that has another beside it, and some of the others.
fn places(bytes: &[u8]) -> impl Iterator<Item = usize> + '_ {
    let step = (1021 / (long() * long())).max(1);
    (0..bytes.len()).filter(move |at| {
        let around = &bytes[at.saturating_sub(ALIKE)..(at + ALIKE + 1).min(bytes.len())];
        at % step == 0 || around.iter().any(|byte| *byte != bytes[*at])
    })
}

fn check(small: &Small, place: &Place, fault: &Fault<'_>, tally: &mut Tally) {
    let what = format!("{:?}: {fault}", small.format);
    tally.cases += 1;
    // What only `verify` reads is read by that alone, but for some.
    let is_covered = is(fault.file, "log") && !fault.is_needed(small);
    let some = long() > 1 || tally.cases.is_multiple_of(8);
    let verdict = if is_covered && !some {
        Small::verified(place.path(), &what)
    } else {
        Small::verdict(place.path(), &what)
    };
    match &verdict {
        Verdict::Opens(examined) => {
            tally.opened += 1;
            small.assert_whole(examined, &what);
        }
        Verdict::Refused(examined) => {
            tally.refused += 1;
            assert_told(small, fault, examined, &what);
        }
        Verdict::NotDescribed => {
            tally.not_described += 1;
            assert!(fault.file.ends_with("engine.json"), "{what}");
        }
    }
    if some || !is(fault.file, "log") {
        Small::assert_verified(place.path(), &verdict, &what);
    }
    if tally.cases.is_multiple_of(SAMPLE.div_ceil(long())) {
        small.try_to_open(place, &verdict, &what);
        if !matches!(verdict, Verdict::Opens(_)) {
            tally.accepted += 1;
            small.accept(place, &verdict, &what);
        }
        place.restore();
    }
}

fn assert_told(small: &Small, fault: &Fault<'_>, examined: &Examination, what: &str) {
    assert!(fault.is_needed(small), "{what}: is refused without need");
    let told = Told {
        shard: fault.shard(),
        file: fault.file,
        offset: fault.offset(small).unwrap(),
        gone: fault.harmed(small),
    };
    told.assert_by(examined, what);
}

#[test]
fn no_byte_of_the_binary_format_goes_silently() {
    sweep(LogFormat::Bincode);
}

#[test]
fn no_byte_of_json_lines_goes_silently() {
    sweep(LogFormat::Jsonl);
}

#[test]
fn no_byte_of_the_line_format_goes_silently() {
    sweep(LogFormat::Line);
}
