//! Logs and snapshots that fit together as far as a recipe lets them.

use crate::{place::Place, recipe, verdict};

/// The input is the [recipe](crate::recipe) of a data directory.
pub(crate) fn run(data: &[u8]) {
    verdict::check(&Place::with(&recipe::lay(data)));
}
