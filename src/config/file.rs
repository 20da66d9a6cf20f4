//! stub
/// stub
#[derive(Debug, thiserror::Error)]
#[error("stub")]
pub struct ConfigError;
/// stub
#[derive(Debug)]
pub struct ConfigFile;
/// stub
#[derive(Debug)]
pub struct ConfigFormat;
/// stub
#[derive(Debug)]
pub struct Mistake;
