//! In what the pools that run differ from those of a file.

use std::{
    borrow::Cow,
    collections::{BTreeSet, HashMap, HashSet},
    fmt::Write as _,
    path::Path,
};

use serde::{Serialize, Serializer};
use serde_json::{Value, json};
use tombola::{
    Engine, ItemDefinition, PoolChange, PoolDefinition, Unchangeable,
    shard::partition::{CountsOnly, Pool},
};

use crate::{
    failure::Failure,
    moment,
    output::{counted, grouped, or_unlimited},
};

#[derive(Debug, Serialize)]
pub(super) struct Difference<'a> {
    /// Whether there was nothing yet.
    pub(super) new_directory: bool,
    /// Whether anything was changed.
    applied: bool,
    pools: Vec<PoolDifference<'a>>,
}

#[derive(Debug, Serialize)]
struct PoolDifference<'a> {
    pool: &'a str,
    what: What,
    #[serde(serialize_with = "with_what_was")]
    changes: Changes,
    #[serde(skip)]
    wanted: Option<&'a PoolDefinition>,
}

/// What is to be changed, and what it is now.
#[derive(Debug, Default)]
struct Changes {
    current: Option<PoolDefinition>,
    changes: Vec<PoolChange>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum What {
    New,
    Changed,
    Unchanged,
    NotInFile,
}

impl<'a> Difference<'a> {
    /// A failure tells everything that cannot be changed.
    pub(super) fn between(
        running: &'a [Cow<'_, Pool<CountsOnly>>],
        wanted: &'a [PoolDefinition],
    ) -> Result<Self, Failure> {
        let by_name: HashMap<&str, &Pool<CountsOnly>> = running
            .iter()
            .map(|pool| (&pool.definition().name[..], &**pool))
            .collect();
        let mut pools = Vec::new();
        let mut impossible = Vec::new();
        for wanted in wanted {
            match by_name.get(&wanted.name[..]) {
                None => pools.push(PoolDifference::new(wanted)),
                Some(current) => match PoolDifference::of(current, wanted) {
                    Ok(difference) => pools.push(difference),
                    Err(mut found) => impossible.append(&mut found),
                },
            }
        }
        if !impossible.is_empty() {
            let told: Vec<String> = impossible.iter().map(ToString::to_string).collect();
            return Err(Failure::Usage(format!(
                "{}; nothing was changed",
                told.join("\ntombola: ")
            )));
        }
        let named: BTreeSet<&str> = wanted.iter().map(|pool| &pool.name[..]).collect();
        let left_out = running.iter().map(|pool| &pool.definition().name[..]);
        let left_out = left_out.filter(|pool| !named.contains(pool));
        pools.extend(left_out.map(|pool| PoolDifference {
            pool,
            what: What::NotInFile,
            changes: Changes::default(),
            wanted: None,
        }));
        Ok(Self {
            new_directory: false,
            applied: false,
            pools,
        })
    }

    /// Makes the pools as they are wanted.
    pub(super) fn apply(&mut self, engine: &Engine) -> Result<(), Failure> {
        for pool in &self.pools {
            match (pool.what, pool.wanted) {
                (What::New, Some(wanted)) => {
                    engine.register(wanted.clone())?;
                }
                (What::Changed, _) => {
                    let handle = engine.pool(pool.pool).ok_or_else(|| {
                        Failure::Failed(format!(
                            "pool \"{}\" is not there any more; somebody else has changed the \
                             data directory; try again",
                            pool.pool
                        ))
                    })?;
                    engine.edit(handle.id(), &pool.changes.changes)?;
                }
                _ => continue,
            }
            self.applied = true;
        }
        Ok(())
    }

    /// For people.
    pub(super) fn page(&self, data: &Path, dry_run: bool) -> String {
        let mut page = String::new();
        if self.new_directory {
            let made = if dry_run { "would be made" } else { "is new" };
            let _ = writeln!(page, "the data directory {} {made}", data.display());
        }
        for pool in &self.pools {
            pool.write(&mut page);
        }
        let differ = |what| self.pools.iter().filter(|pool| pool.what == what).count() as u64;
        let (new, changed) = (differ(What::New), differ(What::Changed));
        let _ = if new + changed == 0 {
            writeln!(page, "nothing to change")
        } else {
            let done = if self.applied {
                "applied"
            } else {
                "not applied (--dry-run)"
            };
            let (new, changed) = (counted(new, "new pool"), counted(changed, "changed pool"));
            writeln!(page, "{done}: {new}, {changed}")
        };
        page
    }
}

impl<'a> PoolDifference<'a> {
    /// Of a pool that is not there yet: as if it were there, with no item.
    fn new(wanted: &'a PoolDefinition) -> Self {
        let mut nothing = PoolDefinition::new(&wanted.name[..]);
        nothing.on_exhausted = wanted.on_exhausted;
        nothing.placement = wanted.placement;
        Self {
            pool: &wanted.name,
            what: What::New,
            changes: Changes {
                changes: nothing
                    .changes_to(wanted, &HashSet::new())
                    .expect("anything can come in"),
                current: None,
            },
            wanted: Some(wanted),
        }
    }

    fn of(
        running: &'a Pool<CountsOnly>,
        wanted: &'a PoolDefinition,
    ) -> Result<Self, Vec<Unchangeable>> {
        let retired = running.items().filter(|item| item.is_retired);
        let retired: HashSet<&str> = retired.map(|item| item.id).collect();
        let current = running.current();
        let changes = current
            .changes_to(wanted, &retired)
            .map_err(|_| current.unchangeable(wanted, &retired))?;
        Ok(Self {
            pool: &wanted.name,
            what: if changes.is_empty() {
                What::Unchanged
            } else {
                What::Changed
            },
            changes: Changes {
                current: Some(current),
                changes,
            },
            wanted: Some(wanted),
        })
    }

    fn write(&self, page: &mut String) {
        let what = match self.what {
            What::New => "is new",
            What::Changed => "changes",
            What::Unchanged => "is as the file says",
            What::NotInFile => "is not in the file, and stays as it is",
        };
        let _ = writeln!(page, "pool \"{}\" {what}", self.pool);
        for change in &self.changes.changes {
            let _ = writeln!(page, "  {}", self.changes.told(change));
        }
    }
}

impl Changes {
    /// An item as it is now.
    fn item(&self, id: &str) -> Option<ItemDefinition<&str>> {
        let mut items = self.current.iter().flat_map(|pool| &pool.items);
        items.find(|item| item.id == id)
    }

    fn told(&self, change: &PoolChange) -> String {
        let weight_now = |id: &str| self.item(id).map_or(0, |item| item.weight);
        let stock_now = |id: &str| self.item(id).and_then(|item| item.stock).unwrap_or(0);
        match change {
            PoolChange::Restock { item, units } => {
                let now = stock_now(item);
                let (before, after) = (grouped(now), grouped(now + units));
                format!(
                    "~ {item}: stock {before} -> {after}, {} more",
                    grouped(*units)
                )
            }
            PoolChange::Weight { item, weight } => {
                let before = grouped(weight_now(item));
                format!("~ {item}: weight {before} -> {}", grouped(*weight))
            }
            PoolChange::Add { item } => format!("+ {}", described(item)),
            PoolChange::Retire { item } => format!("- {item}: retired"),
            PoolChange::Open => "~ open".into(),
            PoolChange::Close => "~ closed".into(),
            PoolChange::Window {
                opens_at_ms,
                closes_at_ms,
            } => match moment::window(*opens_at_ms, *closes_at_ms) {
                Some(window) => format!("~ takes draws {window}"),
                None => "~ takes draws at any time".into(),
            },
            other => format!("~ {other:?}"),
        }
    }

    /// What there is now in the place of what a change brings; nothing where that is plain.
    fn was(&self, change: &PoolChange) -> Option<Value> {
        let current = self.current.as_ref()?;
        Some(match change {
            PoolChange::Restock { item, .. } => json!(self.item(item)?.stock),
            PoolChange::Weight { item, .. } => json!(self.item(item)?.weight),
            PoolChange::Retire { item } => {
                let ItemDefinition { weight, stock, .. } = self.item(item)?;
                json!({"weight": weight, "stock": stock})
            }
            PoolChange::Window { .. } => json!({
                "opens_at_ms": current.opens_at_ms,
                "closes_at_ms": current.closes_at_ms,
            }),
            _ => return None,
        })
    }
}

/// The changes, each with what was there before.
fn with_what_was<S: Serializer>(changes: &Changes, to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(changes.changes.iter().map(|change| {
        let mut value = json!(change);
        let fields = value
            .as_object_mut()
            .and_then(|kind| kind.values_mut().next());
        if let Some(Value::Object(fields)) = fields {
            fields.extend(changes.was(change).map(|was| ("was".to_owned(), was)));
        }
        value
    }))
}

fn described(item: &ItemDefinition) -> String {
    let ItemDefinition { id, weight, stock } = item;
    let (weight, stock) = (grouped(*weight), or_unlimited(*stock));
    format!("{id}: weight {weight}, stock {stock}")
}
