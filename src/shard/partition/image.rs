//! A partition as bytes, for snapshots, and its checks when it comes back.

use std::sync::Arc;

use bincode::{Decode, Encode};

use super::{Count, CountsOnly, Misfit, Partition, Pool, UNLIMITED};
use crate::{pool::PoolDefinition, request::PoolId, wal::segment::SEQ_MAX};

#[derive(Encode)]
struct PoolImage<'a> {
    definition: &'a PoolDefinition,
    items_total: u32,
    counts: &'a [Count],
    no_prizes: u64,
}

#[derive(Decode)]
struct PoolBack {
    definition: PoolDefinition,
    items_total: u32,
    counts: Vec<Count>,
    no_prizes: u64,
}

/// What a snapshot holds, read back but not yet checked.
#[derive(Decode)]
pub(crate) struct PartitionBack {
    requests_upto: u64,
    pools: Vec<PoolBack>,
}

impl Partition<CountsOnly> {
    /// What a snapshot holds; [`PartitionBack`] is its counterpart.
    pub(crate) fn image(&self) -> impl Encode + '_ {
        let pools: Vec<_> = self
            .pools
            .iter()
            .map(|pool| PoolImage {
                definition: &pool.definition,
                items_total: pool.items_total,
                counts: &pool.counts,
                no_prizes: pool.no_prizes,
            })
            .collect();
        (self.requests_upto, pools)
    }
}

impl TryFrom<PartitionBack> for Partition<CountsOnly> {
    type Error = Misfit;

    fn try_from(back: PartitionBack) -> Result<Self, Misfit> {
        if back.pools.len() > PoolId::POOLS_MAX {
            return Err(Misfit("more pools than a shard can have".into()));
        }
        let mut partition = Self {
            requests_upto: back.requests_upto,
            ..Self::default()
        };
        for pool in back.pools {
            let misfit = |what: &str| Misfit(format!("pool \"{}\" {what}", pool.definition.name));
            let open = pool.counts.len() == pool.items_total as usize;
            if open {
                pool.definition
                    .validate()
                    .map_err(|error| Misfit(error.to_string()))?;
            }
            if open != (pool.definition.items.len() == pool.items_total as usize)
                || !open && !pool.counts.is_empty()
            {
                return Err(misfit("has more or fewer counts than items"));
            }
            if pool.no_prizes > SEQ_MAX {
                return Err(misfit("has more draws than there can be"));
            }
            for (item, count) in pool.definition.items.iter().zip(&pool.counts) {
                let kept = match item.stock {
                    Some(stock) => count.remaining.checked_add(count.drawn) == Some(stock),
                    None => count.remaining == UNLIMITED && count.drawn <= SEQ_MAX,
                };
                if !kept {
                    return Err(misfit(&format!(
                        "has counts of \"{}\" that do not add up to its stock",
                        item.id
                    )));
                }
            }
            let place = partition.pools.len() as u32;
            if partition
                .places
                .insert(pool.definition.name.clone(), place)
                .is_some()
            {
                return Err(misfit("is there twice"));
            }
            partition.pools.push(
                Pool {
                    definition: Arc::new(pool.definition),
                    items_total: pool.items_total,
                    counts: pool.counts,
                    weight_in_stock: 0,
                    no_prizes: pool.no_prizes,
                    selector: CountsOnly,
                }
                .with_selector(),
            );
        }
        Ok(partition)
    }
}
