//! One shard, made on its own thread from what was recovered.

use std::sync::Arc;

use super::Recovered;
use crate::{
    canary::{self, Canary},
    config::{Config, Durability, StorageKind},
    engine::{StorageFactory, spread::Standing},
    error::Error,
    machine::{Clock, Entropy, Progress, Task},
    ring::{MeshEnd, Reply},
    selector::Stream,
    shard::{
        Parts, Shard,
        control::ShardHandle,
        exchange::{Exchange, Message},
    },
    storage::{self, Opened, StorageOptions},
    sys,
    wal::{Wal, WalOptions},
};

/// What the caller may have put in the place of the system's.
#[derive(Clone)]
pub(super) struct Seams {
    pub(super) factory: Option<StorageFactory>,
    pub(super) clock: Clock,
    pub(super) entropy: Entropy,
}

/// What a shard's thread needs to begin.
pub(super) struct Plan {
    pub(super) index: usize,
    pub(super) handle: Arc<ShardHandle>,
    pub(super) peers: Vec<Arc<ShardHandle>>,
    pub(super) standing: Standing,
    pub(super) mesh: MeshEnd<Message>,
    pub(super) core: Option<core_affinity::CoreId>,
    pub(super) seed: u64,
    pub(super) config: Config,
    pub(super) seams: Seams,
    pub(super) keeps_log: bool,
}

/// Stands for a shard that could not be made.
struct NoShard;

impl Task for NoShard {
    fn step(&mut self) -> Progress {
        Progress::Done
    }

    fn rest(&mut self) {}
}

impl Plan {
    pub(super) fn task(
        self,
        recovered: Recovered,
        ready: Reply<Result<(), Error>>,
    ) -> Box<dyn Task> {
        match self.make(recovered) {
            Ok(shard) => {
                ready.send(Ok(()));
                Box::new(shard)
            }
            Err(error) => {
                ready.send(Err(error));
                Box::new(NoShard)
            }
        }
    }

    /// On the shard's own thread: an `io_uring` belongs to the thread that makes it.
    fn make(self, recovered: Recovered) -> Result<Shard, Error> {
        let Self {
            index,
            handle,
            peers,
            standing,
            mesh,
            core,
            seed,
            config,
            seams:
                Seams {
                    factory,
                    clock,
                    entropy,
                },
            keeps_log,
        } = self;
        handle.sleeper.moves_in();
        let pinned = core.is_some_and(sys::pin);
        if core.is_some() && !pinned {
            tracing::warn!(
                shard = index,
                "the shard's thread cannot be pinned to a core; it runs unpinned"
            );
        }
        let options = WalOptions {
            format: config.format,
            block_bytes: config.block_bytes,
            blocks_in_flight: config.blocks_in_flight,
            partial_blocks_in_flight: config.partial_blocks_in_flight,
            commit_delay: config.commit_delay,
            commit_records: config.commit_records,
            keeps_log,
        };
        let slots = options.slots();
        let storage_options = StorageOptions {
            durability: if canary::is_planted(Canary::SkipsFlushes) {
                Durability::Kernel
            } else {
                config.durability
            },
            slots,
            buffer_bytes: options.buffer_bytes(),
        };
        let opened = match factory {
            Some(factory) => factory(index, storage_options).map(|storage| Opened {
                storage,
                fallback: None,
            }),
            None if keeps_log => storage::open(config.storage, storage_options),
            None => storage::open(StorageKind::None, storage_options),
        };
        let Opened { storage, fallback } =
            opened.map_err(Error::io("open the storage of", format!("shard {index}")))?;
        if let Some(reason) = fallback.as_ref().filter(|_| index == 0) {
            tracing::warn!("{reason}");
        }
        let Recovered {
            identity,
            partition,
            position,
            supply,
            ..
        } = recovered;
        // Only the first use of a seed gives its own stream: reopening must not repeat it.
        let seed = seed.wrapping_add((position.next_seq - 1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let stream = Stream::for_shard(seed, index);
        let mut salts = Stream::for_shard(entropy.next()?, index);
        let salts = Box::new(move || {
            let is_new = !canary::is_planted(Canary::ReusesSalts);
            if is_new { salts.next_u64() } else { 4 }
        });
        let passed = clock.clone();
        let wal = Wal::new(storage, options, identity, position, supply, salts, passed)
            .map_err(Error::io("begin the log of", format!("shard {index}")))?;
        let mut partition = partition.with_selector();
        let exchange = Exchange::new(
            index,
            mesh,
            peers,
            &mut partition,
            &standing.received,
            &standing.gone,
        );
        Ok(Shard::new(Parts {
            index,
            handle,
            partition,
            stream,
            wal,
            exchange,
            slots,
            clients_max: config.clients_max,
            holds_max: config.holds_max,
            clock,
            answers_at_once: config.durability == Durability::Memory,
            storage_fallback: fallback,
            pinned,
        }))
    }
}
