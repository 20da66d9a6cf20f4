//! What reached a device, in order, and every state in which a power cut could have left it.

/// The part of a write that a device makes whole or not at all.
const SECTOR: usize = 512;

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
    /// Each sector is there or not, as the coin says.
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
                Fate::Torn => {
                    for (to, sector) in to.chunks_mut(SECTOR).zip(bytes.chunks(SECTOR)) {
                        if chance.keeps_sector() {
                            to.copy_from_slice(sector);
                        }
                    }
                }
            }
        }
        image
    }

    /// The numbers of events right behind which there is a flush.
    pub fn flushes(&self) -> impl Iterator<Item = usize> {
        let events = self.events.iter().enumerate();
        events.filter_map(|(at, event)| matches!(event, Event::Flush).then_some(at + 1))
    }
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
        let write = |byte| Event::Write(0, vec![byte; 2 * SECTOR].into());
        let recording = Recording {
            base: vec![0; 3 * SECTOR],
            events: vec![write(1), Event::Flush, write(2), write(3), Event::Flush],
        };
        let sectors = |upto, chance: &mut dyn Chance| {
            let image = recording.after_cut(upto, chance);
            [image[0], image[SECTOR], image[2 * SECTOR]]
        };
        assert_eq!(sectors(1, &mut OnlyFlushed), [0, 0, 0]);
        assert_eq!(sectors(2, &mut OnlyFlushed), [1, 1, 0]);
        assert_eq!(sectors(4, &mut OnlyFlushed), [1, 1, 0]);
        assert_eq!(sectors(3, &mut Torn(false)), [2, 1, 0]);
        assert_eq!(sectors(5, &mut OnlyFlushed), [3, 3, 0]);
        assert_eq!(recording.flushes().collect::<Vec<_>>(), [2, 5]);
    }
}
