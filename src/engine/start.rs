//! Opening: lock, examine, repair, prepare, and start the threads.

mod shard;

use std::sync::{Arc, Mutex};

use self::shard::{Plan, Seams};
use super::{Engine, EngineBuilder, catalogue::Catalogue, spread};
use crate::{
    config::{Config, Durability, StorageKind},
    error::Error,
    housekeeper::{Housekeeper, HousekeeperHandle, Keeping, KeepingOptions, make_archive},
    machine::{Clock, Directory, Entropy, Lock, Task},
    pool::{Definitions, home_shard},
    recovery::{self, Depth, Meta, ShardState, shard_directory},
    request::{PoolId, RequestIdSource},
    ring::{Places, Sleeper, mesh, reply},
    shard::{
        control::{Control, ShardHandle},
        desk::Job,
        partition::{CountsOnly, Partition},
    },
    snapshot::Covered,
    sys,
    wal::{
        Position,
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
        entropy,
        tasks,
    } = builder;
    let durable = directory.filter(|_| config.storage != StorageKind::None || factory.is_some());
    let definitions = Definitions::default();
    let (lock, recovered, requests_upto) = match &durable {
        Some(directory) => recover(directory, &mut config, &clock, &entropy, &definitions)?,
        None => (None, fresh(&mut config, &definitions), 1),
    };
    let seed = config.seed.map_or_else(|| entropy.next(), Ok)?;
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
    let places = Places::new(config.clients_max);
    let ids = Arc::new(RequestIdSource::new(requests_upto));
    let mut engine = Engine {
        shards: Vec::new(),
        tasks,
        running: Vec::new(),
        housekeeper: None,
        catalogue,
        definitions,
        ids,
        places,
        _lock: lock.map(super::HeldLock),
        directory: durable.clone(),
        editing: Mutex::default(),
        config,
    };
    // What was started is ended by the drop of the half-started engine.
    let keepings = start_shards(
        &mut engine,
        recovered,
        seed,
        &Seams {
            factory,
            clock,
            entropy,
        },
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
    seams: &Seams,
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
            seams: seams.clone(),
            keeps_log: durable,
        };
        let (ready, is_ready) = reply();
        let name = format!("tombola-{index}");
        let task = move || plan.task(recovered, ready);
        let running = engine.tasks.start(name.clone(), Box::new(task));
        engine
            .running
            .push(running.map_err(Error::io("start the task", name))?);
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
    let name = "tombola-keeper";
    let task = || -> Box<dyn Task> { Box::new(housekeeper.moves_in()) };
    let running = engine.tasks.start(name.into(), Box::new(task));
    let running = running.map_err(Error::io("start the task", name))?;
    engine.housekeeper = Some((handle, running));
    Ok(())
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
fn fresh(config: &mut Config, definitions: &Definitions) -> Vec<Recovered> {
    let shards = *config.shards.get_or_insert_with(default_shards);
    let identity = |shard| Identity {
        engine: 0,
        shard: shard as u32,
        shards: shards as u32,
    };
    (0..shards)
        .map(|shard| Recovered {
            identity: identity(shard),
            partition: Partition::default()
                .on_shard(shard as u32, shards as u32)
                .sharing(definitions),
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

type Found = (Option<Lock>, Vec<Recovered>, u64);

/// A verdict over everything that is there, then the changes it needs.
fn recover(
    directory: &Directory,
    config: &mut Config,
    clock: &Clock,
    entropy: &Entropy,
    definitions: &Definitions,
) -> Result<Found, Error> {
    directory.create()?;
    let lock = directory.lock()?;
    let wanted = config.shards.unwrap_or_else(default_shards);
    let engine_id = || Ok((u128::from(entropy.next()?) << 64) | u128::from(entropy.next()?));
    let meta = Meta::read_or_create(directory, wanted, engine_id)?;
    if let Some(asked) = config.shards.filter(|asked| *asked != meta.shards) {
        return Err(Error::ShardCount {
            path: directory.path().into(),
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
    if let Some(archive) = &config.archive_dir {
        make_archive(&directory.at(archive), meta.shards)?;
    }
    let recovered = recovery::each(directory, examination.shards, |mut state| {
        state.partition = state.partition.sharing(definitions);
        let identity = meta.identity(state.shard);
        let inner = shard_directory(directory, state.shard);
        recover_shard(&inner, identity, state, config, clock)
    });
    Ok((Some(lock), recovered?, requests_upto))
}

fn recover_shard(
    directory: &Directory,
    identity: Identity,
    state: ShardState,
    config: &Config,
    clock: &Clock,
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
        directory: directory.clone(),
        archive: config.archive_dir.as_ref().map(|path| directory.at(path)),
        clock: clock.clone(),
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
