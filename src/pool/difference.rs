//! In what two pools differ, and what has to be changed so that one becomes the other.

use std::collections::{HashMap, HashSet};

use super::{ItemDefinition, OnExhausted, Placement, PoolChange, PoolDefinition};

/// Why a pool cannot become as it is wanted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unchangeable {
    /// What happens to the weight of an item that ran out is fixed.
    #[error(
        "pool \"{pool}\" has on_exhausted {}, which cannot become {}; register a pool with another name",
        current.name(),
        wanted.name()
    )]
    OnExhausted {
        /// The pool.
        pool: String,
        /// What it has.
        current: OnExhausted,
        /// What was wanted.
        wanted: OnExhausted,
    },
    /// Where a pool lives is fixed.
    #[error(
        "pool \"{pool}\" has the placement {}, which cannot become {}; register a pool with another name",
        current.name(),
        wanted.name()
    )]
    Placement {
        /// The pool.
        pool: String,
        /// What it has.
        current: Placement,
        /// What was wanted.
        wanted: Placement,
    },
    /// Units that came in may have been handed out, so the stock cannot shrink.
    #[error(
        "item \"{item}\" of pool \"{pool}\" got {current} units so far, more than the {wanted} wanted; to stop it, give it the weight 0 or leave it out"
    )]
    FewerUnits {
        /// The pool.
        pool: String,
        /// The item.
        item: String,
        /// The units that it was registered with and that came in later.
        current: u64,
        /// The stock that was wanted.
        wanted: u64,
    },
    /// A stock cannot become unlimited, nor the other way round.
    #[error(
        "item \"{item}\" of pool \"{pool}\" cannot change between a stock and unlimited stock; leave it out, and add an item with another id"
    )]
    Unlimited {
        /// The pool.
        pool: String,
        /// The item.
        item: String,
    },
    /// Retired items stay so.
    #[error("item \"{item}\" of pool \"{pool}\" is retired; add an item with another id")]
    Retired {
        /// The pool.
        pool: String,
        /// The item.
        item: String,
    },
}

impl PoolDefinition {
    /// The first thing in which another definition differs, in words; `None` if they are the same.
    /// The order of the items says nothing.
    pub fn difference(&self, other: &Self) -> Option<String> {
        if self.on_exhausted != other.on_exhausted {
            return Some(format!(
                "on_exhausted is {}, not {}",
                self.on_exhausted.name(),
                other.on_exhausted.name()
            ));
        }
        if self.placement != other.placement {
            return Some(format!(
                "its placement is {}, not {}",
                self.placement.name(),
                other.placement.name()
            ));
        }
        if self.is_open != other.is_open {
            let state = |open| if open { "open" } else { "closed" };
            return Some(format!(
                "it is {}, not {}",
                state(self.is_open),
                state(other.is_open)
            ));
        }
        let window = |pool: &Self| (pool.opens_at_ms, pool.closes_at_ms);
        if window(self) != window(other) {
            return Some("it opens or closes at another time".into());
        }
        if self.items == other.items {
            return None;
        }
        let others = other.by_id();
        for item in &self.items {
            match others.get(item.id) {
                Some(another) if *another == item => {}
                Some(another) => return Some(format!("it has {item}, not {another}")),
                None => return Some(format!("it has item \"{}\"", item.id)),
            }
        }
        let own = self.by_id();
        let mut missing = other.items.iter();
        let missing = missing.find(|item| !own.contains_key(item.id))?;
        Some(format!("it has no item \"{}\"", missing.id))
    }

    fn by_id(&self) -> HashMap<&str, ItemDefinition<&str>> {
        self.items.iter().map(|item| (item.id, item)).collect()
    }

    /// The changes that make this pool, as it is now, into the one that is wanted; none if it is so
    /// already. Items that are not wanted any more are retired; a stock means all units that the
    /// item ever got. The order of the items says nothing. `retired` has the ids of those that this
    /// pool had before.
    ///
    /// What makes room comes first, so that no sum on the way is larger than the one before or the
    /// one after it.
    ///
    /// # Errors
    /// [`Unchangeable`] for the first thing that no change can do;
    /// [`unchangeable`](Self::unchangeable) tells all of them.
    pub fn changes_to(
        &self,
        wanted: &Self,
        retired: &HashSet<&str>,
    ) -> Result<Vec<PoolChange>, Unchangeable> {
        if let Some(first) = self.unchangeable(wanted, retired).into_iter().next() {
            return Err(first);
        }
        let current = self.by_id();
        let kept: HashSet<&str> = wanted.items.iter().map(|item| item.id).collect();
        let gone = self.items.iter().filter(|item| !kept.contains(item.id));
        let retire = gone.map(|item| PoolChange::Retire {
            item: item.id.to_owned(),
        });
        let mut changes: Vec<PoolChange> = retire.collect();
        let (mut grown, mut added) = (Vec::new(), Vec::new());
        for item in &wanted.items {
            let Some(now) = current.get(item.id) else {
                added.push(PoolChange::Add { item: item.into() });
                continue;
            };
            if now.weight != item.weight {
                let change = PoolChange::Weight {
                    item: item.id.to_owned(),
                    weight: item.weight,
                };
                if item.weight < now.weight {
                    changes.push(change);
                } else {
                    grown.push(change);
                }
            }
            let stocks = item.stock.zip(now.stock);
            let units = stocks.map_or(0, |(wanted, now)| wanted - now);
            if units > 0 {
                grown.push(PoolChange::Restock {
                    item: item.id.to_owned(),
                    units,
                });
            }
        }
        changes.append(&mut grown);
        changes.append(&mut added);
        if (self.opens_at_ms, self.closes_at_ms) != (wanted.opens_at_ms, wanted.closes_at_ms) {
            changes.push(PoolChange::Window {
                opens_at_ms: wanted.opens_at_ms,
                closes_at_ms: wanted.closes_at_ms,
            });
        }
        match (self.is_open, wanted.is_open) {
            (false, true) => changes.push(PoolChange::Open),
            (true, false) => changes.push(PoolChange::Close),
            _ => {}
        }
        Ok(changes)
    }

    /// Everything for which this pool, as it is now, cannot become the one that is wanted: nothing
    /// if [`changes_to`](Self::changes_to) finds a way.
    pub fn unchangeable(&self, wanted: &Self, retired: &HashSet<&str>) -> Vec<Unchangeable> {
        let pool = || self.name.clone();
        let mut found = Vec::new();
        if self.on_exhausted != wanted.on_exhausted {
            found.push(Unchangeable::OnExhausted {
                pool: pool(),
                current: self.on_exhausted,
                wanted: wanted.on_exhausted,
            });
        }
        if self.placement != wanted.placement {
            found.push(Unchangeable::Placement {
                pool: pool(),
                current: self.placement,
                wanted: wanted.placement,
            });
        }
        let current = self.by_id();
        let unchangeable = |wanted: ItemDefinition<&str>| {
            let (pool, item) = (pool(), wanted.id.to_owned());
            let Some(now) = current.get(&item[..]) else {
                let is_retired = retired.contains(&item[..]);
                return is_retired.then_some(Unchangeable::Retired { pool, item });
            };
            match (now.stock, wanted.stock) {
                (None, None) => None,
                (Some(now), Some(wanted)) => (wanted < now).then_some(Unchangeable::FewerUnits {
                    pool,
                    item,
                    current: now,
                    wanted,
                }),
                _ => Some(Unchangeable::Unlimited { pool, item }),
            }
        };
        found.extend(wanted.items.iter().filter_map(unchangeable));
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool() -> PoolDefinition {
        PoolDefinition::new("p")
            .item("a", 1, 10)
            .item("b", 2, 20)
            .unlimited("c", 3)
    }

    fn changes(wanted: &PoolDefinition) -> Result<Vec<PoolChange>, Unchangeable> {
        pool().changes_to(wanted, &HashSet::from(["old"]))
    }

    #[test]
    fn a_pool_that_is_so_already_needs_nothing() {
        assert_eq!(changes(&pool()), Ok(vec![]));
        let turned = PoolDefinition::new("p")
            .unlimited("c", 3)
            .item("b", 2, 20)
            .item("a", 1, 10);
        assert_eq!(changes(&turned), Ok(vec![]));
    }

    #[test]
    fn the_first_difference_is_told_in_words() {
        let told = |other: &PoolDefinition| pool().difference(other);
        let turned = PoolDefinition::new("p")
            .unlimited("c", 3)
            .item("b", 2, 20)
            .item("a", 1, 10);
        assert_eq!(told(&turned), None);
        let heavier = PoolDefinition::new("p").item("a", 7, 10);
        let says = "it has item \"a\" with weight 1 and a stock of 10, not item \"a\" with weight 7 and a stock of 10";
        assert_eq!(told(&heavier).as_deref(), Some(says));
        let fewer = PoolDefinition::new("p").item("a", 1, 10);
        assert_eq!(told(&fewer).as_deref(), Some("it has item \"b\""));
        let more = turned.item("d", 1, 1);
        assert_eq!(told(&more).as_deref(), Some("it has no item \"d\""));
        let closed = told(&pool().closed());
        assert_eq!(closed.as_deref(), Some("it is open, not closed"));
    }

    #[test]
    fn what_makes_room_comes_first() {
        let wanted = PoolDefinition::new("p")
            .item("a", 5, 15)
            .unlimited("c", 1)
            .item("d", 7, 1)
            .closed()
            .window(Some(1), None);
        let item = String::from;
        let expected = vec![
            PoolChange::Retire { item: item("b") },
            PoolChange::Weight {
                item: item("c"),
                weight: 1,
            },
            PoolChange::Weight {
                item: item("a"),
                weight: 5,
            },
            PoolChange::Restock {
                item: item("a"),
                units: 5,
            },
            PoolChange::Add {
                item: ItemDefinition {
                    id: item("d"),
                    weight: 7,
                    stock: Some(1),
                },
            },
            PoolChange::Window {
                opens_at_ms: Some(1),
                closes_at_ms: None,
            },
            PoolChange::Close,
        ];
        assert_eq!(changes(&wanted), Ok(expected));
    }

    #[test]
    fn what_no_change_can_do_is_refused() {
        let fewer = PoolDefinition::new("p").item("a", 1, 9);
        let limited = PoolDefinition::new("p").item("c", 3, 9);
        let unlimited = PoolDefinition::new("p").unlimited("a", 1);
        let back = PoolDefinition::new("p").item("old", 1, 1);
        let elsewhere = pool().placement(Placement::AllShards);
        let otherwise = pool().on_exhausted(OnExhausted::NoPrize);
        for (wanted, told) in [
            (fewer, "got 10 units so far, more than the 9 wanted"),
            (limited, "cannot change between"),
            (unlimited, "cannot change between"),
            (back, "is retired"),
            (elsewhere, "placement one_shard"),
            (otherwise, "on_exhausted renormalise"),
        ] {
            let error = changes(&wanted).unwrap_err().to_string();
            assert!(error.contains(told), "{error}");
        }
    }

    #[test]
    fn everything_that_no_change_can_do_is_told() {
        let wanted = PoolDefinition::new("p")
            .item("b", 2, 1)
            .item("a", 5, 9)
            .item("c", 3, 9)
            .item("old", 1, 1)
            .placement(Placement::AllShards);
        let found = pool().unchangeable(&wanted, &HashSet::from(["old"]));
        let told = found.iter().map(|found| match found {
            Unchangeable::OnExhausted { .. } => "on_exhausted",
            Unchangeable::Placement { .. } => "placement",
            Unchangeable::FewerUnits { item, .. }
            | Unchangeable::Unlimited { item, .. }
            | Unchangeable::Retired { item, .. } => item,
        });
        assert_eq!(
            told.collect::<Vec<_>>(),
            ["placement", "b", "a", "c", "old"]
        );
        assert_eq!(changes(&wanted).as_ref(), Err(&found[0]));
    }
}
