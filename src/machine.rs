//! What an engine needs of the machine it runs on, behind seams: files, time, randomness, and
//! someone who runs its tasks.
//!
//! By default these are the operating system's. A simulation puts its own in their place, and has a
//! whole engine then, single-threaded, whose every step it decides: files that tear and lose
//! ([`Files`]), a clock that stands still ([`Clock`]), numbers that come again ([`Entropy`]), tasks
//! that take turns ([`Tasks`]). Where the log's blocks go is the seam [`Storage`](crate::storage).

mod clock;
mod directory;
mod entropy;
mod files;
mod lock;
mod system;
mod tasks;

pub use clock::Clock;
pub use directory::Directory;
pub use entropy::Entropy;
pub use files::{Access, Files, Lock, OpenFile};
pub use system::SystemFiles;
pub(crate) use system::open_direct;
pub use tasks::{MakeTask, Progress, Running, Task, Tasks, Threads, Waiting};
