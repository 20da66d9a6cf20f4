//! `PostgreSQL`: a function that takes a unit with `UPDATE … RETURNING`; a commit waits for its flush
//! (`synchronous_commit` on) or does not (off).

use std::{
    fs,
    os::unix::fs::{PermissionsExt, chown},
    path::Path,
    process::{Command, Stdio},
};

use postgres::{Client, Config, NoTls, Statement};
use tombola::selector::Stream;

use crate::{
    drum::random,
    failure::Failure,
    install,
    peer::{Answer, Manner, Peer, System},
    pool::Pool,
    server::{Server, Setup, free_port},
};

/// Whom Debian made for it; it refuses to run as root.
const USER: &str = "postgres";
/// More than the callers of any shape.
const CONNECTIONS_MAX: usize = 100;

struct Postgres {
    server: Server,
    config: Config,
}

pub(super) fn on(directory: &Path, pool: &Pool) -> Result<Box<dyn System>, Failure> {
    open(directory, pool, "on")
}

pub(super) fn off(directory: &Path, pool: &Pool) -> Result<Box<dyn System>, Failure> {
    open(directory, pool, "off")
}

fn open(directory: &Path, pool: &Pool, synchronous: &str) -> Result<Box<dyn System>, Failure> {
    let program = install::program("postgres", "postgresql")?;
    let user = install::is_root().then(|| USER.to_owned());
    if let Some(user) = &user {
        give(directory, user)?;
    }
    let data = directory.join("data");
    let is_new = !data.exists();
    if is_new {
        make(&data, user.as_deref())?;
    }
    let port = free_port()?;
    let settings = [
        format!("port={port}"),
        "listen_addresses=127.0.0.1".into(),
        "unix_socket_directories=".into(),
        format!("max_connections={CONNECTIONS_MAX}"),
        format!("synchronous_commit={synchronous}"),
        // Room enough that no checkpoint falls into a measurement for want of it.
        "max_wal_size=4GB".into(),
    ];
    let mut arguments = vec!["-D".to_owned(), data.to_string_lossy().into_owned()];
    for setting in settings {
        arguments.extend(["-c".to_owned(), setting]);
    }
    let mut server = Server::start(&program, directory, &Setup { user, arguments })?;
    let mut config = Config::new();
    config.host("127.0.0.1").port(port).user(USER).dbname(USER);
    let mut client = server.wait_for(|| config.connect(NoTls))?;
    if is_new {
        fill(&mut client, pool)?;
    }
    Ok(Box::new(Postgres { server, config }))
}

/// Lets the user of the server into a directory of ours.
fn give(directory: &Path, user: &str) -> Result<(), Failure> {
    let passwords = fs::read_to_string("/etc/passwd")?;
    let entry = passwords.lines().map(|line| line.split(':'));
    let mut entry = entry
        .filter(|entry| entry.clone().next() == Some(user))
        .flat_map(|entry| entry.skip(2));
    let id = entry.next().and_then(|id| id.parse().ok());
    let group = entry.next().and_then(|id| id.parse().ok());
    if id.is_none() || group.is_none() {
        return Err(Failure::Missing(format!("there is no user {user}")));
    }
    chown(directory, id, group)?;
    // The directories of all systems lie in one that only its owner may enter.
    if let Some(parent) = directory.parent() {
        let mode = fs::metadata(parent)?.permissions().mode();
        fs::set_permissions(parent, fs::Permissions::from_mode(mode | 0o011))?;
    }
    Ok(())
}

fn make(data: &Path, user: Option<&str>) -> Result<(), Failure> {
    let program = install::program("initdb", "postgresql")?;
    let mut command = match user {
        Some(user) => {
            let mut command = Command::new("setpriv");
            command
                .args(["--reuid", user, "--regid", user, "--clear-groups", "--"])
                .arg(program);
            command
        }
        None => Command::new(program),
    };
    let output = command
        .arg("-D")
        .arg(data)
        .args(["--username", USER, "--auth", "trust", "--locale", "C"])
        .args(["--encoding", "UTF8", "--no-sync"])
        .current_dir(data.parent().unwrap_or(data))
        .stdin(Stdio::null())
        .output()?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(Failure::Failed(format!("initdb failed: {}", said.trim())))
}

fn fill(client: &mut Client, pool: &Pool) -> Result<(), Failure> {
    let signed = |number: &u64| i64::try_from(*number);
    let weights = pool.weights.iter().map(signed);
    let stock = pool.stock.iter().map(signed);
    let weights = weights.collect::<Result<Vec<_>, _>>()?;
    let stock = stock.collect::<Result<Vec<_>, _>>()?;
    let mut making = client.transaction()?;
    making.batch_execute(include_str!("draw.sql"))?;
    making.execute(
        "INSERT INTO item SELECT number - 1, weight, units
         FROM unnest($1::bigint[], $2::bigint[]) WITH ORDINALITY AS given (weight, units, number)",
        &[&weights, &stock],
    )?;
    making.execute("SELECT weigh()", &[])?;
    making.commit()?;
    Ok(client.batch_execute("VACUUM ANALYZE item, odds")?)
}

impl System for Postgres {
    fn connect(&self, _: Manner) -> Result<Box<dyn Peer>, Failure> {
        let mut client = self.config.connect(NoTls)?;
        let statement = client.prepare("SELECT places, sold_out FROM draw($1)")?;
        Ok(Box::new(Caller {
            client,
            statement,
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
    client: Client,
    statement: Statement,
    random: Stream,
}

impl Peer for Caller {
    fn draw_batch(&mut self, count: usize, out: &mut Vec<Answer>) -> Result<(), Failure> {
        let all = out.len() + count;
        // Numbers that were passed over leave some to ask for again.
        while out.len() < all {
            let numbers: Vec<i64> = (out.len()..all)
                .map(|_| (self.random.next_u64() >> 1).cast_signed())
                .collect();
            let row = self.client.query_one(&self.statement, &[&numbers])?;
            let places: Vec<i32> = row.get(0);
            out.extend(places.into_iter().map(|place| u32::try_from(place).ok()));
            if row.get(1) {
                out.resize(all, None);
            }
        }
        Ok(())
    }
}
