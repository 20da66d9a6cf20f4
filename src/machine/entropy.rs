//! Random bits.

use std::{fmt, path::PathBuf, sync::Arc};

use crate::error::Error;

/// Where an engine's id, the salts of its segments and, without a
/// [`seed`](crate::EngineBuilder::seed), its random streams come from.
#[derive(Clone, Default)]
pub struct Entropy(Option<Arc<dyn Fn() -> u64 + Send + Sync>>);

impl Entropy {
    /// The operating system's, which is also the default.
    pub fn system() -> Self {
        Self(None)
    }

    /// The caller's, for simulations. What it gives must not come again within one data directory.
    pub fn new(next: impl Fn() -> u64 + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(next)))
    }

    pub(crate) fn next(&self) -> Result<u64, Error> {
        match &self.0 {
            Some(next) => Ok(next()),
            None => getrandom::u64().map_err(|error| {
                let path = PathBuf::from("the operating system");
                Error::io("read random bytes from", path)(std::io::Error::other(error))
            }),
        }
    }
}

impl fmt::Debug for Entropy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whose = self.0.as_ref().map_or("system", |_| "the caller's");
        f.debug_tuple("Entropy").field(&whose).finish()
    }
}
