//! Models of what a shard and everybody else have together, for `loom`: see `ring::models`.

mod clients;
mod end;
