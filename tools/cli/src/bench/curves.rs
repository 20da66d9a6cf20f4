//! Percentile curves as a picture.

use std::path::Path;

use super::{machine::Machine, outputs::Curve};
use crate::failure::Failure;

pub(super) fn draw(
    _path: &Path,
    _title: &str,
    _curves: &[Curve],
    _machine: &Machine,
) -> Result<(), Failure> {
    Ok(())
}
