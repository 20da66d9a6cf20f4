//! Changes to a pool that is registered.

use std::collections::BTreeMap;

use bincode::{Decode, Encode};

use super::{Misfit, Partition, Pool, pool::UNLIMITED, unknown_pool};
use crate::{
    pool::{ChangeError, ITEMS_MAX, ItemDefinition, PoolChange, PoolDefinition, PoolError},
    selector::Selector,
    wal::record::ChangedPart,
};

/// The parts of a change that have come so far.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(super) struct Changing {
    pub(super) pool: u32,
    pub(super) changes: Vec<PoolChange<u32>>,
}

impl<S: Selector> Partition<S> {
    /// Whether these changes can be made to a pool, all of them.
    pub(crate) fn check_changes(
        &self,
        pool: u32,
        changes: &[PoolChange<u32>],
    ) -> Result<(), ChangeError> {
        self.pools
            .get(pool as usize)
            .filter(|pool| pool.is_registered())
            .ok_or(ChangeError::UnknownPool)?
            .check(changes)
    }

    pub(super) fn apply_changed(&mut self, part: &ChangedPart) -> Result<(), Misfit> {
        let misfit = |error: ChangeError| Misfit(error.to_string());
        if part.is_first && part.is_last {
            self.check_changes(part.pool, &part.changes)
                .map_err(misfit)?;
            self.changing = None;
            self.change(part.pool, part.changes.clone())?;
            return Ok(());
        }
        if part.is_first {
            self.changing = Some(Changing {
                pool: part.pool,
                changes: part.changes.clone(),
            });
            return Ok(());
        }
        let Some(changing) = self
            .changing
            .as_mut()
            .filter(|other| other.pool == part.pool)
        else {
            return Err(Misfit(format!(
                "a part of a change to pool {} without the parts before it",
                part.pool
            )));
        };
        changing.changes.extend_from_slice(&part.changes);
        if part.is_last
            && let Some(Changing { pool, changes }) = self.changing.take()
        {
            self.check_changes(pool, &changes).map_err(misfit)?;
            self.change(pool, changes)?;
        }
        Ok(())
    }

    fn change(&mut self, pool: u32, changes: Vec<PoolChange<u32>>) -> Result<(), Misfit> {
        let pool = self
            .pools
            .get_mut(pool as usize)
            .ok_or_else(|| unknown_pool(pool))?;
        if let Some(spread) = &mut pool.spread {
            spread.changes += 1;
            if spread.is_home() {
                spread.last_change.clone_from(&changes);
            }
        }
        for change in changes {
            pool.change(change);
        }
        Ok(())
    }
}

impl<S: Selector> Pool<S> {
    fn check(&self, changes: &[PoolChange<u32>]) -> Result<(), ChangeError> {
        let pool = || self.definition.name.clone();
        // What the changes so far would have made of the items they touch.
        let mut touched: BTreeMap<u32, Touched> = BTreeMap::new();
        let mut total = u128::from(self.weight_total);
        let mut items = self.remaining.len();
        for change in changes {
            match change {
                PoolChange::Restock { item, .. }
                | PoolChange::Weight { item, .. }
                | PoolChange::Retire { item } => {
                    let state = match touched.get(item) {
                        Some(state) => *state,
                        None => self.touch(*item)?,
                    };
                    let id = || self.named(*item, changes);
                    if state.is_retired {
                        return Err(ChangeError::Retired {
                            pool: pool(),
                            item: id(),
                        });
                    }
                    let after = match change {
                        PoolChange::Restock { units, .. } => {
                            let Some(stock) = state.stock else {
                                return Err(ChangeError::Unlimited {
                                    pool: pool(),
                                    item: id(),
                                });
                            };
                            let stock = stock
                                .checked_add(*units)
                                .filter(|stock| *stock < UNLIMITED)
                                .ok_or_else(|| ChangeError::TooMuchStock {
                                    pool: pool(),
                                    item: id(),
                                })?;
                            Touched {
                                stock: Some(stock),
                                ..state
                            }
                        }
                        PoolChange::Weight { weight, .. } => Touched {
                            weight: *weight,
                            ..state
                        },
                        _ => Touched {
                            weight: 0,
                            is_retired: true,
                            ..state
                        },
                    };
                    total = total - u128::from(state.weight) + u128::from(after.weight);
                    touched.insert(*item, after);
                }
                PoolChange::Add { item } => {
                    // What one item of its own would be refused for, its weight apart.
                    let alone = PoolDefinition::new("p").item(&*item.id, 1, 1);
                    alone.validate()?;
                    if item.stock == Some(UNLIMITED) {
                        return Err(PoolError::Stock {
                            pool: pool(),
                            item: item.id.clone(),
                        }
                        .into());
                    }
                    touched.insert(items as u32, Touched::of(item));
                    items += 1;
                    total += u128::from(item.weight);
                }
                PoolChange::Open | PoolChange::Close => {}
                PoolChange::Window {
                    opens_at_ms,
                    closes_at_ms,
                } => {
                    if let (Some(opens), Some(closes)) = (opens_at_ms, closes_at_ms)
                        && closes <= opens
                    {
                        return Err(ChangeError::Window { pool: pool() });
                    }
                }
            }
            // After every one of them: they are made one by one.
            if total > u128::from(u64::MAX) {
                return Err(PoolError::WeightOverflow { pool: pool() }.into());
            }
        }
        if total == 0 {
            return Err(PoolError::ZeroWeight { pool: pool() }.into());
        }
        if items > ITEMS_MAX {
            let pool = pool();
            return Err(PoolError::TooManyItems { pool, items }.into());
        }
        Ok(())
    }

    fn touch(&self, item: u32) -> Result<Touched, ChangeError> {
        let at = item as usize;
        if at >= self.remaining.len() {
            return Err(ChangeError::UnknownItem {
                pool: self.definition.name.clone(),
                item: format!("number {item}"),
            });
        }
        let extra = self.extras.get(&item).copied().unwrap_or_default();
        let initial = self.item_definition(at).stock;
        Ok(Touched {
            weight: self.weights.at(at),
            // What comes back is counted in as well, so that no sum of it can be too large.
            stock: initial.map(|initial| initial + extra.restocked),
            is_retired: extra.is_retired,
        })
    }

    fn named(&self, item: u32, changes: &[PoolChange<u32>]) -> String {
        let at = item as usize;
        if at < self.remaining.len() {
            return self.item_definition(at).id.to_owned();
        }
        let mut added = changes.iter().filter_map(|change| match change {
            PoolChange::Add { item } => Some(&item.id),
            _ => None,
        });
        added
            .nth(at - self.remaining.len())
            .cloned()
            .unwrap_or_default()
    }

    fn change(&mut self, change: PoolChange<u32>) {
        match change {
            PoolChange::Restock { item, units } => {
                self.extra(item).restocked += units;
                self.put_back(item, units);
                if self.spread.is_some() {
                    // On a shard that is not the pool's home, the units have come in over there.
                    self.set_gone(item as usize, false);
                }
            }
            PoolChange::Weight { item, weight } => self.set_weight(item as usize, weight),
            PoolChange::Retire { item } => {
                self.set_weight(item as usize, 0);
                self.extra(item).is_retired = true;
            }
            PoolChange::Add { item } => self.add(&item),
            PoolChange::Open => self.gate.is_open = true,
            PoolChange::Close => self.gate.is_open = false,
            PoolChange::Window {
                opens_at_ms,
                closes_at_ms,
            } => {
                self.gate.opens_at_ms = opens_at_ms;
                self.gate.closes_at_ms = closes_at_ms;
            }
        }
        self.update_ready();
    }
}

/// An item as the changes before leave it.
#[derive(Debug, Clone, Copy)]
struct Touched {
    weight: u64,
    stock: Option<u64>,
    is_retired: bool,
}

impl Touched {
    fn of(item: &ItemDefinition) -> Self {
        Self {
            weight: item.weight,
            stock: item.stock,
            is_retired: false,
        }
    }
}
