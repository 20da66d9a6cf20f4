//! A line of JSON taken apart, with what is wrong with it in words that need no knowledge of ours.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::{error::Category, value::RawValue};

/// So much of a value is told.
const TOLD_CHARS_MAX: usize = 40;

/// The fields of a JSON object, as they are written; those that are null are left out.
#[derive(Debug)]
pub(super) struct Fields<'a>(Vec<(String, &'a RawValue)>);

impl<'a> Fields<'a> {
    /// Reads one object, in which only fields of these names may be, each once.
    pub(super) fn read(line: &'a [u8], names: &[&str]) -> Result<Self, String> {
        let All(fields) = serde_json::from_slice(line).map_err(|error| {
            let reason = match error.classify() {
                Category::Data => "a request is a JSON object".to_owned(),
                Category::Eof => "its JSON ends too early".to_owned(),
                Category::Syntax | Category::Io => {
                    format!("its JSON is wrong at column {}", error.column())
                }
            };
            format!("this is no request: {reason}; write {{\"pool\":\"…\"}}, see --help")
        })?;
        for (at, (name, _)) in fields.iter().enumerate() {
            if !names.contains(&name.as_str()) {
                return Err(format!(
                    "there is no \"{name}\" in a request; there are: {}",
                    names.join(", ")
                ));
            }
            if fields[..at].iter().any(|(before, _)| before == name) {
                return Err(format!("\"{name}\" is there twice; leave one out"));
            }
        }
        let given = fields
            .into_iter()
            .filter(|(_, value)| value.get() != "null");
        Ok(Self(given.collect()))
    }

    /// A field as it is written.
    pub(super) fn raw(&self, name: &str) -> Option<&'a str> {
        let mut fields = self.0.iter();
        let (_, value) = fields.find(|(field, _)| field == name)?;
        Some(value.get())
    }

    /// A field that is there, of a certain type; `takes` says of which.
    pub(super) fn get<T: Deserialize<'a>>(
        &self,
        name: &str,
        takes: &str,
    ) -> Result<Option<T>, String> {
        let read = |raw| serde_json::from_str(raw).map_err(|_| wrong(name, raw, takes));
        self.raw(name).map(read).transpose()
    }

    /// The fields that are there.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }
}

/// What is said about a field that has a wrong value.
pub(super) fn wrong(name: &str, raw: &str, takes: &str) -> String {
    let mut told: String = raw.chars().take(TOLD_CHARS_MAX).collect();
    if told.len() < raw.len() {
        told.push('…');
    }
    format!("\"{name}\" is {told}; it takes {takes}")
}

/// All fields, in their order.
struct All<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for All<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = All<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<All<'de>, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(All(fields))
            }
        }

        deserializer.deserialize_map(Object)
    }
}
