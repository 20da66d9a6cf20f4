//! Opening: lock, examine, repair, prepare, and start the threads.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    thread::{self, JoinHandle},
};

use crossbeam_queue::ArrayQueue;

use super::{
    Engine, EngineBuilder, StorageFactory,
    catalogue::Catalogue,
    spread::{self, Standing},
};
use crate::{
    config::{Config, Durability, StorageKind},
    error::Error,
    housekeeper::{Housekeeper, HousekeeperHandle, Keeping, KeepingOptions},
    pool::home_shard,
    recovery::{self, Depth, Meta, ShardState, shard_path},
    request::{PoolId, RequestIdSource},
    ring::{MeshEnd, Reply, Sleeper, mesh, reply},
    selector::Stream,
    shard::{
        Parts, Shard,
        control::{Control, ShardHandle},
        desk::Job,
        exchange::{Exchange, Message},
        partition::{CountsOnly, Partition},
    },
    snapshot::Covered,
    storage::{self, Opened, StorageOptions},
    sys::{self, Clock, DirectoryLock},
    wal::{
        Position, Wal, WalOptions,
        record::Remember,
        segment::{self, Identity, Making, PreparedSegment, SegmentSupply},
    },
};

/// A shard that was recovered and is not started yet.
struct Recovered {
    identity: Identity,
    partition: Partition<CountsOnly>,
    position: Position,
    supply: Arc<SegmentSupply>,
    keeping: Option<Keeping>,
}

pub(super) fn start(builder: EngineBuilder) -> Result<Engine, Error> {
    let EngineBuilder {
        directory,
        mut config,
        factory,
        clock,
    } = builder;
    let durable = directory.filter(|_| config.storage != StorageKind::None || factory.is_some());
    let (lock, recovered, requests_upto) = match &durable {
        Some(directory) => recover(directory, &mut config)?,
        None => (None, fresh(&mut config), 1),
    };
    let seed = config.seed.map_or_else(sys::random_u64, Ok)?;
    let catalogue = Catalogue::default();
    let partitions: Vec<_> = recovered.iter().map(|shard| &shard.partition).collect();
    let unfinished = spread::missed_registrations(&partitions);
    for (shard, partition) in partitions.iter().enumerate() {
        for (place, pool) in partition
            .pools()
            .iter()
            .enumerate()
            .filter(|(_, pool)| pool.is_registered() && pool.spread().is_none())
        {
            catalogue.add(PoolId::new(shard, place as u32), pool.described());
        }
    }
    for (id, definition) in spread::whole_pools(&partitions) {
        catalogue.add(id, definition);
    }
    let behind = spread::missed_changes(&partitions);
    let places = Arc::new(ArrayQueue::new(config.clients_max));
    for place in 0..config.clients_max {
        let _ = places.push(place);
    }
    let ids = Arc::new(RequestIdSource::new(requests_upto));
    let mut engine = Engine {
        shards: Vec::new(),
        threads: Vec::new(),
        housekeeper: None,
        catalogue,
        ids,
        places,
        _lock: lock,
        directory: durable.clone(),
        editing: Mutex::default(),
        config,
    };
    // What was started is ended by the drop of the half-started engine.
    let keepings = start_shards(
        &mut engine,
        recovered,
        seed,
        factory.as_ref(),
        &clock,
        durable.is_some(),
    )?;
    set_memory(&engine)?;
    for (shard, place, definition) in unfinished {
        let home = home_shard(&definition.name, engine.shards.len());
        engine.register_part(shard, place, Arc::clone(&definition))?;
        engine
            .catalogue
            .add(PoolId::on_all_shards(home, place), definition);
    }
    for (shard, pool, changes) in behind {
        engine.change_part(shard, pool, &changes)?;
    }
    // Before the housekeeper: from then on it is the one that reserves.
    reserve_ids(&engine, durable.is_some())?;
    if durable.is_some() {
        start_housekeeper(&mut engine, keepings)?;
    }
    Ok(engine)
}

fn start_shards(
    engine: &mut Engine,
    recovered: Vec<Recovered>,
    seed: u64,
    factory: Option<&StorageFactory>,
    clock: &Clock,
    durable: bool,
) -> Result<Vec<Keeping>, Error> {
    // Asked once, before the first thread is pinned.
    let cores = if engine.config.pin && sys::cores() > 1 {
        sys::core_ids()
    } else {
        Vec::new()
    };
    let mut keepings = Vec::new();
    let mut started = Vec::new();
    let handles: Vec<_> = (0..recovered.len())
        .map(|_| Arc::new(ShardHandle::new(Sleeper::new(engine.config.idle))))
        .collect();
    let standings = spread::standings(recovered.iter().map(|shard| &shard.partition));
    let ends = mesh(recovered.len(), engine.config.exchange_slots);
    let shards = recovered.into_iter().zip(standings).zip(ends);
    for (index, ((mut recovered, standing), mesh)) in shards.enumerate() {
        keepings.extend(recovered.keeping.take());
        let handle = Arc::clone(&handles[index]);
        let core = (!cores.is_empty()).then(|| cores[cores.len() - 1 - index % cores.len()]);
        let plan = Plan {
            index,
            handle: Arc::clone(&handle),
            peers: handles.clone(),
            standing,
            mesh,
            core,
            seed,
            config: engine.config.clone(),
            factory: factory.cloned(),
            clock: clock.clone(),
            keeps_log: durable,
        };
        let (ready, is_ready) = reply();
        engine
            .threads
            .push(spawn(format!("tombola-{index}"), move || {
                plan.run(recovered, ready);
            })?);
        engine.shards.push(handle);
        started.push(is_ready);
    }
    for (shard, answer) in started.into_iter().enumerate() {
        engine.wait(shard, "start a shard", answer)??;
    }
    Ok(keepings)
}

fn start_housekeeper(engine: &mut Engine, keepings: Vec<Keeping>) -> Result<(), Error> {
    let handle = Arc::new(HousekeeperHandle::new());
    let ids = Arc::clone(&engine.ids);
    let reserver = Arc::clone(&engine.shards[0]);
    let housekeeper = Housekeeper::new(Arc::clone(&handle), keepings, ids, reserver);
    let thread = spawn("tombola-keeper".into(), || housekeeper.run())?;
    engine.housekeeper = Some((handle, thread));
    Ok(())
}

fn spawn(name: String, run: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, Error> {
    let path = PathBuf::from(&name);
    thread::Builder::new()
        .name(name)
        .spawn(run)
        .map_err(Error::io("start the thread", path))
}

/// Tells every shard how much it is to remember. It stands in the log, so that replay forgets what
/// the shard forgot.
fn set_memory(engine: &Engine) -> Result<(), Error> {
    let config = &engine.config;
    let remember = Remember {
        keys: config.remember_keys as u64,
        keys_for_ms: u64::try_from(config.remember_for.as_millis()).unwrap_or(u64::MAX),
        settled: config.remember_settled as u64,
    };
    (0..engine.shards.len()).try_for_each(|shard| {
        engine.ask(shard, "set what is remembered", |reply| {
            Control::Do(Job::Remember { remember, reply })
        })
    })
}

/// Reserves the first request ids, so that none is ever given twice.
fn reserve_ids(engine: &Engine, durable: bool) -> Result<(), Error> {
    let upto = engine.ids.wants_more().expect("nothing is reserved yet");
    engine.ask(0, "reserve request ids", |reply| {
        Control::Do(Job::Reserve { upto, reply })
    })?;
    engine.ids.allow(if durable { upto } else { u64::MAX });
    Ok(())
}

/// Shards of an engine in memory.
fn fresh(config: &mut Config) -> Vec<Recovered> {
    let shards = *config.shards.get_or_insert_with(default_shards);
    let identity = |shard| Identity {
        engine: 0,
        shard: shard as u32,
        shards: shards as u32,
    };
    (0..shards)
        .map(|shard| Recovered {
            identity: identity(shard),
            partition: Partition::default().on_shard(shard as u32, shards as u32),
            position: Position {
                next_seq: 1,
                chain: 0,
            },
            supply: Arc::new(SegmentSupply::new(0)),
            keeping: None,
        })
        .collect()
}

/// The cores there are, less one for the caller, at least 1.
fn default_shards() -> usize {
    (sys::cores() - 1).clamp(1, PoolId::SHARDS_MAX)
}

type Found = (Option<DirectoryLock>, Vec<Recovered>, u64);

/// A verdict over everything that is there, then the changes it needs.
fn recover(directory: &Path, config: &mut Config) -> Result<Found, Error> {
    sys::create_directory(directory)?;
    let lock = DirectoryLock::take(directory)?;
    let wanted = config.shards.unwrap_or_else(default_shards);
    let engine_id = || Ok((u128::from(sys::random_u64()?) << 64) | u128::from(sys::random_u64()?));
    let meta = Meta::read_or_create(directory, wanted, engine_id)?;
    if let Some(asked) = config.shards.filter(|asked| *asked != meta.shards) {
        return Err(Error::ShardCount {
            path: directory.into(),
            found: meta.shards,
            asked,
        });
    }
    config.shards = Some(meta.shards);
    let examination = recovery::examine_once(directory, Depth::Needed)?;
    for finding in examination.findings().filter(|finding| finding.recoverable) {
        tracing::warn!("recovered in spite of damage: {finding}");
    }
    let examination = examination.into_verdict(directory)?;
    let requests_upto = examination.requests_upto();
    let config = &*config;
    let recovered: Result<Vec<Recovered>, Error> = thread::scope(|scope| {
        let threads: Vec<_> = examination
            .shards
            .into_iter()
            .map(|state| {
                let identity = meta.identity(state.shard);
                scope.spawn(move || {
                    recover_shard(&shard_path(directory, state.shard), identity, state, config)
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().expect("repairing a shard does not panic"))
            .collect()
    });
    Ok((Some(lock), recovered?, requests_upto))
}

fn recover_shard(
    directory: &Path,
    identity: Identity,
    state: ShardState,
    config: &Config,
) -> Result<Recovered, Error> {
    let repaired = recovery::repair(directory, &state)?;
    let ShardState {
        partition,
        next_seq,
        snapshot_seq,
        snapshot_segment,
        ..
    } = state;
    let number = repaired.last_segment + 1;
    let making = Making {
        bytes: config.segment_bytes,
        format: config.format,
        past_cache: config.durability == Durability::Device && config.storage != StorageKind::Mmap,
    };
    // The first segment is made here, so that a full disk is told to whoever opens.
    let path = segment::prepare(directory, number, making)?;
    let supply = Arc::new(SegmentSupply::new(repaired.last_segment));
    let _ = supply.prepared.push(PreparedSegment {
        number,
        path,
        bytes: making.bytes,
    });
    let options = KeepingOptions {
        directory: directory.to_path_buf(),
        archive: config.archive_dir.clone(),
        identity,
        making,
        snapshot_records: config.snapshot_records,
    };
    let covered = Covered {
        segment: repaired.last_segment,
        next_seq,
        chain: repaired.chain,
    };
    let snapshot = Covered {
        segment: snapshot_segment,
        next_seq: snapshot_seq + 1,
        chain: 0,
    };
    let keeping = Keeping::new(
        options,
        Arc::clone(&supply),
        partition.clone(),
        covered,
        snapshot,
        number + 1,
    );
    let position = Position {
        next_seq,
        chain: repaired.chain,
    };
    Ok(Recovered {
        identity,
        partition,
        position,
        supply,
        keeping: Some(keeping),
    })
}

/// What a shard's thread needs to begin.
struct Plan {
    index: usize,
    handle: Arc<ShardHandle>,
    peers: Vec<Arc<ShardHandle>>,
    standing: Standing,
    mesh: MeshEnd<Message>,
    core: Option<core_affinity::CoreId>,
    seed: u64,
    config: Config,
    factory: Option<StorageFactory>,
    clock: Clock,
    keeps_log: bool,
}

impl Plan {
    fn run(self, recovered: Recovered, ready: Reply<Result<(), Error>>) {
        match self.make(recovered) {
            Ok(shard) => {
                ready.send(Ok(()));
                shard.run();
            }
            Err(error) => ready.send(Err(error)),
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
            factory,
            clock,
            keeps_log,
        } = self;
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
            commit_delay: config.commit_delay,
            commit_records: config.commit_records,
            keeps_log,
        };
        let slots = options.slots();
        let storage_options = StorageOptions {
            durability: config.durability,
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
        let mut salts = Stream::for_shard(sys::random_u64()?, index);
        let salts = Box::new(move || salts.next_u64());
        let wal = Wal::new(storage, options, identity, position, supply, salts)
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
