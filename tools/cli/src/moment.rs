//! When a pool takes draws, in words.

use tombola::config::Moment;

/// From when to when; `None` for always.
pub(crate) fn window(opens_at_ms: Option<u64>, closes_at_ms: Option<u64>) -> Option<String> {
    match (opens_at_ms.map(Moment), closes_at_ms.map(Moment)) {
        (None, None) => None,
        (Some(opens), None) => Some(format!("from {opens}")),
        (None, Some(closes)) => Some(format!("until {closes}")),
        (Some(opens), Some(closes)) => Some(format!("from {opens} until {closes}")),
    }
}
