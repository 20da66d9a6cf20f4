//! The process that is killed: it does everything at random, and says what it does.

use std::{
    env, thread,
    time::{SystemTime, UNIX_EPOCH},
};

use serde::{Deserialize, Serialize};
use tombola::{
    Client, Completion, Engine, ItemDefinition, PoolChange, PoolHandle, Request,
    selector::{Stream, below},
    wal::record::Settlement,
};

use crate::{
    setting::{Setting, pools},
    tell::{Ask, Edit, POOLS, Told},
};

/// What a life is; a process that has it is the one to be killed.
pub(crate) const LIFE: &str = "TOMBOLA_TEST_LIFE";

/// The most in a life: so no two of a directory have the same mark.
const EDITS_MAX: u64 = 1_000;

#[derive(Serialize, Deserialize)]
pub(crate) struct Life {
    pub(crate) setting: Setting,
    pub(crate) number: u64,
}

struct Living {
    number: u64,
    engine: Engine,
    client: Client,
    pools: Vec<PoolHandle>,
    stream: Stream,
    /// Keys that were used in this life.
    keys: u64,
    edits: u64,
    answered: Vec<Completion>,
}

/// Lives until it is killed, if this process was started for that.
pub(crate) fn live() {
    let Ok(life) = env::var(LIFE) else { return };
    let Life { setting, number } = serde_json::from_str(&life).unwrap();
    Told::Opening.say();
    let engine = setting.open();
    Told::Open.say();
    let mut living = Living {
        number,
        pools: pools(&engine),
        client: engine.client().unwrap(),
        engine,
        stream: Stream::for_shard(number, 1),
        keys: 0,
        edits: 0,
        answered: Vec::new(),
    };
    loop {
        living.turn();
    }
}

impl Living {
    fn below(&mut self, bound: u64) -> u64 {
        below(&mut self.stream, bound)
    }

    /// A few requests at once, and something else while they are under way.
    fn turn(&mut self) {
        let asks: Vec<Ask> = (0..=self.below(24)).map(|_| self.ask()).collect();
        let requests: Vec<Request> = asks.iter().map(|ask| ask.request(&self.pools)).collect();
        Told::Asking(asks.clone()).say();
        let taken = self.client.submit_batch(&requests).unwrap();
        match self.below(6) {
            0 | 1 => self.settle(),
            2 => self.edit(),
            3 if self.below(4) == 0 => {
                Told::Snapshotting.say();
                self.engine.snapshot().unwrap();
                Told::Snapshot.say();
            }
            _ => {}
        }
        let mut open = taken.count;
        while open > 0 {
            let mut answers = Vec::new();
            let polled = self.client.poll_with(|answer| answers.push(answer));
            if polled.unwrap() == 0 {
                thread::yield_now();
            }
            open -= answers.len();
            for answer in answers {
                let ask = &asks[(answer.request - taken.first) as usize];
                if let Some(told) = ask.answered(&answer) {
                    Told::Answered(told).say();
                    self.answered.push(answer);
                }
            }
        }
    }

    /// Every third request has a key: a new one, one of this life, or one of the life before, of
    /// which nobody may know what became of it.
    fn ask(&mut self) -> Ask {
        match self.below(9) {
            0 => {
                self.keys += 1;
                Ask::keyed(self.number, self.keys)
            }
            1 if self.keys > 0 => {
                let number = self.keys - self.below(self.keys.min(8));
                Ask::keyed(self.number, number)
            }
            2 => {
                let number = 1 + self.below(40);
                Ask::keyed(self.number - 1, number)
            }
            _ => Ask::random(&mut self.stream),
        }
    }

    /// Confirms or voids one of the newest, which may be over already.
    fn settle(&mut self) {
        let newest = self.answered.len().min(30) as u64;
        if newest == 0 {
            return;
        }
        let back = 1 + self.below(newest) as usize;
        let answer = self.answered[self.answered.len() - back].clone();
        let request = answer.original();
        let how = [Settlement::Confirmed, Settlement::Voided][self.below(2) as usize];
        Told::Settling(request, how).say();
        let done = match how {
            Settlement::Confirmed => self.engine.confirm(&answer),
            _ => self.engine.void(&answer),
        };
        if done.is_ok() {
            Told::Settled(request, how).say();
        }
    }

    fn edit(&mut self) {
        if self.edits == EDITS_MAX {
            return;
        }
        self.edits += 1;
        let mark = self.number * EDITS_MAX + self.edits;
        let pool = self.below(POOLS.len() as u64) as usize;
        let mark = PoolChange::Weight {
            item: "marked".into(),
            weight: mark,
        };
        let changes = vec![mark, self.change(pool)];
        let edit = Edit { pool, changes };
        Told::Editing(edit.clone()).say();
        let handle = self.engine.edit(self.pools[pool].id(), &edit.changes);
        self.pools[pool] = handle.unwrap();
        Told::Edited.say();
    }

    fn change(&mut self, pool: usize) -> PoolChange {
        let items = &self.pools[pool].definition().items;
        let added = |item: &ItemDefinition<&str>| item.id.starts_with("added") && item.weight > 0;
        let added = items.iter().find(added).map(|item| item.id.to_owned());
        match self.below(10) {
            0 => PoolChange::Close,
            1 => PoolChange::Window {
                opens_at_ms: None,
                closes_at_ms: Some(now_ms() + self.below(40)),
            },
            2 => PoolChange::Window {
                opens_at_ms: None,
                closes_at_ms: None,
            },
            3..6 => PoolChange::Open,
            6 => match added {
                Some(item) => PoolChange::Retire { item },
                None => PoolChange::Add {
                    item: ItemDefinition {
                        id: format!("added-{}-{}", self.number, self.edits),
                        weight: 500,
                        stock: Some(20),
                    },
                },
            },
            _ => PoolChange::Restock {
                item: "marked".into(),
                units: 1 + self.below(9),
            },
        }
    }
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap().as_millis() as u64
}
