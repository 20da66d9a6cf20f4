//! What several parts of an engine have of one pool, once.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use super::PoolDefinition;

/// The definitions of an engine's pools. Shards and housekeeper read them from their logs, each for
/// itself; here they find that somebody has the same one already, and keep that.
///
/// Whoever has a definition that is here knows that it has no mistakes.
#[derive(Debug, Clone, Default)]
pub(crate) struct Definitions(Arc<Mutex<HashMap<String, Weak<PoolDefinition>>>>);

impl Definitions {
    /// The definition that is the same as this one, if there is one.
    pub(crate) fn find(&self, like: &PoolDefinition) -> Option<Arc<PoolDefinition>> {
        let known = self.known().get(&like.name)?.upgrade()?;
        (*known == *like).then_some(known)
    }

    /// The one that everybody has of this, which was validated: itself, if it is the first, or there
    /// is another of its name.
    pub(crate) fn share(&self, definition: &Arc<PoolDefinition>) -> Arc<PoolDefinition> {
        let mut known = self.known();
        match known.get(&definition.name).and_then(Weak::upgrade) {
            Some(known) if known == *definition => return known,
            Some(_) => {}
            None => {
                known.insert(definition.name.clone(), Arc::downgrade(definition));
            }
        }
        Arc::clone(definition)
    }

    fn known(&self) -> MutexGuard<'_, HashMap<String, Weak<PoolDefinition>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is shared with whom is no state.
impl PartialEq for Definitions {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Definitions {}
