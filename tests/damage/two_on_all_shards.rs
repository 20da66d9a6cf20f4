//! Two pools on all shards, of which each shard learns in its own time: whatever block is gone, what is
//! left can be kept.

use crate::{
    common::{LIMIT, builder},
    place::{Place, read_files},
    small::{UNIT, is, number},
};
use tombola::{
    Durability, Placement, PoolDefinition, Request, StorageKind,
    recovery::{self, Depth},
    wal::reader::{Found, SegmentReader},
};

#[test]
fn every_block_of_two_pools_on_all_shards() {
    let left = Place::new(<_>::default());
    let open = |directory| {
        builder(directory)
            .shards(2)
            .storage(StorageKind::File)
            .durability(Durability::Kernel)
            .open()
    };
    let engine = open(left.path()).unwrap();
    let mut client = engine.client().unwrap();
    for name in ["drum", "wheel"] {
        let pool = PoolDefinition::new(name).item("a", 1, 40).item("b", 2, 60);
        let pool = engine
            .register(pool.placement(Placement::AllShards))
            .unwrap();
        for _ in 0..20 {
            client.draw(Request::from(&pool).count(2), LIMIT).unwrap();
        }
    }
    drop(client);
    drop(engine);
    let place = Place::new(read_files(left.path()));
    let (mut blocks, mut refused) = (0, 0);
    for (file, bytes) in place.files.iter().filter(|(file, _)| is(file, "log")) {
        let path = place.path().join(file);
        let mut reader = SegmentReader::open_path(path, number(file)).unwrap();
        let mut at = UNIT;
        while let Found::Block(header, _) = reader.look(at).unwrap() {
            let end = at + reader.block_bytes(&header);
            let mut harmed = bytes.clone();
            harmed[at as usize..end as usize].fill(0);
            place.write(file, &harmed);
            let what = format!("{}: {header:?}", file.display());
            blocks += 1;
            if !recovery::examine(place.path(), Depth::Needed)
                .unwrap()
                .opens()
            {
                refused += 1;
                recovery::accept_loss(place.path())
                    .unwrap_or_else(|error| panic!("{what}: {error}"));
            }
            open(place.path()).unwrap_or_else(|error| panic!("{what}: {error}"));
            let audit = recovery::audit(place.path()).unwrap();
            for pool in audit.pools {
                assert!(pool.mistakes.is_empty(), "{what}: {:?}", pool.mistakes);
            }
            place.restore();
            at = end;
        }
    }
    assert!(blocks > 40 && refused > 30, "{refused} of {blocks}");
}
