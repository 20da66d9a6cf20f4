use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer as _,
    de::{MapAccess, SeqAccess, Visitor},
};
use serde_json::{Deserializer, value::RawValue};

use super::{DEPTH_MAX, Entry, Node, Value, too_deep};
use crate::config::mistake::{Mistake, Source};

pub(super) fn parse<'a>(source: &Source<'a>) -> Result<Vec<Entry<'a>>, Mistake> {
    // This checks the syntax of the whole text, without recursion.
    let root: &RawValue = serde_json::from_str(source.text).map_err(|error| {
        let at = source.offset(error.line(), error.column());
        source.mistake(at, format!("this is not JSON: {}", plain(&error)))
    })?;
    let lower = Lower { text: source.text };
    let root = lower
        .node(root, 0)
        .map_err(|(at, message)| source.mistake(at, message))?;
    let (at, kind) = (root.at(), root.kind());
    match root.value {
        Value::Table(entries) => Ok(entries),
        _ => Err(source.mistake(at, format!("a config file must be a table, not {kind}"))),
    }
}

/// The message without the place, which is relative to the value that was being read.
fn plain(error: &serde_json::Error) -> String {
    let message = error.to_string();
    let place = message.rfind(" at line ").unwrap_or(message.len());
    message[..place].to_owned()
}

/// Takes values apart, level by level, so that each is known as a part of the text: that is what
/// tells its place. The text is read once for each level of nesting, and there are few.
#[derive(Clone, Copy)]
struct Lower<'a> {
    text: &'a str,
}

/// A mistake, and where.
type Misplaced = (usize, String);

impl<'a> Lower<'a> {
    fn node(self, raw: &'a RawValue, depth: usize) -> Result<Node<'a>, Misplaced> {
        let written = raw.get();
        let begin = written.as_ptr().addr() - self.text.as_ptr().addr();
        if depth > DEPTH_MAX {
            return Err((begin, too_deep()));
        }
        let refused = |error: serde_json::Error| {
            let message = format!("this is not JSON: {}", plain(&error));
            (begin, message)
        };
        let mut parts = Deserializer::from_str(written);
        let value = match written.as_bytes()[0] {
            b'{' => {
                let members = parts.deserialize_map(Members).map_err(refused)?;
                Value::Table(self.entries(members, begin + 1, depth)?)
            }
            b'[' => {
                let values = parts.deserialize_seq(Values).map_err(refused)?;
                let nodes = values.into_iter().map(|raw| self.node(raw, depth + 1));
                Value::List(nodes.collect::<Result<_, _>>()?)
            }
            b'"' => Value::Text(Text::deserialize(&mut parts).map_err(refused)?.0),
            b't' => Value::Bool(true),
            b'f' => Value::Bool(false),
            b'n' => Value::Null,
            _ if written.contains(['.', 'e', 'E']) => Value::Fraction,
            b'-' => Value::Integer(written.parse().unwrap_or(i128::MIN)),
            _ => Value::Integer(written.parse().unwrap_or(i128::MAX)),
        };
        Ok(Node::new(value, begin..begin + written.len()))
    }

    /// A key stands after the member before it and a comma; `after` is where that member ends.
    fn entries(
        self,
        members: Vec<(Text<'a>, &'a RawValue)>,
        mut after: usize,
        depth: usize,
    ) -> Result<Vec<Entry<'a>>, Misplaced> {
        let mut entries = Vec::with_capacity(members.len());
        for (key, raw) in members {
            let rest = &self.text[after..];
            let at = self.text.len() - rest.trim_start_matches([' ', '\t', '\r', '\n', ',']).len();
            let node = self.node(raw, depth + 1)?;
            after = node.end as usize;
            entries.push(Entry {
                key: key.0,
                at: at as u32,
                node,
            });
        }
        Ok(entries)
    }
}

/// A string that stays where it is unless it has escapes.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Vec<(Text<'de>, &'de RawValue)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a table")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(members)
    }
}

struct Values;

impl<'de> Visitor<'de> for Values {
    type Value = Vec<&'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = seq.next_element()? {
            values.push(value);
        }
        Ok(values)
    }
}
