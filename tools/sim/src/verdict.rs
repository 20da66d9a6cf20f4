//! What has to hold of a disk after every end of an engine.

use std::collections::BTreeMap;

use tombola::{
    Completion,
    machine::Directory,
    recovery::{self, Examination},
    wal::record::{Record, Settlement},
};

use crate::{book::Book, evidence::Evidence, history::History};

/// Everything at once: what was acknowledged is there, what is there was asked for, numbers follow
/// each other, units are conserved, and the state is what the records come to.
///
/// # Errors
/// Says what does not hold.
pub fn check(
    data: &Directory,
    archive: &Directory,
    evidence: &Evidence,
    book: &Book,
    history: &mut History,
) -> Result<Examination, String> {
    let examination = history.read(data, archive, evidence)?;
    acknowledged_is_there(book, history, &examination)?;
    what_is_there_was_asked_for(book, history)?;
    units_are_conserved(data)?;
    state_is_what_the_records_come_to(history, &examination)?;
    Ok(examination)
}

/// No unit is missing, and none is there twice.
///
/// # Errors
/// Says of which item.
pub fn units_are_conserved(data: &Directory) -> Result<(), String> {
    let audit = recovery::audit(data).map_err(|error| error.to_string())?;
    let mut mistakes = audit.pools.iter().flat_map(|pool| &pool.mistakes);
    match mistakes.next() {
        Some(mistake) => Err(format!("units are not conserved: {mistake}")),
        None => Ok(()),
    }
}

fn acknowledged_is_there(
    book: &Book,
    history: &History,
    examination: &Examination,
) -> Result<(), String> {
    for completion in book.acknowledged.values() {
        let seq = completion.seq.ok_or("an acknowledged draw has no number")?;
        let upto = examination.shards[completion.shard].next_seq;
        let record = history.records.get(&(completion.shard, seq));
        let record = record.filter(|_| seq < upto);
        if !record.is_some_and(|record| is_record_of(record, completion)) {
            return Err(format!(
                "acknowledged and lost: {completion:?}; there is {record:?}, and the log goes on at {upto}"
            ));
        }
    }
    let settled = |how| {
        let records = history.records.values();
        let settled = records.filter_map(move |record| match record {
            Record::Voided(voided) if how == Settlement::Voided => Some(voided.request),
            Record::Settled(settled) if settled.how == how => Some(settled.request),
            _ => None,
        });
        settled.collect::<std::collections::BTreeSet<u64>>()
    };
    let voided = settled(Settlement::Voided);
    if let Some(request) = book.voided.difference(&voided).next() {
        return Err(format!(
            "the void of request {request} was acknowledged and lost"
        ));
    }
    let confirmed = settled(Settlement::Confirmed);
    if let Some(request) = book.confirmed.difference(&confirmed).next() {
        return Err(format!(
            "request {request} was confirmed, and that was lost"
        ));
    }
    for (pool, (acknowledged, asked)) in &book.edits {
        let at_home = history.records.iter().filter(|((shard, _), record)| {
            *shard == pool.shard()
                && matches!(record, Record::Changed(part) if part.pool == pool.index() && part.is_last)
        });
        let made = at_home.count() as u64;
        if made < *acknowledged || made > *asked {
            return Err(format!(
                "{acknowledged} changes of {pool:?} were acknowledged, {asked} asked for, {made} are there"
            ));
        }
    }
    Ok(())
}

/// Whether a record is that of an acknowledged draw.
pub(crate) fn is_record_of(record: &Record, completion: &Completion) -> bool {
    drawn(record).is_some_and(|(request, items)| {
        request == completion.request && completion.items().eq(items)
    })
}

/// The request and the items of a record of draws.
fn drawn(record: &Record) -> Option<(u64, Vec<Option<u32>>)> {
    let item = |item: u32| (item != tombola::wal::record::NO_PRIZE).then_some(item);
    match record {
        Record::Draw(draw) => Some((draw.request, vec![item(draw.item)])),
        Record::Draws(draws) => {
            let items = draws.items.iter().map(|drawn| item(*drawn));
            Some((draws.request, items.collect()))
        }
        _ => None,
    }
}

fn what_is_there_was_asked_for(book: &Book, history: &History) -> Result<(), String> {
    let mut seen: BTreeMap<u64, (usize, u64)> = BTreeMap::new();
    for (at, record) in &history.records {
        let Some((request, items)) = drawn(record) else {
            continue;
        };
        let Some(submitted) = book.submitted.get(&request) else {
            return Err(format!(
                "nobody submitted what record {at:?} says: {record:?}"
            ));
        };
        if items.len() > usize::from(submitted.count) {
            return Err(format!("more was drawn than was asked for: {record:?}"));
        }
        if let Some(before) = seen.insert(request, *at) {
            return Err(format!(
                "request {request} was drawn at {before:?} and at {at:?}"
            ));
        }
    }
    Ok(())
}

/// The state of every shard is what its records come to.
pub(crate) fn state_is_what_the_records_come_to(
    history: &History,
    examination: &Examination,
) -> Result<(), String> {
    let shards = examination.shards.len();
    for state in &examination.shards {
        let shard = state.shard;
        let (first, mut replayed) = history.base(shard, shards);
        let mut next = first;
        for ((_, seq), record) in history.records.range((shard, 0)..(shard + 1, 0)) {
            if *seq >= state.next_seq {
                return Err(format!(
                    "record {seq} of shard {shard} was there, and is not any more"
                ));
            }
            if *seq != next {
                return Err(format!("record {next} of shard {shard} is nowhere"));
            }
            replayed
                .apply(*seq, record)
                .map_err(|error| format!("record {seq} of shard {shard} does not fit: {error}"))?;
            next += 1;
        }
        if replayed != state.partition {
            return Err(format!(
                "the state of shard {shard} is not what records {first} to {} come to",
                next - 1
            ));
        }
    }
    Ok(())
}
