//! Seeds, and faults that have to be found.

use tombola::canary::Canary;
use tombola_sim::{
    many::{Seeds, many},
    run::run,
};

/// The factor by which long tests are longer than in the ordinary run.
fn long() -> u64 {
    let factor = std::env::var("TOMBOLA_TEST_LONG").ok();
    factor.and_then(|text| text.parse().ok()).unwrap_or(1)
}

fn seeds(first: u64, count: u64) -> Seeds {
    Seeds {
        first,
        count,
        threads: 2,
        canary: None,
        failures_max: 3,
    }
}

#[test]
fn everything_holds_whatever_the_seed() {
    let outcome = many(seeds(0, 300 * long()), || {});
    assert!(outcome.failures.is_empty(), "{:#?}", outcome.failures);
    let report = outcome.report;
    // The faults do happen.
    assert!(report.acknowledged > 10_000 && report.recoveries > 500);
    let disk = report.disk;
    for (what, count) in [
        ("kills", disk.kills),
        ("power cuts", disk.power_cuts),
        ("lost writes", disk.lost),
        ("torn blocks", disk.torn),
        ("names undone", disk.names_undone),
        ("write errors", disk.write_errors),
        ("files that are not opened", disk.open_errors),
        ("read errors", disk.read_errors),
        ("flush errors", disk.flush_errors),
        ("full disks", disk.full),
        ("misdirected blocks", disk.misdirected),
        ("rotten bits", disk.rotten),
        ("refusals", report.refusals),
        ("accepted losses", report.accepted),
    ] {
        assert!(count > 0, "no {what}");
    }
}

/// Seeds that have shown a fault, now mended: a shard that spun beside a full disk, a directory whose
/// flush had failed, a description whose flush had failed, units from nowhere after an accepted loss,
/// a snapshot that counted a segment twice, a block that was written over another one and not missed, the
/// first block of a segment that went astray with its header and was taken for garbage.
#[test]
fn what_was_found_stays_mended() {
    for seed in [
        24, 170, 653, 1323, 58, 347, 914, 2877, 3767, 5406, 1002, 949, 20653, 29584,
    ] {
        if let Err(failure) = run(seed, None) {
            panic!("{failure:#?}");
        }
    }
}

#[test]
fn a_seed_does_the_same_again() {
    for seed in 0..12 {
        let (once, again) = (run(seed, None).unwrap(), run(seed, None).unwrap());
        assert_eq!(once, again, "seed {seed}");
    }
}

/// Checks that cannot fail would prove nothing.
#[test]
fn planted_faults_are_found() {
    for (canary, tells) in [
        (Canary::SkipsFlushes, "acknowledged and lost"),
        (Canary::AcknowledgesEarly, "acknowledged and lost"),
        (
            Canary::IgnoresChecksums,
            "was believed, and is in no whole block",
        ),
        (Canary::AppliesTwice, "units are not conserved"),
        (Canary::CutsTooMuch, "acknowledged and lost"),
        (Canary::ReusesSalts, "has the salt of"),
    ] {
        let planted = Seeds {
            canary: Some(canary),
            failures_max: 200,
            ..seeds(0, 100)
        };
        let outcome = many(planted, || {});
        let mut failures = outcome.failures.iter();
        let is_found = failures.any(|failure| failure.what.contains(tells));
        assert!(is_found, "{canary:?}: {:#?}", outcome.failures);
    }
}
