//! Texts that people and programs write: config files, values in them, lines of requests.

use tombola::config::EXAMPLE;

use super::Seeds;

const JSON: [&str; 4] = [
    include_str!("../../../examples/pools/catalog.json"),
    r#"{"engine":{"shards":2,"idle":"park","seed":7},"wal":{"storage":"mmap","format":"jsonl",
"durability":"kernel","segment_bytes":"1MiB","block_bytes":65536},"pools":[{"name":"banner",
"items":[{"id":"gold","weight":10,"stock":100},{"id":"dust","weight":90,"stock":null}]}]}"#,
    r#"{"pool":[{"name":"late","on_exhausted":"no_prize","placement":"all_shards","open":false,
"opens_at":"2026-12-01T00:00:00Z","closes_at":"2026-12-24T00:00:00+09:00",
"items":[{"id":"\u00fc\"\\","weight":1,"stock":1}]}]}"#,
    r#"{"pool":[{"name":"","items":[{"id":"a","weight":-1},{"id":"a","wieght":1e3}]},{"name":5}],"x":[[]]}"#,
];

const WRONG_TOML: &str = "[engine]\nshards = 0\nseed = -1\n[wal]\nsegment_bytes = \"1 apple\"\n\
[[pool]]\nname = \"a\"\nopens_at = 2026-12-01\nitems = [{ id = 5 }, { id = \"b\", weight = 0x10 }]\n\
[[pool]]\nname = 'a'\n";

const VALUES: [&str; 16] = [
    "0",
    "4096",
    "1_000_000",
    "64MiB",
    "256 KiB",
    " 2gib ",
    "1GB",
    "7 bytes",
    "18446744073709551615",
    "99999999999999999999TiB",
    "2026-12-01T00:00:00Z",
    "2026-12-01 13:00:00.125+01:00",
    "1970-01-01T00:00:00-23:59",
    "9999-12-31T23:59:60.999999999Z",
    "2000-02-29T24:00:00",
    "soon",
];

const REQUESTS: [&str; 12] = [
    r#"{"pool":"banner"}"#,
    r#"{"pool":"b\u0061nner","count":null,"key":null,"hold_ms":null}"#,
    r#"{"pool":"banner","count":10,"key":"0x1f","hold_ms":5,"partial":true,"retry":true}"#,
    r#"{"pool":"a \"drum\"\\ü","key":340282366920938463463374607431768211455}"#,
    r#"{"confirm":17}"#,
    r#"{"void":17,"pool":null}"#,
    r#"{"pool":"banner","cuont":1}"#,
    r#"{"pool":"banner","pool":"banner","count":101}"#,
    r#"{"pool":"banner","key":"gold","hold_ms":1.5}"#,
    r#"["banner",10]"#,
    "",
    "nonsense",
];

/// The seeds of what is text.
pub(super) fn all() -> Vec<Seeds> {
    let bytes = |text: &&str| text.as_bytes().to_vec();
    let toml = [
        EXAMPLE,
        include_str!("../../../examples/pools/season.toml"),
        include_str!("../../../examples/pools/banner.toml"),
        WRONG_TOML,
    ];
    let mut requests: Vec<Vec<u8>> = REQUESTS.iter().map(bytes).collect();
    requests.push(REQUESTS.join("\n").into_bytes());
    vec![
        ("config_toml", toml.iter().map(bytes).collect()),
        ("config_json", JSON.iter().map(bytes).collect()),
        ("config_value", VALUES.iter().map(bytes).collect()),
        ("requests", requests),
    ]
}
