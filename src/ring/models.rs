//! Models of what crosses between threads, for `loom`: every order, and every value that the memory
//! model allows a load to see.
//!
//! Each protocol is also run with a mistake planted into it, which has to be found: so a model that
//! looks at nothing cannot pass.

mod completions;
mod mesh;
mod park;
mod reply;
