//! The engine's settings as flags, with the environment behind them.

use std::{path::PathBuf, time::Duration};

use clap::{
    Args,
    builder::{FalseyValueParser, PossibleValuesParser, TypedValueParser},
};
use serde::{
    Deserialize,
    de::{IntoDeserializer, value},
};
use tombola::{Config, Durability, Idle, LogFormat, StorageKind, config::ByteSize};

use crate::failure::Failure;

/// Flags for the settings of an engine. What is not given leaves the setting as it is.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Engine options")]
pub(crate) struct EngineOptions {
    /// Threads that draw, each with its own log; fixed when the data directory is made [default:
    /// as many as it has, or the cores there are less one].
    #[arg(long, env = "TOMBOLA_SHARDS", value_name = "S")]
    pub(crate) shards: Option<usize>,

    /// Where the log goes [default: uring].
    #[arg(long, env = "TOMBOLA_STORAGE", value_parser = choice::<StorageKind>(&["uring", "mmap", "file", "none"]))]
    pub(crate) storage: Option<StorageKind>,

    /// How records are written [default: bincode].
    #[arg(long, env = "TOMBOLA_FORMAT", value_parser = choice::<LogFormat>(&["bincode", "jsonl", "line"]))]
    pub(crate) format: Option<LogFormat>,

    /// When a draw is acknowledged: flushed, in the page cache, or at once [default: device].
    #[arg(long, env = "TOMBOLA_DURABILITY", value_parser = choice::<Durability>(&["device", "kernel", "memory"]))]
    pub(crate) durability: Option<Durability>,

    /// What a shard does when it has nothing to do [default: yield].
    #[arg(long, env = "TOMBOLA_IDLE", value_parser = choice::<Idle>(&["yield", "spin", "park"]))]
    pub(crate) idle: Option<Idle>,

    /// Makes the draws predictable: for tests and simulations only.
    #[arg(long, env = "TOMBOLA_SEED", value_name = "X")]
    pub(crate) seed: Option<u64>,

    /// Leaves the shards' threads to the scheduler instead of pinning each to a core.
    #[arg(long, env = "TOMBOLA_NO_PIN", value_parser = FalseyValueParser::new())]
    pub(crate) no_pin: bool,

    /// The size of a log segment, for instance 64MiB [default: 64MiB].
    #[arg(long, env = "TOMBOLA_SEGMENT_BYTES", value_name = "SIZE")]
    pub(crate) segment_bytes: Option<ByteSize>,

    /// Records between two snapshots [default: 1000000].
    #[arg(long, env = "TOMBOLA_SNAPSHOT_RECORDS", value_name = "N")]
    pub(crate) snapshot_records: Option<u64>,

    /// The most that one commit holds, for instance 256KiB [default: 256KiB].
    #[arg(long, env = "TOMBOLA_BLOCK_BYTES", value_name = "SIZE")]
    pub(crate) block_bytes: Option<ByteSize>,

    /// How many commits may be on their way to the device at once [default: 4].
    #[arg(long, env = "TOMBOLA_BLOCKS_IN_FLIGHT", value_name = "N")]
    pub(crate) blocks_in_flight: Option<usize>,

    /// A commit that is not full waits until fewer than so many are on their way [default: 1].
    #[arg(long, env = "TOMBOLA_PARTIAL_BLOCKS_IN_FLIGHT", value_name = "N")]
    pub(crate) partial_blocks_in_flight: Option<usize>,

    /// How long a commit waits for company, for instance 200us or 1ms [default: 0].
    #[arg(long, env = "TOMBOLA_COMMIT_DELAY", value_name = "TIME", value_parser = duration)]
    pub(crate) commit_delay: Option<Duration>,

    /// With a delay: how many records end it early [default: 0, none do].
    #[arg(long, env = "TOMBOLA_COMMIT_RECORDS", value_name = "N")]
    pub(crate) commit_records: Option<usize>,

    /// Where segments go that are not needed any more [default: they are deleted].
    #[arg(long, env = "TOMBOLA_ARCHIVE_DIR", value_name = "DIR")]
    pub(crate) archive_dir: Option<PathBuf>,

    /// Slots in each ring between a client and a shard [default: 65536].
    #[arg(long, env = "TOMBOLA_RING_SLOTS", value_name = "N")]
    pub(crate) ring_slots: Option<usize>,

    /// The most clients at one time [default: 64].
    #[arg(long, env = "TOMBOLA_CLIENTS_MAX", value_name = "N")]
    pub(crate) clients_max: Option<usize>,
}

impl EngineOptions {
    /// Puts what was given over `config`, which is what the file says, or the defaults.
    pub(crate) fn lay_over(&self, config: &mut Config) {
        fn set<T>(setting: &mut T, given: Option<T>) {
            if let Some(given) = given {
                *setting = given;
            }
        }
        let Self {
            shards,
            storage,
            format,
            durability,
            idle,
            seed,
            no_pin,
            segment_bytes,
            snapshot_records,
            block_bytes,
            blocks_in_flight,
            partial_blocks_in_flight,
            commit_delay,
            commit_records,
            archive_dir,
            ring_slots,
            clients_max,
        } = self.clone();
        config.shards = shards.or(config.shards);
        set(&mut config.storage, storage);
        set(&mut config.format, format);
        set(&mut config.durability, durability);
        set(&mut config.idle, idle);
        config.seed = seed.or(config.seed);
        config.pin &= !no_pin;
        set(&mut config.segment_bytes, segment_bytes.map(|size| size.0));
        set(&mut config.snapshot_records, snapshot_records);
        // What does not fit is out of bounds all the same, and is refused as that.
        let bytes = block_bytes.map(|size| usize::try_from(size.0).unwrap_or(usize::MAX));
        set(&mut config.block_bytes, bytes);
        set(&mut config.blocks_in_flight, blocks_in_flight);
        set(
            &mut config.partial_blocks_in_flight,
            partial_blocks_in_flight,
        );
        set(&mut config.commit_delay, commit_delay);
        set(&mut config.commit_records, commit_records);
        config.archive_dir = archive_dir.or(config.archive_dir.take());
        set(&mut config.ring_slots, ring_slots);
        set(&mut config.clients_max, clients_max);
    }
}

/// Whether an engine of these settings takes so many clients.
pub(crate) fn check_clients(config: &Config, clients: usize) -> Result<(), Failure> {
    let most = config.clients_max;
    if clients <= most {
        return Ok(());
    }
    Err(Failure::Usage(format!(
        "--clients {clients} is more than clients_max, which is {most}; add --clients-max {clients}"
    )))
}

/// The names by which the config file knows the values of `T`.
pub(crate) fn choice<T>(names: &'static [&'static str]) -> impl TypedValueParser<Value = T>
where
    T: for<'de> Deserialize<'de> + Clone + Send + Sync + 'static,
{
    PossibleValuesParser::new(names).map(|name| {
        let name: value::StringDeserializer<value::Error> = name.into_deserializer();
        T::deserialize(name).expect("the names are those of the config file")
    })
}

/// `0`, or a whole number with a unit, as in the config file.
fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let unit = text[digits.len()..].trim();
    let wrong = || "write 0, or a whole number with a unit, such as 200us or 1ms".to_owned();
    let count: u64 = digits.parse().map_err(|_| wrong())?;
    match unit {
        "" if count == 0 => Ok(Duration::ZERO),
        "ns" => Ok(Duration::from_nanos(count)),
        "us" | "µs" => Ok(Duration::from_micros(count)),
        "ms" => Ok(Duration::from_millis(count)),
        "s" => Ok(Duration::from_secs(count)),
        _ => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_given_changes() {
        let mut config = Config {
            seed: Some(7),
            shards: Some(3),
            ..Config::default()
        };
        let options = EngineOptions {
            shards: Some(2),
            no_pin: true,
            ..EngineOptions::default()
        };
        options.lay_over(&mut config);
        let expected = Config {
            seed: Some(7),
            shards: Some(2),
            pin: false,
            ..Config::default()
        };
        assert_eq!(config, expected);
    }

    #[test]
    fn durations_have_a_unit() {
        assert_eq!(duration("0"), Ok(Duration::ZERO));
        assert_eq!(duration("200us"), Ok(Duration::from_micros(200)));
        assert_eq!(duration("1 ms"), Ok(Duration::from_millis(1)));
        for wrong in ["", "5", "ms", "-1ms", "1.5ms", "1h"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }
}
