//! The ways in which a system is asked.

use tombola_measure::text::grouped;

use crate::{group_commit::SLOTS, peer::Manner};

/// How many ask, for how much, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Callers that each wait for a commit before they ask for the next.
    Commits {
        callers: usize,
        batch: usize,
        manner: Manner,
    },
    /// One caller that keeps so many draws under way.
    Window(usize),
    /// So many draws fall due each second, whatever became of those before.
    Rate(u64),
}

impl Shape {
    /// As many under way as Tombola's rings hold by default.
    pub(crate) const SATURATED: Self = Self::Window(SLOTS);

    /// What the tables call it.
    pub(crate) fn title(self) -> String {
        match self {
            Self::Commits {
                callers: 1,
                batch: 1,
                ..
            } => "one draw a commit".into(),
            Self::Commits {
                batch,
                manner: Manner::Pipelined,
                ..
            } => format!("{} calls in a pipeline", grouped(batch as u64)),
            Self::Commits {
                callers: 1, batch, ..
            } => format!("{} draws a commit", grouped(batch as u64)),
            Self::Commits { callers, .. } => format!("{callers} callers, one draw each"),
            Self::SATURATED => format!("saturated, {} under way", grouped(SLOTS as u64)),
            Self::Window(open) => format!("{open} under way"),
            Self::Rate(rate) => format!("{} due a second", grouped(rate)),
        }
    }
}
