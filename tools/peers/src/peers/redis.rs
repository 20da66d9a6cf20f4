//! Redis: a script over a hash of units and a sorted set of summed weights, in an append-only file
//! that is flushed before the answer (`always`) or every second (`everysec`).

use std::{path::Path, sync::LazyLock};

use redis::{Client, Commands, Connection, Pipeline, Script, ScriptInvocation};
use tombola::selector::Stream;

use crate::{
    drum::random,
    failure::Failure,
    install,
    peer::{Answer, Manner, Peer, System},
    pool::Pool,
    server::{Server, Setup, free_port},
};

const KEYS: [&str; 4] = ["units", "weights", "odds", "total"];
/// What the script answers when all units are gone.
const SOLD_OUT: i64 = -1;

static SCRIPT: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("draw.lua")));

struct Redis {
    server: Server,
    client: Client,
}

pub(super) fn always(directory: &Path, pool: &Pool) -> Result<Box<dyn System>, Failure> {
    open(directory, pool, "always")
}

pub(super) fn everysec(directory: &Path, pool: &Pool) -> Result<Box<dyn System>, Failure> {
    open(directory, pool, "everysec")
}

fn open(directory: &Path, pool: &Pool, fsync: &str) -> Result<Box<dyn System>, Failure> {
    let program = install::program("redis-server", "redis-server")?;
    let port = free_port()?;
    let arguments = format!(
        "--port {port} --bind 127.0.0.1 --save  --appendonly yes --appendfsync {fsync} --daemonize no"
    );
    let setup = Setup {
        user: None,
        // The empty one, behind `--save`, means never.
        arguments: arguments.split(' ').map(str::to_owned).collect(),
    };
    let mut server = Server::start(&program, directory, &setup)?;
    let client = Client::open(format!("redis://127.0.0.1:{port}"))?;
    let mut connection = server.wait_for(|| {
        let mut connection = client.get_connection()?;
        // While it still reads its file, it refuses.
        redis::cmd("PING").query::<()>(&mut connection)?;
        Ok::<_, redis::RedisError>(connection)
    })?;
    if !connection.exists(KEYS[3])? {
        fill(&mut connection, pool)?;
    }
    SCRIPT.load(&mut connection)?;
    Ok(Box::new(Redis { server, client }))
}

fn fill(connection: &mut Connection, pool: &Pool) -> Result<(), Failure> {
    let [units, weights, odds, total_key] = KEYS;
    let mut making = redis::pipe();
    making.atomic();
    let mut total = 0;
    for (place, (weight, stock)) in pool.weights.iter().zip(&pool.stock).enumerate() {
        total += weight;
        making
            .hset(units, place, stock)
            .hset(weights, place, weight)
            .zadd(odds, place, total);
    }
    making.set(total_key, total);
    Ok(making.exec(connection)?)
}

impl System for Redis {
    fn connect(&self, manner: Manner) -> Result<Box<dyn Peer>, Failure> {
        Ok(Box::new(Caller {
            connection: self.client.get_connection()?,
            manner,
            random: random(),
        }))
    }

    fn process(&self) -> u32 {
        self.server.process()
    }

    fn close(self: Box<Self>) -> Result<(), Failure> {
        self.server.stop()
    }
}

struct Caller {
    connection: Connection,
    manner: Manner,
    random: Stream,
}

impl Caller {
    /// A call that draws so often.
    fn call(&mut self, count: usize) -> ScriptInvocation<'static> {
        let mut call = SCRIPT.prepare_invoke();
        for key in KEYS {
            call.key(key);
        }
        for _ in 0..count {
            // Lua's numbers hold 53 bits.
            call.arg(self.random.next_u64() >> 11);
        }
        call
    }

    fn ask(&mut self, count: usize) -> Result<Vec<i64>, Failure> {
        if self.manner == Manner::Together || count == 1 {
            return Ok(self.call(count).invoke(&mut self.connection)?);
        }
        let mut calls = Pipeline::with_capacity(count);
        for _ in 0..count {
            calls.invoke_script(&self.call(1));
        }
        let answers: Vec<Vec<i64>> = calls.query(&mut self.connection)?;
        Ok(answers.concat())
    }
}

impl Peer for Caller {
    fn draw_batch(&mut self, count: usize, out: &mut Vec<Answer>) -> Result<(), Failure> {
        let all = out.len() + count;
        // Numbers that were passed over leave some to ask for again.
        while out.len() < all {
            for place in self.ask(all - out.len())? {
                if place == SOLD_OUT && self.manner == Manner::Together {
                    out.resize(all, None);
                } else {
                    out.push(u32::try_from(place).ok());
                }
            }
        }
        Ok(())
    }
}
