//! The pools of an engine by name and id. Read when a program starts, not when it draws.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, PoisonError, RwLock},
};

use crate::{
    pool::PoolDefinition,
    request::{PoolId, Request},
};

/// A registered pool: what to draw from, and what its items are called. Cheap to clone.
#[derive(Debug, Clone)]
pub struct PoolHandle {
    id: PoolId,
    definition: Arc<PoolDefinition>,
}

impl PoolHandle {
    /// What a request names it by.
    pub fn id(&self) -> PoolId {
        self.id
    }

    /// What was registered, with what was changed up to the moment when the handle was asked for.
    /// The items stand at their places; those that were retired have weight 0.
    pub fn definition(&self) -> &Arc<PoolDefinition> {
        &self.definition
    }
}

impl From<&PoolHandle> for Request {
    fn from(pool: &PoolHandle) -> Self {
        pool.id.into()
    }
}

#[derive(Debug, Default)]
pub(super) struct Catalogue(RwLock<Entries>);

#[derive(Debug, Default)]
struct Entries {
    by_name: BTreeMap<String, PoolHandle>,
    by_id: HashMap<PoolId, PoolHandle>,
}

impl Catalogue {
    pub(super) fn add(&self, id: PoolId, definition: Arc<PoolDefinition>) -> PoolHandle {
        let mut entries = self.0.write().unwrap_or_else(PoisonError::into_inner);
        // One definition is kept, however often the pool is registered.
        let handle = entries
            .by_id
            .entry(id)
            .or_insert_with(|| PoolHandle { id, definition })
            .clone();
        entries
            .by_name
            .entry(handle.definition.name.clone())
            .or_insert_with(|| handle.clone());
        handle
    }

    /// The pool of this id is another one now.
    pub(super) fn replace(&self, id: PoolId, definition: Arc<PoolDefinition>) -> PoolHandle {
        let mut entries = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let handle = PoolHandle { id, definition };
        let name = handle.definition.name.clone();
        entries.by_id.insert(id, handle.clone());
        entries.by_name.insert(name, handle.clone());
        handle
    }

    pub(super) fn by_name(&self, name: &str) -> Option<PoolHandle> {
        self.read(|entries| entries.by_name.get(name).cloned())
    }

    pub(super) fn by_id(&self, id: PoolId) -> Option<PoolHandle> {
        self.read(|entries| entries.by_id.get(&id).cloned())
    }

    pub(super) fn all(&self) -> Vec<PoolHandle> {
        self.read(|entries| entries.by_name.values().cloned().collect())
    }

    fn read<T>(&self, read: impl FnOnce(&Entries) -> T) -> T {
        read(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }
}
