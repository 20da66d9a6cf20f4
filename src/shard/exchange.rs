//! How shards help each other out with units of a pool that lives on all of them.
//!
//! A draw chooses among all items that are in stock anywhere. If the shard that draws has none of
//! the item left, the request stays at the head of its ring with the item already chosen, and the
//! shard asks the pool's home shard. That one gives of its own units, calls units back from the
//! others when it has none either, and says so to everybody when nobody has any: then the item
//! leaves all selectors, and the draw is made again.
//!
//! A request for several draws may need units from several shards. One of a pool at a time collects
//! them (see `turns`).
//!
//! Nothing here blocks: what finds a ring full waits in a queue, and a shard reads what comes
//! whether it can send or not. So two shards with full rings cannot stop each other. The queues are
//! bounded by what can be asked: an item is wanted, recalled or told gone once until the answer.

mod collecting;
mod fence;
mod scarce;
mod transfers;
mod turns;

use std::{
    collections::{BTreeMap, HashSet, VecDeque},
    io,
    sync::Arc,
};

use super::{control::ShardHandle, partition::Partition};
use crate::{
    ring::MeshEnd,
    selector::Selector,
    wal::{Wal, record::TransferRecord},
};

use fence::Fence;
use scarce::{Scarce, set_available};
use turns::Turns;

/// Messages read from one shard before the next one's turn comes.
const BATCH_MAX: usize = 64;

/// A pool and an item, by their places.
type Item = (u32, u32);

/// What shards say to each other. `received` is the number of the last transfer that the sender has
/// got from the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Message {
    /// To the home shard: a draw has chosen this, and there is none here.
    Want { item: Item, received: u64 },
    /// From the home shard: give units back.
    Recall { item: Item },
    /// To the home shard: there is none here.
    Empty { item: Item, received: u64 },
    /// From the home shard: say when there is none there.
    Tell { item: Item },
    /// Units. What the record says of them is durable where they come from.
    Units(TransferRecord),
    /// The transfers up to this one have come, durably.
    Got { upto: u64 },
    /// From the home shard: nobody has any.
    Gone { item: Item },
    /// Somebody has some again.
    Back { item: Item },
    /// From the home shard: who may have any has stopped.
    CutOff { item: Item },
    /// To the home shard: a request here wants to collect.
    AskTurn { pool: u32 },
    /// From the home shard: the next request that wants to collect may do so.
    Turn { pool: u32 },
    /// From the home shard to who collects: nobody else has any.
    Absent { item: Item },
    /// To the home shard: the request has collected.
    TurnOver { pool: u32 },
}

/// One shard's dealings with the others.
pub(crate) struct Exchange {
    shard: u32,
    mesh: MeshEnd<Message>,
    peers: Vec<Arc<ShardHandle>>,
    posts: Vec<Post>,
    /// What was asked for and has not come.
    wanted: HashSet<Item>,
    /// Items of which nobody answers that may have any.
    cut_off: HashSet<Item>,
    /// What the home shard was told that there is none of here.
    said_empty: HashSet<Item>,
    /// What the others were told to be gone.
    told_gone: HashSet<Item>,
    /// Items that came back while nobody listened: the log does not say so yet.
    returned: VecDeque<Item>,
    turns: Turns,
    /// Shards that had stopped when it was last looked.
    stopped: usize,
    /// What the home shard knows of items that it has run out of.
    scarce: BTreeMap<Item, Scarce>,
    /// Items that the home shard has to look at.
    todo: VecDeque<Item>,
    /// Transfers that came from other shards.
    transfers: u64,
    /// Who waits until what was said before is known.
    fences: Vec<Fence>,
}

/// What goes to one other shard, in order.
#[derive(Default)]
struct Post {
    /// Each with the sequence number that has to be durable first.
    outgoing: VecDeque<(u64, Message)>,
    /// What came and could not be written down yet. Nothing that came later is read before it.
    stuck: Option<Message>,
    /// The last transfer that has come there.
    got: u64,
    /// Messages that were ever handled from there, and sent there.
    handled: u64,
    sent: u64,
}

impl Exchange {
    /// `received` says for every other shard which transfers it has got.
    pub(crate) fn new<S: Selector>(
        shard: usize,
        mesh: MeshEnd<Message>,
        peers: Vec<Arc<ShardHandle>>,
        partition: &mut Partition<S>,
        received: &[u64],
        gone: &[Item],
    ) -> Self {
        let post = |(peer, got): (u32, u64)| {
            let outbox = partition.exchanged(peer).map(|exchanged| &exchanged.outbox);
            let missing = outbox.into_iter().flatten();
            let missing = missing.filter(|transfer| transfer.number > got);
            Post {
                outgoing: missing.map(|units| (0, Message::Units(*units))).collect(),
                got,
                ..Post::default()
            }
        };
        let mut exchange = Self {
            shard: shard as u32,
            mesh,
            peers,
            posts: (0..).zip(received.iter().copied()).map(post).collect(),
            wanted: HashSet::new(),
            cut_off: HashSet::new(),
            said_empty: HashSet::new(),
            told_gone: HashSet::new(),
            returned: VecDeque::new(),
            turns: Turns::default(),
            stopped: 0,
            scarce: BTreeMap::new(),
            todo: VecDeque::new(),
            transfers: 0,
            fences: Vec::new(),
        };
        exchange.look_at_gone(partition, gone);
        exchange
    }

    /// Items that nobody has when the engine begins, as all shards together show. The home shard's
    /// log may say something else, where the engine ended in between.
    fn look_at_gone<S: Selector>(&mut self, partition: &mut Partition<S>, gone: &[Item]) {
        for item in gone.iter().copied() {
            if partition.home(item.0) != Some(self.shard) {
                partition.set_gone(item.0, item.1, true);
                // The home shard takes it as said; it has to hear when some come back.
                self.said_empty.insert(item);
            } else if !partition.is_gone(item.0, item.1) {
                for peer in self.others() {
                    let sent = partition
                        .exchanged(peer)
                        .map_or(0, |exchanged| exchanged.sent);
                    self.scarce(partition, item).empty.insert(peer, sent);
                }
                self.todo.push_back(item);
            }
        }
        let gone: HashSet<&Item> = gone.iter().collect();
        for item in partition.all_gone() {
            if partition.home(item.0) != Some(self.shard) {
                partition.set_gone(item.0, item.1, gone.contains(&item));
            } else if gone.contains(&item) {
                self.told_gone.insert(item);
            } else {
                partition.set_gone(item.0, item.1, false);
                self.returned.push_back(item);
            }
        }
    }

    /// How often units came from another shard.
    pub(crate) fn transfers(&self) -> u64 {
        self.transfers
    }

    /// A draw has chosen an item that is not here; it waits, and says so again at every turn.
    pub(crate) fn want<S: Selector>(&mut self, partition: &Partition<S>, item: Item) {
        match partition.home(item.0) {
            Some(home) if home == self.shard => {
                let scarce = self.scarce(partition, item);
                if !scarce.wanted_here {
                    scarce.wanted_here = true;
                    self.todo.push_back(item);
                }
            }
            Some(home) if self.wanted.insert(item) => {
                let received = partition.received_from(home);
                self.post(home, 0, Message::Want { item, received });
            }
            _ => {}
        }
    }

    /// Whether nobody will answer what was asked for: a shard has stopped that may have the item,
    /// or knows who has it.
    pub(crate) fn is_cut_off<S: Selector>(
        &self,
        partition: &Partition<S>,
        pool: u32,
        item: Option<u32>,
    ) -> bool {
        let home = partition.home(pool);
        home.is_some_and(|home| self.is_over(home))
            || item.is_some_and(|item| self.cut_off.contains(&(pool, item)))
    }

    /// Whether something has come, or waits to be sent.
    pub(crate) fn is_busy(&self) -> bool {
        self.mesh.has_mail()
            || !self.todo.is_empty()
            || !self.returned.is_empty()
            || !self.fences.is_empty()
            || self
                .posts
                .iter()
                .any(|post| !post.outgoing.is_empty() || post.stuck.is_some())
    }

    /// Reads what has come, does what is to be done, and sends what can be sent; whether there was
    /// anything.
    pub(crate) fn step<S: Selector>(
        &mut self,
        partition: &mut Partition<S>,
        wal: &mut Wal,
    ) -> io::Result<bool> {
        let mut worked = false;
        while let Some(item) = partition.stirred(|pool| self.turns.has_turn(pool)) {
            worked |= self.stirred(partition, wal, item);
        }
        while let Some(item) = self.returned.front().copied() {
            if !set_available(partition, wal, item, true)? {
                break;
            }
            self.returned.pop_front();
            worked = true;
        }
        self.look_for_stopped();
        // First what came before the last draws: so a unit is offered to the draws that wait here
        // before it goes elsewhere, and shards that want the same one do not pass it round for ever.
        for _ in 0..self.todo.len() {
            let Some(item) = self.todo.pop_front() else {
                break;
            };
            if !self.serve(partition, wal, item)? {
                self.todo.push_front(item);
                break;
            }
            worked = true;
        }
        for peer in self.others() {
            for _ in 0..BATCH_MAX {
                let stuck = self.posts[peer as usize].stuck.take();
                let Some(message) = stuck.or_else(|| self.mesh.receive(peer as usize)) else {
                    break;
                };
                if !self.handle(partition, wal, peer, message)? {
                    self.posts[peer as usize].stuck = Some(message);
                    break;
                }
                self.posts[peer as usize].handled += 1;
                worked = true;
                if matches!(message, Message::Units(_)) {
                    // What comes behind them may call them back.
                    break;
                }
            }
        }
        for peer in self.others() {
            self.write_off(partition, wal, peer)?;
            worked |= self.flush(peer, wal.durable_seq());
        }
        self.pass_fences();
        Ok(worked)
    }

    /// `false` while there is no room for the record that it takes.
    fn handle<S: Selector>(
        &mut self,
        partition: &mut Partition<S>,
        wal: &mut Wal,
        peer: u32,
        message: Message,
    ) -> io::Result<bool> {
        match message {
            Message::Want { item, received } => {
                let scarce = self.scarce(partition, item);
                // What is on its way answers it, or it will be asked again.
                if !scarce.is_on_its_way(peer, received) {
                    scarce.wanting.insert(peer);
                    self.todo.push_back(item);
                }
            }
            Message::Recall { item } => {
                let remaining = partition.remaining(item.0, item.1);
                if remaining == 0 {
                    self.say_empty(partition, wal, peer, item);
                } else {
                    let units = remaining - remaining / 2;
                    return self.give(partition, wal, peer, item, units);
                }
            }
            Message::Tell { item } => {
                if partition.remaining(item.0, item.1) == 0 {
                    self.say_empty(partition, wal, peer, item);
                }
            }
            Message::Empty { item, received } => {
                let scarce = self.scarce(partition, item);
                scarce.recalled.remove(&peer);
                scarce.empty.insert(peer, received);
                self.turns.doubt(item.0, item.1, peer);
                self.todo.push_back(item);
            }
            Message::Units(units) => return self.receive(partition, wal, peer, units),
            Message::Got { upto } => {
                let post = &mut self.posts[peer as usize];
                post.got = post.got.max(upto);
            }
            Message::Gone { item } => {
                self.wanted.remove(&item);
                self.cut_off.remove(&item);
                if partition.remaining(item.0, item.1) == 0 {
                    partition.set_gone(item.0, item.1, true);
                } else {
                    self.said_empty.remove(&item);
                    self.post(peer, 0, Message::Back { item });
                }
            }
            Message::Back { item } => {
                if partition.home(item.0) == Some(self.shard) {
                    if partition.is_gone(item.0, item.1)
                        && !set_available(partition, wal, item, true)?
                    {
                        return Ok(false);
                    }
                    self.told_gone.remove(&item);
                    let scarce = self.scarce(partition, item);
                    scarce.empty.remove(&peer);
                    scarce.recalled.remove(&peer);
                    self.todo.push_back(item);
                    self.tell_others(Message::Back { item }, Some(peer));
                } else {
                    partition.set_gone(item.0, item.1, false);
                }
            }
            Message::CutOff { item } => {
                self.wanted.remove(&item);
                self.cut_off.insert(item);
            }
            Message::AskTurn { .. }
            | Message::Turn { .. }
            | Message::Absent { .. }
            | Message::TurnOver { .. } => self.turn_by_turn(peer, message),
        }
        Ok(true)
    }

    /// This shard's units of an item came to nothing, or came from nothing; whether that is news.
    fn stirred<S: Selector>(&mut self, partition: &Partition<S>, wal: &Wal, item: Item) -> bool {
        let is_empty = partition.remaining(item.0, item.1) == 0;
        let away = partition.home(item.0).filter(|home| *home != self.shard);
        match (away, is_empty) {
            (Some(home), true) if !self.said_empty.contains(&item) => {
                self.say_empty(partition, wal, home, item);
            }
            (Some(home), false) if self.said_empty.remove(&item) => {
                self.post(home, 0, Message::Back { item });
            }
            (None, true) => self.todo.push_back(item),
            (None, false) if self.told_gone.remove(&item) => {
                self.tell_others(Message::Back { item }, None);
            }
            // Taken and put back by a request that waits, for one.
            _ => return false,
        }
        true
    }

    /// Says to the home shard that there is none here.
    fn say_empty<S: Selector>(
        &mut self,
        partition: &Partition<S>,
        wal: &Wal,
        home: u32,
        item: Item,
    ) {
        self.said_empty.insert(item);
        self.turns.say_empty(item.0, item.1);
        let received = partition.received_from(home);
        // Nobody may be told that it is gone until the draws that took it are durable.
        let after_seq = wal.next_seq() - 1;
        self.post(home, after_seq, Message::Empty { item, received });
    }

    /// Whoever waits for a shard that has stopped waits no more.
    fn look_for_stopped(&mut self) {
        let stopped = self.others().filter(|peer| self.is_over(*peer)).count();
        if stopped == self.stopped {
            return;
        }
        self.stopped = stopped;
        self.todo.extend(self.scarce.keys().copied());
        let over: Vec<u32> = self.others().filter(|peer| self.is_over(*peer)).collect();
        for peer in over {
            for pool in self.turns.given_pools(peer) {
                self.turn_by_turn(peer, Message::TurnOver { pool });
            }
        }
    }

    fn is_over(&self, peer: u32) -> bool {
        peer != self.shard && self.peers[peer as usize].over().is_some()
    }

    fn others(&self) -> impl Iterator<Item = u32> + use<> {
        let own = self.shard;
        (0..self.peers.len() as u32).filter(move |peer| *peer != own)
    }

    fn tell_others(&mut self, message: Message, but: Option<u32>) {
        for peer in self.others().filter(|peer| Some(*peer) != but) {
            self.post(peer, 0, message);
        }
    }

    fn post(&mut self, peer: u32, after_seq: u64, message: Message) {
        self.posts[peer as usize]
            .outgoing
            .push_back((after_seq, message));
    }

    /// Sends what may be sent and finds room.
    fn flush(&mut self, peer: u32, durable_seq: u64) -> bool {
        let is_over = self.is_over(peer);
        let post = &mut self.posts[peer as usize];
        if is_over {
            // Nobody reads it any more. Units that were not received are in the log.
            post.outgoing.clear();
            return false;
        }
        let mut sent = false;
        while let Some((after_seq, message)) = post.outgoing.front()
            && *after_seq <= durable_seq
            && self.mesh.send(peer as usize, *message).is_ok()
        {
            post.outgoing.pop_front();
            post.sent += 1;
            sent = true;
        }
        if sent {
            self.peers[peer as usize].sleeper.wake();
        }
        sent
    }
}
