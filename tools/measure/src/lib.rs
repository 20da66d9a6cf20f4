//! What the `tombola` command, the harness in `perf` and the comparison with other systems measure
//! with, so that their figures mean the same.
//!
//! [`Place`] and [`Machine`] say where a figure was measured, [`arguments`] how, [`DeviceProbe`] what the device does
//! alone at that moment, [`load`] puts an engine under load, [`Latency`] is what comes of it, and
//! [`text`] shows it to people.

mod command;
mod latency;
pub mod load;
mod machine;
mod place;
mod probe;
mod recorder;
pub mod signals;
pub mod text;
pub mod under_way;

pub use command::arguments;
pub use latency::{Latency, add, nanoseconds};
pub use machine::Machine;
pub use place::{Place, PlaceError};
pub use probe::DeviceProbe;
