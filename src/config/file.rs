use std::{fs::File, io::Read, path::Path};

use super::{
    Config, ConfigError, Mistake, catalog,
    mistake::{Mistakes, Source},
    pools::Pools,
    settings::Settings,
    tree,
    value::{self, unknown_key},
};
use crate::{error::Error, pool::PoolDefinition};

/// The largest config file, in bytes: some millions of items.
const FILE_BYTES_MAX: usize = 256 << 20;
const KEYS: [&str; 4] = ["engine", "wal", "pool", "catalog"];

/// A commented config file to start from: every key with its default, and two pools.
pub const EXAMPLE: &str = include_str!("example.toml");

/// The syntax of a config file. Both say the same things by the same names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ConfigFormat {
    /// TOML, with the tables `[engine]`, `[wal]` and `[[pool]]`.
    Toml,
    /// JSON, with the members `engine`, `wal` and `pool` (or `pools`), or a `catalog`.
    Json,
}

impl ConfigFormat {
    /// What a file's extension says; without a known one, JSON if its first character that is not
    /// blank is `{`, and TOML otherwise.
    pub fn of(path: &Path, text: &str) -> Self {
        match path.extension() {
            Some(extension) if extension.eq_ignore_ascii_case("toml") => Self::Toml,
            Some(extension) if extension.eq_ignore_ascii_case("json") => Self::Json,
            _ if without_mark(text).trim_start().starts_with('{') => Self::Json,
            _ => Self::Toml,
        }
    }
}

/// What a config file says: settings, with defaults for those that it does not mention, and pools.
///
/// ```
/// use tombola::config::{ConfigFile, ConfigFormat};
///
/// let text = r#"
///     [engine]
///     shards = 2
///
///     [[pool]]
///     name = "banner"
///     items = [{ id = "gold", weight = 10, stock = 100 }, { id = "dust", weight = 90 }]
/// "#;
/// let file = ConfigFile::parse(text, ConfigFormat::Toml)?;
/// assert_eq!(file.config.shards, Some(2));
/// assert_eq!(file.pools[0].items.at(1).stock, None);
/// # Ok::<(), tombola::config::ConfigError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ConfigFile {
    /// The settings.
    pub config: Config,
    /// The pools, in the order of the file.
    pub pools: Vec<PoolDefinition>,
}

impl ConfigFile {
    /// Reads a file in the format that its name or its first character tells.
    ///
    /// # Errors
    /// [`Error::Io`] where it cannot be read, and [`Error::Config`] with every mistake in it. A
    /// file of more than 256 MiB is refused before it is read.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let with_path = |error| ConfigError {
            path: Some(path.to_owned()),
            ..error
        };
        let bytes = bytes_of(path)?.map_err(with_path)?;
        let text = utf8(&bytes).map_err(with_path)?;
        let stem = path.file_stem().unwrap_or("catalog".as_ref());
        let format = ConfigFormat::of(path, text);
        let parsed = Self::parse_named(text, format, &stem.to_string_lossy());
        Ok(parsed.map_err(with_path)?)
    }

    /// Reads a text. The pool of a `catalog` is called "catalog".
    ///
    /// # Errors
    /// Every mistake in it; but where the syntax is wrong, only the first mistake of syntax.
    pub fn parse(text: &str, format: ConfigFormat) -> Result<Self, ConfigError> {
        Self::parse_named(text, format, "catalog")
    }

    fn parse_named(text: &str, format: ConfigFormat, stem: &str) -> Result<Self, ConfigError> {
        if text.len() > FILE_BYTES_MAX {
            return Err(too_large().into());
        }
        let source = Source::new(without_mark(text));
        let entries = tree::parse(&source, format)?;
        let mut mistakes = Mistakes::new(&source);
        let mut settings = Settings::default();
        let mut pools = Pools::default();
        value::repeated_keys(&entries, &mut mistakes);
        for entry in entries {
            match entry.key.as_ref() {
                "engine" => settings.engine(entry.node, &mut mistakes),
                "wal" => settings.wal(entry.node, &mut mistakes),
                "pool" => pools.read(entry.node, &mut mistakes),
                "pools" if format == ConfigFormat::Json => pools.read(entry.node, &mut mistakes),
                "catalog" => catalog::read(entry, stem, &mut pools, &mut mistakes),
                _ => unknown_key(&entry, "the file", &KEYS, &mut mistakes),
            }
        }
        let config = settings.finish(&mut mistakes);
        mistakes.finish()?;
        Ok(Self {
            config,
            pools: pools.finish(),
        })
    }
}

/// The outer error is one of the operating system, the inner one a file that is too large.
fn bytes_of(path: &Path) -> Result<Result<Vec<u8>, ConfigError>, Error> {
    let mut file = File::open(path).map_err(Error::io("open", path))?;
    let length = file.metadata().map_err(Error::io("read", path))?.len();
    if length > FILE_BYTES_MAX as u64 {
        return Ok(Err(too_large().into()));
    }
    let mut bytes = Vec::with_capacity(length as usize);
    // A pipe has no length, and a file may grow.
    let mut bounded = file.by_ref().take(FILE_BYTES_MAX as u64 + 1);
    bounded
        .read_to_end(&mut bytes)
        .map_err(Error::io("read", path))?;
    if bytes.len() > FILE_BYTES_MAX {
        return Ok(Err(too_large().into()));
    }
    Ok(Ok(bytes))
}

fn utf8(bytes: &[u8]) -> Result<&str, ConfigError> {
    std::str::from_utf8(bytes).map_err(|error| {
        let (valid, _) = bytes.split_at(error.valid_up_to());
        let valid = String::from_utf8_lossy(valid);
        let message = "this is not UTF-8; save the file as UTF-8 text".to_owned();
        Source::new(&valid).mistake(valid.len(), message).into()
    })
}

fn too_large() -> Mistake {
    Mistake {
        line: None,
        column: None,
        message: format!(
            "the file is larger than {} MiB; split its pools over several files",
            FILE_BYTES_MAX >> 20
        ),
    }
}

/// The text without the byte order mark that some editors put in front.
fn without_mark(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

#[cfg(test)]
mod refusals;
#[cfg(test)]
mod tests;
