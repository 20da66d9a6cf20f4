//! One life of an engine: it is opened, does whatever the dice say, and ends.

use std::{sync::Arc, time::Duration};

use tombola::{
    Client, Completion, Engine, Error, Placement, PoolChange, PoolDefinition, PoolHandle, Request,
    SettleError,
    machine::{Clock, Directory, Entropy},
};

use crate::{
    blocks::Blocks,
    book::{Book, Submitted},
    dice::Dice,
    disk::{Disk, Faults},
    history::History,
    plan::{Life, Plan},
    tasks::Turns,
};

/// The pools that every engine has.
const POOLS: [&str; 3] = ["one", "all", "none"];

/// How a life ended before the machine did anything to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// With a clean shutdown, or in the middle of things.
    Ended,
    /// The engine did not open: the reason, and whether it says that there is damage.
    NotOpened(String, bool),
}

/// An engine at work on a simulated machine.
pub struct Living<'a> {
    disk: &'a Disk,
    book: &'a mut Book,
    dice: Dice,
    turns: Arc<Turns>,
    engine: Engine,
    client: Client,
    pools: Vec<PoolHandle>,
    /// Whether nothing may go wrong.
    is_faultless: bool,
}

/// Opens an engine on a disk.
pub fn open(disk: &Disk, plan: &Plan, life: &Life, turns: &Arc<Turns>) -> Result<Engine, Error> {
    let (clock, entropy, blocks) = (disk.clone(), disk.clone(), disk.clone());
    let directory = Directory::among(Arc::new(disk.clone()), Plan::DATA);
    let factory = move |_, options| {
        let storage: Box<dyn tombola::storage::Storage> =
            Box::new(Blocks::new(blocks.clone(), options));
        Ok(storage)
    };
    plan.builder(Plan::begin(directory), life)
        .storage_factory(Arc::new(factory))
        .clock(Clock::simulated(move || clock.now_ms()))
        .entropy(Entropy::new(move || entropy.random()))
        .tasks(Arc::clone(turns) as Arc<dyn tombola::machine::Tasks>)
        .open()
}

/// Lives a life up to its end, which the caller brings about.
///
/// # Errors
/// Says what the engine did that it must not.
pub fn live(
    disk: &Disk,
    plan: &Plan,
    life: &Life,
    book: &mut Book,
    history: &mut History,
    mut dice: Dice,
) -> Result<End, String> {
    let turns = Turns::new(disk.clone(), dice.fork());
    let engine = match open(disk, plan, life, &turns) {
        Ok(engine) => {
            history.fix();
            engine
        }
        Err(error) => {
            let is_damage = matches!(error, Error::Damaged { .. } | Error::Description { .. });
            return Ok(End::NotOpened(error.to_string(), is_damage));
        }
    };
    let client = match engine.client() {
        Ok(client) => client,
        Err(_) if disk.is_down() => return Ok(End::Ended),
        Err(error) => return Err(format!("no client: {error}")),
    };
    let mut living = Living {
        disk,
        book,
        dice,
        turns,
        engine,
        client,
        pools: Vec::new(),
        is_faultless: life.faults == Faults::default(),
    };
    living.register()?;
    for _ in 0..life.actions {
        if disk.is_down() {
            break;
        }
        living.act()?;
    }
    let Living {
        engine,
        mut client,
        turns,
        book,
        ..
    } = living;
    if life.crash.is_none() && !disk.is_down() {
        let ended = engine.shutdown();
        // What was submitted in time was answered.
        take_answers(&mut client, book)?;
        if let Err(error) = ended
            && life.faults == Faults::default()
            && !disk.is_down()
        {
            return Err(format!("the engine did not shut down: {error}"));
        }
    } else {
        disk.take_down();
        drop(engine);
    }
    drop(turns);
    Ok(End::Ended)
}

fn take_answers(client: &mut Client, book: &mut Book) -> Result<usize, String> {
    let mut answers: Vec<Completion> = Vec::new();
    // Where a shard has stopped there may still be answers of the others.
    let _ = client.poll_with(|completion| answers.push(completion));
    for completion in &answers {
        book.answer(completion)?;
    }
    Ok(answers.len())
}

impl Living<'_> {
    /// What went wrong is no wonder where faults happen, or the machine is down.
    fn may_fail<T, E: std::fmt::Display>(&self, result: Result<T, E>) -> Result<Option<T>, String> {
        match result {
            Ok(value) => Ok(Some(value)),
            Err(_) if !self.is_faultless || self.disk.is_down() => Ok(None),
            Err(error) => Err(format!("without any fault: {error}")),
        }
    }

    fn register(&mut self) -> Result<(), String> {
        let one = PoolDefinition::new("one")
            .item("crown", 1, 3)
            .item("ring", 10, 40)
            .unlimited("dust", 100);
        let all = PoolDefinition::new("all")
            .placement(Placement::AllShards)
            .item("rare", 1, 2)
            .item("some", 20, 60)
            .item("many", 100, 4_000);
        let none = PoolDefinition::new("none")
            .on_exhausted(tombola::OnExhausted::NoPrize)
            .item("prize", 1, 25)
            .item("other", 3, 70);
        for definition in [one, all, none] {
            let name = definition.name.clone();
            // It may have been changed in an earlier life; then it is there.
            let known = self.engine.pool(&name);
            let registered = if known.is_some() {
                known
            } else {
                let registered = self.engine.register(definition);
                self.may_fail(registered)?
            };
            self.pools.extend(registered);
        }
        Ok(())
    }

    fn act(&mut self) -> Result<(), String> {
        match self.dice.below(100) {
            0..=39 => self.submit(),
            40..=69 => {
                for _ in 0..self.dice.within(1, 60) {
                    self.turns.turn();
                }
                take_answers(&mut self.client, self.book)?;
                Ok(())
            }
            70..=76 => {
                let time_ms = self.dice.within(1, 400);
                self.disk.pass_ms(time_ms);
                Ok(())
            }
            77..=83 => self.void(),
            84..=87 => self.confirm(),
            88..=93 => self.edit(),
            94..=96 => {
                let made = self.engine.snapshot();
                self.may_fail(made).map(drop)
            }
            _ => self.look(),
        }
    }

    fn submit(&mut self) -> Result<(), String> {
        if self.pools.is_empty() {
            return Ok(());
        }
        let count = self.dice.within(1, 12);
        let requests: Vec<(Request, Submitted)> = (0..count).map(|_| self.request()).collect();
        let asked: Vec<Request> = requests.iter().map(|(request, _)| *request).collect();
        match self.client.submit_batch(&asked) {
            Ok(ids) => self.book.submit(ids.first, &requests[..ids.count]),
            Err(error) => {
                self.may_fail(Err::<(), _>(error))?;
            }
        }
        Ok(())
    }

    fn request(&mut self) -> (Request, Submitted) {
        let at = self.dice.index(self.pools.len());
        let pool = self.pools[at].id();
        let mut request = Request::from(pool);
        let mut submitted = Submitted {
            pool,
            count: 1,
            key: None,
        };
        if self.dice.happens(300) {
            submitted.count = self.dice.within(1, 12) as u8;
            request = request.count(submitted.count);
            request = request.partial(self.dice.happens(500));
        }
        if self.dice.happens(250) {
            // The pool and the count follow from the key, so that nothing conflicts.
            let key = self.dice.below(400);
            let Some(pool) = self.engine.pool(POOLS[key as usize % POOLS.len()]) else {
                return (request, submitted);
            };
            let pool = pool.id();
            submitted = Submitted {
                pool,
                count: (key % 7 + 1) as u8,
                key: Some(u128::from(key)),
            };
            request = Request::from(pool)
                .count(submitted.count)
                .partial(true)
                .key(u128::from(key));
        }
        if self.dice.happens(100) {
            request = request.hold_for(Duration::from_millis(self.dice.within(1, 500)));
        }
        (request, submitted)
    }

    /// Some request that was submitted.
    fn some_request(&mut self) -> Option<u64> {
        let ids: Vec<u64> = self.book.submitted.keys().copied().collect();
        (!ids.is_empty()).then(|| ids[self.dice.index(ids.len())])
    }

    fn void(&mut self) -> Result<(), String> {
        let Some(request) = self.some_request() else {
            return Ok(());
        };
        match self.engine.void(request) {
            Ok(()) => {
                if !self.book.voided.insert(request) {
                    return Err(format!("request {request} was voided twice"));
                }
            }
            Err(SettleError::Engine(error)) => {
                self.may_fail(Err::<(), _>(error))?;
            }
            Err(_) => {}
        }
        Ok(())
    }

    fn confirm(&mut self) -> Result<(), String> {
        let Some(request) = self.some_request() else {
            return Ok(());
        };
        match self.engine.confirm(request) {
            Ok(()) => {
                if !self.book.confirmed.insert(request) {
                    return Err(format!("request {request} was confirmed twice"));
                }
            }
            Err(SettleError::Engine(error)) => {
                self.may_fail(Err::<(), _>(error))?;
            }
            Err(_) => {}
        }
        Ok(())
    }

    fn edit(&mut self) -> Result<(), String> {
        if self.pools.is_empty() {
            return Ok(());
        }
        let at = self.dice.index(self.pools.len());
        let pool = &self.pools[at];
        let items = &pool.definition().items;
        let limited: Vec<String> = items
            .iter()
            .filter(|item| item.stock.is_some())
            .map(|item| item.id.to_owned())
            .collect();
        let item = limited[self.dice.index(limited.len())].clone();
        let change = if self.dice.happens(600) {
            let units = self.dice.within(1, 30);
            PoolChange::Restock { item, units }
        } else {
            let weight = self.dice.within(1, 120);
            PoolChange::Weight { item, weight }
        };
        let id = pool.id();
        self.book.edits.entry(id).or_default().1 += 1;
        let edited = self.engine.edit(id, &[change]);
        let is_made = match &edited {
            Ok(_) | Err(Error::Unfinished { .. }) => true,
            Err(_) => false,
        };
        self.book.edits.entry(id).or_default().0 += u64::from(is_made);
        self.may_fail(edited).map(drop)
    }

    /// Asks what does no harm.
    fn look(&mut self) -> Result<(), String> {
        let stats = self.engine.stats();
        self.may_fail(stats)?;
        if let Some(pool) = self.pools.first() {
            let odds = self.engine.odds(pool.id());
            self.may_fail(odds)?;
        }
        Ok(())
    }
}
