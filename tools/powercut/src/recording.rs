//! What reached a device, in order, and every state in which a power cut could have left it.

/// The part of a write that a device makes whole or not at all.
const SECTOR: usize = 512;

/// The part of a write that a file system may have one checksum for.
const PAGE: usize = 4096;

/// What a journal's own block begins with: a magic number, and which kind of superblock it is.
const JOURNAL_MAGIC: [u8; 4] = [0xC0, 0x3B, 0x39, 0x98];
const JOURNAL_SUPERBLOCKS: [[u8; 4]; 2] = [[0, 0, 0, 3], [0, 0, 0, 4]];

/// What a device was told.
#[derive(Debug)]
pub enum Event {
    /// To write these bytes at this offset.
    Write(u64, Box<[u8]>),
    /// To make everything before this durable.
    Flush,
}

/// What becomes of a write that was not flushed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// All of it is there.
    Kept,
    /// Nothing of it is there.
    Lost,
    /// Each sector is there or not, as the coin says. But a superblock of ext4 or of its journal is
    /// there or not as a whole: its checksum is of two sectors, there is no second one, and the file
    /// system takes it for granted that these are not torn.
    Torn,
}

/// Chance, which a test has from a seed.
pub trait Chance {
    /// What becomes of the next write.
    fn fate(&mut self) -> Fate;
    /// Whether the next sector of a torn write is there.
    fn keeps_sector(&mut self) -> bool;
}

/// Nothing is left of what was not flushed.
#[derive(Debug, Clone, Copy)]
pub struct OnlyFlushed;

impl Chance for OnlyFlushed {
    fn fate(&mut self) -> Fate {
        Fate::Lost
    }

    fn keeps_sector(&mut self) -> bool {
        false
    }
}

/// What a device held at first, and all that it was told since.
#[derive(Debug, Default)]
pub struct Recording {
    /// What it held at first.
    pub base: Vec<u8>,
    /// What it was told.
    pub events: Vec<Event>,
}

impl Recording {
    /// What the device may hold after a power cut behind the first `upto` events: all that was
    /// flushed, and of the writes after that whatever chance leaves of them.
    ///
    /// # Panics
    /// If there are not so many events, or one wrote past the end of the device.
    pub fn after_cut(&self, upto: usize, chance: &mut dyn Chance) -> Vec<u8> {
        let events = &self.events[..upto];
        let is_flush = |event: &Event| matches!(event, Event::Flush);
        let flushed = events.iter().rposition(is_flush).unwrap_or(0);
        let mut image = self.base.clone();
        for (at, event) in events.iter().enumerate() {
            let Event::Write(offset, bytes) = event else {
                continue;
            };
            let fate = if at < flushed {
                Fate::Kept
            } else {
                chance.fate()
            };
            let to = &mut image[*offset as usize..][..bytes.len()];
            match fate {
                Fate::Kept => to.copy_from_slice(bytes),
                Fate::Lost => {}
                Fate::Torn => tear(to, *offset as usize, bytes, chance),
            }
        }
        image
    }

    /// Goes through all flushes behind which there is something new, in order: gives `each` the number
    /// of events until then and what the device holds for certain. Each write is made once.
    pub fn at_each_flush(&self, mut each: impl FnMut(usize, &[u8])) {
        let mut image = self.base.clone();
        let mut is_new = true;
        for (event, upto) in self.events.iter().zip(1..) {
            match event {
                Event::Write(offset, bytes) => {
                    image[*offset as usize..][..bytes.len()].copy_from_slice(bytes);
                    is_new = true;
                }
                Event::Flush if is_new => {
                    each(upto, &image);
                    is_new = false;
                }
                Event::Flush => {}
            }
        }
    }

    /// The numbers of events right behind which there is a flush.
    pub fn flushes(&self) -> impl Iterator<Item = usize> {
        let events = self.events.iter().enumerate();
        events.filter_map(|(at, event)| matches!(event, Event::Flush).then_some(at + 1))
    }
}

fn tear(to: &mut [u8], offset: usize, bytes: &[u8], chance: &mut dyn Chance) {
    let pages = to.chunks_mut(PAGE).zip(bytes.chunks(PAGE));
    for ((to, page), offset) in pages.zip((offset..).step_by(PAGE)) {
        let is_whole = is_superblock(offset, page);
        let part = if is_whole { PAGE } else { SECTOR };
        for (to, part) in to.chunks_mut(part).zip(page.chunks(part)) {
            if chance.keeps_sector() {
                to.copy_from_slice(part);
            }
        }
    }
}

fn is_superblock(offset: usize, page: &[u8]) -> bool {
    let is_of_journal = page.starts_with(&JOURNAL_MAGIC)
        && JOURNAL_SUPERBLOCKS
            .iter()
            .any(|kind| page[4..].starts_with(kind));
    offset < PAGE || is_of_journal
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Torn(bool);

    impl Chance for Torn {
        fn fate(&mut self) -> Fate {
            Fate::Torn
        }

        fn keeps_sector(&mut self) -> bool {
            self.0 = !self.0;
            self.0
        }
    }

    #[test]
    fn what_was_flushed_is_kept_and_the_rest_is_chance() {
        let write = |byte| Event::Write(PAGE as u64, vec![byte; 2 * SECTOR].into());
        let recording = Recording {
            base: vec![0; 2 * PAGE],
            events: vec![write(1), Event::Flush, write(2), write(3), Event::Flush],
        };
        let sectors = |upto, chance: &mut dyn Chance| {
            let image = recording.after_cut(upto, chance);
            [0, SECTOR, 2 * SECTOR].map(|at| image[PAGE + at])
        };
        assert_eq!(sectors(1, &mut OnlyFlushed), [0, 0, 0]);
        assert_eq!(sectors(2, &mut OnlyFlushed), [1, 1, 0]);
        assert_eq!(sectors(4, &mut OnlyFlushed), [1, 1, 0]);
        assert_eq!(sectors(3, &mut Torn(false)), [2, 1, 0]);
        assert_eq!(sectors(5, &mut OnlyFlushed), [3, 3, 0]);
        assert_eq!(recording.flushes().collect::<Vec<_>>(), [2, 5]);
    }

    #[test]
    fn each_flush_has_what_a_cut_behind_it_leaves_for_certain() {
        let write = |at: usize| Event::Write((at * SECTOR) as u64, vec![at as u8; SECTOR].into());
        let (first, same) = (write(1), Event::Flush);
        let events = vec![
            first,
            Event::Flush,
            same,
            write(2),
            write(3),
            Event::Flush,
            write(4),
        ];
        let recording = Recording {
            base: vec![9; PAGE],
            events,
        };
        let mut seen = Vec::new();
        recording.at_each_flush(|upto, image| {
            assert_eq!(image, recording.after_cut(upto, &mut OnlyFlushed));
            seen.push(upto);
        });
        assert_eq!(seen, [2, 6]);
    }

    #[test]
    fn superblocks_are_not_torn() {
        let mut journal = vec![7; PAGE];
        journal[..8].copy_from_slice(&[0xC0, 0x3B, 0x39, 0x98, 0, 0, 0, 4]);
        for (offset, page) in [(0, vec![7; PAGE]), (2 * PAGE, journal)] {
            let recording = Recording {
                base: vec![0; 4 * PAGE],
                events: vec![Event::Write(offset as u64, page.clone().into())],
            };
            let image = recording.after_cut(1, &mut Torn(false));
            assert_eq!(image[offset..][..PAGE], page);
            let image = recording.after_cut(1, &mut Torn(true));
            assert_eq!(image, recording.base);
        }
    }
}
