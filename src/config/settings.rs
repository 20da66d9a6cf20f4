//! The tables `[engine]` and `[wal]`.

use std::path::PathBuf;

use super::{
    Config,
    mistake::Mistakes,
    tree::{Entry, Node, Value},
    value::{self, unknown_key},
};

const ENGINE_KEYS: [&str; 11] = [
    "shards",
    "idle",
    "pin",
    "seed",
    "clients_max",
    "ring_slots",
    "exchange_slots",
    "remember_keys",
    "remember_for",
    "remember_settled",
    "holds_max",
];
const WAL_KEYS: [&str; 11] = [
    "storage",
    "format",
    "durability",
    "segment_bytes",
    "block_bytes",
    "blocks_in_flight",
    "partial_blocks_in_flight",
    "snapshot_records",
    "commit_delay",
    "commit_records",
    "archive_dir",
];

/// The settings so far, and where each was set.
#[derive(Default)]
pub(super) struct Settings<'a> {
    config: Config,
    entries: Vec<Entry<'a>>,
}

impl<'a> Settings<'a> {
    pub(super) fn engine(&mut self, node: Node<'a>, mistakes: &mut Mistakes<'_>) {
        let config = &mut self.config;
        let entries = node.into_table("engine", mistakes);
        value::repeated_keys(&entries, mistakes);
        for entry in &entries {
            match entry.key.as_ref() {
                "shards" => config.shards = optional(entry, mistakes, value::number),
                "idle" => set(&mut config.idle, value::choice(entry, mistakes)),
                "pin" => set(&mut config.pin, value::boolean(entry, mistakes)),
                "seed" => config.seed = optional(entry, mistakes, value::number),
                "clients_max" => set(&mut config.clients_max, value::number(entry, mistakes)),
                "ring_slots" => set(&mut config.ring_slots, value::number(entry, mistakes)),
                "exchange_slots" => {
                    set(&mut config.exchange_slots, value::number(entry, mistakes));
                }
                "remember_keys" => set(&mut config.remember_keys, value::number(entry, mistakes)),
                "remember_for" => set(&mut config.remember_for, value::duration(entry, mistakes)),
                "remember_settled" => {
                    set(&mut config.remember_settled, value::number(entry, mistakes));
                }
                "holds_max" => set(&mut config.holds_max, value::number(entry, mistakes)),
                _ => unknown(
                    entry,
                    "[engine]",
                    &ENGINE_KEYS,
                    ("[wal]", &WAL_KEYS),
                    mistakes,
                ),
            }
        }
        self.entries.extend(entries);
    }

    pub(super) fn wal(&mut self, node: Node<'a>, mistakes: &mut Mistakes<'_>) {
        let config = &mut self.config;
        let entries = node.into_table("wal", mistakes);
        value::repeated_keys(&entries, mistakes);
        for entry in &entries {
            match entry.key.as_ref() {
                "storage" => set(&mut config.storage, value::choice(entry, mistakes)),
                "format" => set(&mut config.format, value::choice(entry, mistakes)),
                "durability" => set(&mut config.durability, value::choice(entry, mistakes)),
                "segment_bytes" => set(&mut config.segment_bytes, value::bytes(entry, mistakes)),
                "block_bytes" => {
                    let bytes = value::bytes(entry, mistakes);
                    let bytes = bytes.map(|bytes| usize::try_from(bytes).unwrap_or(usize::MAX));
                    set(&mut config.block_bytes, bytes);
                }
                "blocks_in_flight" => {
                    set(&mut config.blocks_in_flight, value::number(entry, mistakes));
                }
                "partial_blocks_in_flight" => {
                    let blocks = value::number(entry, mistakes);
                    set(&mut config.partial_blocks_in_flight, blocks);
                }
                "snapshot_records" => {
                    set(&mut config.snapshot_records, value::number(entry, mistakes));
                }
                "commit_delay" => set(&mut config.commit_delay, value::duration(entry, mistakes)),
                "commit_records" => set(&mut config.commit_records, value::number(entry, mistakes)),
                "archive_dir" => config.archive_dir = optional(entry, mistakes, directory),
                _ => unknown(
                    entry,
                    "[wal]",
                    &WAL_KEYS,
                    ("[engine]", &ENGINE_KEYS),
                    mistakes,
                ),
            }
        }
        self.entries.extend(entries);
    }

    /// Checks the bounds of all settings.
    pub(super) fn finish(self, mistakes: &mut Mistakes<'_>) -> Config {
        let place = |key| self.entries.iter().find(|entry| entry.key == key);
        for error in self.config.out_of_bounds() {
            let entry = place(error.key).or_else(|| match error.key {
                // The default does not go together with what the file says of the block.
                "segment_bytes" => place("block_bytes"),
                _ => None,
            });
            mistakes.add(entry.map(|entry| entry.node.at()), error);
        }
        self.config
    }
}

/// Leaves a setting as it was where its value had a mistake.
fn set<T>(setting: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *setting = value;
    }
}

/// A setting without a default takes JSON's `null` for "not set".
fn optional<T>(
    entry: &Entry<'_>,
    mistakes: &mut Mistakes<'_>,
    read: impl FnOnce(&Entry<'_>, &mut Mistakes<'_>) -> Option<T>,
) -> Option<T> {
    match entry.node.value {
        Value::Null => None,
        _ => read(entry, mistakes),
    }
}

fn directory(entry: &Entry<'_>, mistakes: &mut Mistakes<'_>) -> Option<PathBuf> {
    let text = value::text(entry, mistakes)?;
    if text.is_empty() || text.contains('\0') {
        mistakes.add(
            entry.node.at(),
            "archive_dir must name a directory; leave it out to delete retired segments",
        );
        return None;
    }
    Some(PathBuf::from(text))
}

fn unknown(
    entry: &Entry<'_>,
    place: &str,
    known: &[&str],
    (other, elsewhere): (&str, &[&str]),
    mistakes: &mut Mistakes<'_>,
) {
    let key = entry.key.as_ref();
    if elsewhere.contains(&key) {
        let message = format!("unknown key \"{key}\" in {place}; it belongs to {other}");
        mistakes.add(entry.at(), message);
    } else {
        unknown_key(entry, place, known, mistakes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::EXAMPLE;

    #[test]
    fn the_example_has_every_key() {
        for key in ENGINE_KEYS.iter().chain(&WAL_KEYS) {
            let stands = |line: &str| {
                let setting = line.trim_start_matches("# ");
                setting.starts_with(&format!("{key} = "))
            };
            assert!(EXAMPLE.lines().any(stands), "{key}");
        }
    }
}
