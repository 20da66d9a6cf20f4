//! Example programs, see `examples`.
