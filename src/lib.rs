//! Tombola hands out rewards from pools of finite stock: loot, gacha banners, raffles, coupons.
//!
//! A draw picks an item that is still in stock with probability proportional to its weight, takes
//! one unit, writes that to a log, and only then answers. It runs inside the program that uses it.
//!
//! **What it is not:** no server (there is a `tombola` command beside it), no database (it knows
//! pools and draws, nothing else), and its random numbers are no secrets (xoshiro256++, a fast
//! generator that can be predicted from its outputs).
//!
//! # A tour
//!
//! ```
//! use std::time::Duration;
//! use tombola::{Engine, Outcome, PoolDefinition, Request};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let directory = tempfile::tempdir()?;
//! # let path = directory.path().join("rewards");
//! // An engine owns a data directory. What was acknowledged there before is there again.
//! let engine = Engine::builder(&path).shards(1).open()?;
//!
//! // Registering a pool is durable, and doing it again changes nothing.
//! let banner = PoolDefinition::new("banner").item("gold", 10, 100).unlimited("dust", 90);
//! let banner = engine.register(banner)?;
//!
//! // One client for each thread. The simple way: draw and wait.
//! let mut client = engine.client()?;
//! let won = client.draw(&banner, Duration::from_secs(5))?;
//! println!("request {} won {:?}", won.request, engine.item_id(&won));
//!
//! // The fast way: submit many, poll what has become durable.
//! let batch = [Request::from(&banner); 100];
//! let ids = client.submit_batch(&batch)?;
//! let mut answered = 0;
//! while answered < ids.count {
//!     answered += client.poll_with(|completion| {
//!         assert!(matches!(completion.outcome, Outcome::Item(_)));
//!     })?;
//! }
//!
//! // Drains, seals the log and makes a snapshot. Dropping the engine is as safe as a crash.
//! engine.shutdown()?;
//!
//! // Every draw above was durable before it was answered.
//! let state = tombola::recovery::examine(&path, tombola::recovery::Depth::Everything)?;
//! let drawn: u64 = state.pools()[0].items().map(|item| item.drawn).sum();
//! assert_eq!(drawn, 101);
//! # Ok(())
//! # }
//! ```
//!
//! # Guarantees
//!
//! - A completion is given only when its record is as durable as [`Durability`] asks for.
//! - What was acknowledged is recovered, as far as the level reaches; what is recovered was
//!   submitted. Sequence numbers are contiguous in each shard; request ids are never used again
//!   unless a power cut takes what a lower level than `device` left to the kernel.
//! - For every item: initial stock + restocked + voided = drawn + remaining + held, across any crash.
//! - An item is chosen from what is in stock at that moment with probability exactly weight over
//!   total weight: integer weights, unbiased random numbers.
//! - After the first failed write or flush a shard stops, and says so.
//! - Damage to what may have been acknowledged is refused with its place; no file is changed.
//!
//! # The rooms
//!
//! From the top: `engine` opens, steers and closes; `client` is the caller's end; [`recovery`]
//! reads logs back; `housekeeper` prepares segments and makes snapshots; [`shard`] is the loop that
//! draws; `snapshot`, [`wal`], [`selector`], [`storage`] and `ring` are what it is made of. A module
//! imports only from those below it.

#[doc(hidden)]
pub mod canary;
pub mod client;
pub mod config;
pub mod engine;
pub mod error;
mod housekeeper;
pub mod machine;
pub mod pool;
pub mod recovery;
pub mod request;
pub mod ring;
pub mod selector;
pub mod shard;
mod snapshot;
pub mod stats;
pub mod storage;
mod sync;
mod sys;
pub mod wal;

pub use client::{
    Client,
    future::{AsyncClient, AsyncDrawError, DrawFuture},
};
pub use config::{Config, ConfigFile, Durability, Idle, LogFormat, StorageKind};
pub use engine::{Engine, EngineBuilder, PoolHandle, RequestRef};
pub use error::{DrawError, Error, Finding, FindingKind, SettleError, Stopped, SubmitError};
pub use machine::Clock;
pub use pool::{
    ChangeError, ItemDefinition, Items, OnExhausted, Placement, PoolChange, PoolDefinition,
    PoolError, Unchangeable,
};
pub use request::{
    COUNT_MAX, Completion, Outcome, PoolId, Refusal, Request, RequestId, RequestIds,
};
pub use shard::partition::{ItemOdds, Odds};
pub use stats::{HousekeeperStats, ShardStats, Stats};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
