//! What a config file says, whichever syntax it says it in: values, each with its place.

mod json;
mod toml;

use std::{borrow::Cow, ops::Range};

use super::{
    ConfigFormat,
    mistake::{Mistake, Mistakes, Source},
};

/// How deep values may be nested. A config file needs six levels.
const DEPTH_MAX: usize = 16;

/// A value and where it stands. Offsets are 32 bits, because a file is at most 256 MiB.
#[derive(Debug, Clone)]
pub(super) struct Node<'a> {
    pub(super) value: Value<'a>,
    begin: u32,
    end: u32,
}

#[derive(Debug, Clone)]
pub(super) enum Value<'a> {
    Text(Cow<'a, str>),
    /// Exact; what is beyond 128 bits is the greatest or least number of them.
    Integer(i128),
    /// A number with a fraction or an exponent, or not a number: nothing here takes one.
    Fraction,
    Bool(bool),
    Null,
    Date,
    List(Vec<Node<'a>>),
    Table(Vec<Entry<'a>>),
}

/// A key of a table with its value.
#[derive(Debug, Clone)]
pub(super) struct Entry<'a> {
    pub(super) key: Cow<'a, str>,
    at: u32,
    pub(super) node: Node<'a>,
}

/// Reads a text into a tree.
///
/// # Errors
/// The first mistake of syntax.
pub(super) fn parse<'a>(
    source: &Source<'a>,
    format: ConfigFormat,
) -> Result<Vec<Entry<'a>>, Mistake> {
    match format {
        ConfigFormat::Toml => toml::parse(source),
        ConfigFormat::Json => json::parse(source),
    }
}

impl<'a> Node<'a> {
    fn new(value: Value<'a>, span: Range<usize>) -> Self {
        Self {
            value,
            begin: span.start as u32,
            end: span.end as u32,
        }
    }

    /// Where the value begins.
    pub(super) fn at(&self) -> usize {
        self.begin as usize
    }

    /// The value as it is written, shortened.
    pub(super) fn written(&self, source: &Source<'_>) -> String {
        let text = &source.text[self.begin as usize..self.end as usize];
        text.chars().take(64).collect()
    }

    /// What kind of value it is, in words.
    pub(super) fn kind(&self) -> &'static str {
        match self.value {
            Value::Text(_) => "a string",
            Value::Integer(_) => "a whole number",
            Value::Fraction => "a fraction",
            Value::Bool(_) => "true or false",
            Value::Null => "null",
            Value::Date => "a date or time",
            Value::List(_) => "a list",
            Value::Table(_) => "a table",
        }
    }

    /// The entries of a table. For any other value a mistake is noted.
    pub(super) fn into_table(self, what: &str, mistakes: &mut Mistakes<'_>) -> Vec<Entry<'a>> {
        let (at, kind) = (self.at(), self.kind());
        if let Value::Table(entries) = self.value {
            return entries;
        }
        mistakes.add(at, format_args!("{what} must be a table, not {kind}"));
        Vec::new()
    }

    /// The values of a list. For any other value a mistake is noted.
    pub(super) fn into_list(self, what: &str, mistakes: &mut Mistakes<'_>) -> Vec<Node<'a>> {
        let (at, kind) = (self.at(), self.kind());
        if let Value::List(nodes) = self.value {
            return nodes;
        }
        mistakes.add(
            at,
            format_args!("{what} must be a list of tables, not {kind}"),
        );
        Vec::new()
    }
}

impl Entry<'_> {
    /// Where the key stands.
    pub(super) fn at(&self) -> usize {
        self.at as usize
    }
}

fn too_deep() -> String {
    format!("values are nested more than {DEPTH_MAX} deep; a config file needs six levels")
}
