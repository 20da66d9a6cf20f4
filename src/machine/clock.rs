//! The time of day, and the time that passes.

use std::{
    fmt,
    sync::{Arc, OnceLock},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

/// Tells the time of day, in milliseconds since 1970. It decides when a window opens, a hold ends
/// and a key is forgotten, and stands in the records of those; plain draws never ask for it.
///
/// A clock that goes back does no harm: a shard's records never do.
#[derive(Clone)]
pub struct Clock {
    now_ms: Arc<dyn Fn() -> u64 + Send + Sync>,
    /// Whether the time that passes is that of the day.
    is_whole: bool,
}

impl Clock {
    /// The operating system's.
    pub fn system() -> Self {
        Self::new(|| {
            let since = SystemTime::now().duration_since(UNIX_EPOCH);
            since.map_or(0, |since| {
                u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
            })
        })
    }

    /// One of the caller's: for tests and simulations. It is asked on the shards' threads, and must
    /// not block. How long something takes is still measured by the system's clock.
    pub fn new(now_ms: impl Fn() -> u64 + Send + Sync + 'static) -> Self {
        Self {
            now_ms: Arc::new(now_ms),
            is_whole: false,
        }
    }

    /// One of the caller's, by which it is also measured how long something takes: no time passes
    /// but by it. It must not go back.
    pub fn simulated(now_ms: impl Fn() -> u64 + Send + Sync + 'static) -> Self {
        Self {
            is_whole: true,
            ..Self::new(now_ms)
        }
    }

    /// Milliseconds since 1970.
    pub fn now_ms(&self) -> u64 {
        (self.now_ms)()
    }

    /// The time since some moment in the past. It never goes back.
    pub(crate) fn passed(&self) -> Duration {
        static BEGINNING: OnceLock<Instant> = OnceLock::new();
        if self.is_whole {
            Duration::from_millis(self.now_ms())
        } else {
            BEGINNING.get_or_init(Instant::now).elapsed()
        }
    }

    /// How much time has passed since [`passed`](Self::passed) told `then`.
    pub(crate) fn passed_since(&self, then: Duration) -> Duration {
        self.passed().saturating_sub(then)
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::system()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Clock").field(&self.now_ms()).finish()
    }
}
