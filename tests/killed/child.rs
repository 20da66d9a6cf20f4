//! The process that is killed: it does everything at random, and writes down what it was told.

use std::{
    env,
    fs::{File, OpenOptions},
    io::Write as _,
    path::Path,
    thread,
    time::Duration,
};

use tombola::{
    Client, Completion, Engine, OnExhausted, PoolChange, PoolDefinition, PoolHandle, Request,
    selector::{Stream, below},
};

use crate::setting::Setting;

/// The settings of a life; a process that has them is the one to be killed.
pub(crate) const LIFE: &str = "TOMBOLA_TEST_LIFE";

pub(crate) fn pools() -> [PoolDefinition; 2] {
    let finite = PoolDefinition::new("finite")
        .item("rare", 5, 40)
        .item("common", 95, 1_000_000);
    let lossy = PoolDefinition::new("lossy")
        .on_exhausted(OnExhausted::NoPrize)
        .item("few", 50, 300)
        .unlimited("dust", 50);
    [finite, lossy]
}

struct Life {
    engine: Engine,
    client: Client,
    pools: Vec<PoolHandle>,
    told: File,
    stream: Stream,
    /// Keys that were used, newest last, each always with the same pool and count.
    keyed: Vec<(u128, usize, u8)>,
    answered: Vec<Completion>,
    number: u64,
    snapshots: bool,
}

/// Lives until it is killed, if this process was started for that.
pub(crate) fn live() {
    let Ok(life) = env::var(LIFE) else { return };
    let (setting, number) = Setting::read(&life);
    let engine = setting.open();
    let pools = pools().map(|pool| {
        let known = engine.pool(&pool.name);
        known.unwrap_or_else(|| engine.register(pool).unwrap())
    });
    let mut life = Life {
        client: engine.client().unwrap(),
        engine,
        pools: pools.into(),
        told: tell(&setting.told),
        stream: Stream::for_shard(number, 0),
        keyed: Vec::new(),
        answered: Vec::new(),
        number,
        snapshots: setting.snapshots,
    };
    loop {
        life.draw();
        life.give_back();
        life.change();
    }
}

fn tell(path: &Path) -> File {
    let file = OpenOptions::new().create(true).append(true).open(path);
    let mut file = file.unwrap();
    // The last line of the life before may have no end.
    file.write_all(b"\n").unwrap();
    file
}

impl Life {
    fn below(&mut self, bound: u64) -> u64 {
        below(&mut self.stream, bound)
    }

    fn write(&mut self, line: &str) {
        // What has no end was torn by the kill.
        let whole = format!("{line} .\n");
        self.told.write_all(whole.as_bytes()).unwrap();
    }

    fn request(&mut self) -> (Request, Option<u128>, u8) {
        if self.below(4) == 0 {
            let pool = self.below(2) as usize;
            return (Request::from(&self.pools[pool]), None, 1);
        }
        let (mut pool, mut count) = (self.below(2) as usize, 1 + self.below(12) as u8);
        let mut key = None;
        if self.below(2) == 0 {
            if self.keyed.is_empty() || self.below(3) > 0 {
                let new = u128::from(self.number) << 64 | self.keyed.len() as u128;
                self.keyed.push((new, pool, count));
            }
            let back = self.below(self.keyed.len().min(8) as u64) as usize;
            let (old, its_pool, its_count) = self.keyed[self.keyed.len() - 1 - back];
            (key, pool, count) = (Some(old), its_pool, its_count);
        }
        let mut request = Request::from(&self.pools[pool]).count(count);
        request = request.partial(self.below(2) == 0);
        if let Some(key) = key {
            request = request.key(key);
        }
        if self.below(4) == 0 {
            request = request.hold_for(Duration::from_millis(1 + self.below(40)));
        }
        (request, key, count)
    }

    /// A few requests at once, each told of when it is answered.
    fn draw(&mut self) {
        let asked: Vec<_> = (0..=self.below(12)).map(|_| self.request()).collect();
        let requests: Vec<Request> = asked.iter().map(|(request, ..)| *request).collect();
        let taken = self.client.submit_batch(&requests).unwrap().count;
        let mut answers = Vec::new();
        while answers.len() < taken {
            let polled = self.client.poll_with(|answer| answers.push(answer));
            if polled.unwrap() == 0 {
                thread::yield_now();
            }
        }
        for ((_, key, count), answer) in asked.into_iter().zip(answers) {
            let Some(seq) = answer.seq else { continue };
            let items: Vec<String> = answer
                .items()
                .map(|item| item.unwrap_or(u32::MAX).to_string())
                .collect();
            let (original, pool) = (answer.original(), answer.pool.index());
            let key = key.map_or("-".into(), |key| key.to_string());
            let items = items.join(",");
            self.write(&format!(
                "drawn {original} {seq} {pool} {key} {count} {items}"
            ));
            self.answered.push(answer);
        }
    }

    fn give_back(&mut self) {
        let newest = self.answered.len().min(30) as u64;
        if newest == 0 {
            return;
        }
        let back = 1 + self.below(newest) as usize;
        let answer = self.answered[self.answered.len() - back].clone();
        let request = answer.original();
        if self.below(2) == 0 {
            if self.engine.void(&answer).is_ok() {
                self.write(&format!("voided {request}"));
            }
        } else if self.engine.confirm(&answer).is_ok() {
            self.write(&format!("confirmed {request}"));
        }
    }

    fn change(&mut self) {
        if self.below(4) == 0 {
            let units = 1 + self.below(5);
            let item = "rare".to_owned();
            self.write(&format!("restocking {units}"));
            let weight = 1 + self.below(9);
            let changes = [
                PoolChange::Restock { item, units },
                PoolChange::Weight {
                    item: "rare".into(),
                    weight,
                },
            ];
            self.engine.edit(self.pools[0].id(), &changes).unwrap();
            self.write(&format!("restocked {units}"));
        }
        if self.snapshots && self.below(20) == 0 {
            self.engine.snapshot().unwrap();
        }
    }
}
