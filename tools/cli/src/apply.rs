//! `tombola apply`: makes the pools of a data directory what a config file says.

use std::{
    borrow::Cow,
    collections::{BTreeSet, HashMap, HashSet},
    fmt::Write as _,
    path::PathBuf,
    process::ExitCode,
};

use serde::Serialize;
use tombola::{
    Engine, ItemDefinition, PoolChange, PoolDefinition, StorageKind,
    recovery::{self, Depth},
    shard::partition::{CountsOnly, Pool},
};

use crate::{
    config,
    failure::Failure,
    moment,
    options::EngineOptions,
    output::{self, counted, grouped, or_unlimited},
};

const AFTER_HELP: &str = "\
Shows what differs, item by item: + comes in, - is retired, ~ changes. A stock in the file means all
units that the item ever got, so a larger one restocks it. Items that the file leaves out are retired,
for good; pools that it leaves out stay as they are. Applied again, the same file changes nothing: so
what a crash interrupted is mended by applying it again.

Each pool is changed at once: a draw sees all of its changes or none. Nothing at all is changed if
something in the file cannot be: fewer units than an item got, a retired item, another placement or
on_exhausted.

The directory must not be in use. A program that embeds the engine changes its pools with
`Engine::edit`; `Engine::changes_to` finds what to change.

Exit codes: 0 ok, also with differences, 1 failed, 2 usage, settings, pools, or not a data directory,
3 damage.

Examples:
  tombola apply pools.toml --data ./data --dry-run
  tombola apply pools.toml --data ./data
  tombola apply pools.toml --data ./data --dry-run --json | jq '.pools[].changes'";

/// Makes the pools of a data directory what a config file says, and shows the difference.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    /// The config file with the pools.
    config: PathBuf,

    /// The data directory.
    #[arg(long, env = "TOMBOLA_DATA", value_name = "DIR")]
    data: PathBuf,

    /// Shows the difference and changes nothing.
    #[arg(long)]
    dry_run: bool,

    /// Prints one JSON object.
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    engine: EngineOptions,
}

#[derive(Debug, Serialize)]
struct Difference<'a> {
    /// Whether the pools are now as the file says.
    applied: bool,
    pools: Vec<PoolDifference<'a>>,
}

#[derive(Debug, Serialize)]
struct PoolDifference<'a> {
    pool: &'a str,
    what: What,
    changes: Vec<PoolChange>,
    /// What it is now.
    #[serde(skip)]
    current: Option<PoolDefinition>,
    #[serde(skip)]
    wanted: Option<&'a PoolDefinition>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum What {
    New,
    Changed,
    Unchanged,
    NotInFile,
}

pub(crate) fn run(arguments: Arguments) -> Result<ExitCode, Failure> {
    let Arguments {
        config: path,
        data,
        dry_run,
        json,
        engine: options,
    } = arguments;
    let mut file = config::read(&path)?;
    options.lay_over(&mut file.config);
    if file.config.storage == StorageKind::None {
        return Err(Failure::Usage(
            "with the storage \"none\" nothing is kept, so nothing can be applied; choose another one"
                .into(),
        ));
    }
    let examination = recovery::examine(&data, Depth::Needed)?;
    for finding in examination.findings() {
        eprintln!("tombola: {finding}");
    }
    if !examination.opens() {
        return Err(Failure::Damage(format!(
            "{} is damaged, so what runs there is not known; see `tombola verify`",
            data.display()
        )));
    }
    let running = examination.pools();
    let mut difference = Difference::between(&running, &file.pools)?;
    if !dry_run {
        let engine = Engine::builder(&data).config(file.config).open()?;
        difference.apply(&engine)?;
        engine.shutdown()?;
    }
    if json {
        output::print_json(&difference)?;
    } else {
        output::print(&difference.page())?;
    }
    Ok(ExitCode::SUCCESS)
}

impl<'a> Difference<'a> {
    fn between(
        running: &'a [Cow<'_, Pool<CountsOnly>>],
        wanted: &'a [PoolDefinition],
    ) -> Result<Self, Failure> {
        let by_name: HashMap<&str, &Pool<CountsOnly>> = running
            .iter()
            .map(|pool| (&pool.definition().name[..], &**pool))
            .collect();
        let mut pools = Vec::new();
        for wanted in wanted {
            let current = by_name.get(&wanted.name[..]);
            pools.push(PoolDifference::of(current.copied(), wanted)?);
        }
        let named: BTreeSet<&str> = wanted.iter().map(|pool| &pool.name[..]).collect();
        let left_out = running.iter().map(|pool| &pool.definition().name[..]);
        let left_out = left_out.filter(|pool| !named.contains(pool));
        pools.extend(left_out.map(|pool| PoolDifference {
            pool,
            what: What::NotInFile,
            changes: Vec::new(),
            current: None,
            wanted: None,
        }));
        Ok(Self {
            applied: false,
            pools,
        })
    }

    fn apply(&mut self, engine: &Engine) -> Result<(), Failure> {
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
                    engine.edit(handle.id(), &pool.changes)?;
                }
                _ => {}
            }
        }
        self.applied = true;
        Ok(())
    }

    fn page(&self) -> String {
        let mut page = String::new();
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
    fn of(
        running: Option<&'a Pool<CountsOnly>>,
        wanted: &'a PoolDefinition,
    ) -> Result<Self, Failure> {
        let Some(running) = running else {
            return Ok(Self {
                pool: &wanted.name,
                what: What::New,
                changes: Vec::new(),
                current: None,
                wanted: Some(wanted),
            });
        };
        let retired = running.items().filter(|item| item.is_retired);
        let retired: HashSet<&str> = retired.map(|item| item.id).collect();
        let current = running.current();
        let changes = current
            .changes_to(wanted, &retired)
            .map_err(|error| Failure::Usage(format!("{error}; nothing was changed")))?;
        Ok(Self {
            pool: &wanted.name,
            what: if changes.is_empty() {
                What::Unchanged
            } else {
                What::Changed
            },
            changes,
            current: Some(current),
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
        if let (What::New, Some(wanted)) = (self.what, self.wanted) {
            for item in &wanted.items {
                let _ = writeln!(page, "  + {}", described(item));
            }
        }
        for change in &self.changes {
            let _ = writeln!(page, "  {}", self.told(change));
        }
    }

    fn told(&self, change: &PoolChange) -> String {
        let item = |id: &str| {
            let items = self.current.iter().flat_map(|pool| &pool.items);
            items.into_iter().find(|item| item.id == id)
        };
        let weight_now = |id: &str| item(id).map_or(0, |item| item.weight);
        let stock_now = |id: &str| item(id).and_then(|item| item.stock).unwrap_or(0);
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
}

fn described(item: &ItemDefinition) -> String {
    let ItemDefinition { id, weight, stock } = item;
    let (weight, stock) = (grouped(*weight), or_unlimited(*stock));
    format!("{id}: weight {weight}, stock {stock}")
}
