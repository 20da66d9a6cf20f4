use ::toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{DEPTH_MAX, Entry, Node, Value, too_deep};
use crate::config::mistake::{Mistake, Source};

pub(super) fn parse<'a>(source: &Source<'a>) -> Result<Vec<Entry<'a>>, Mistake> {
    match DeTable::parse(source.text) {
        Ok(table) => entries(table.into_inner(), 1).map_err(|at| source.mistake(at, too_deep())),
        Err(error) => {
            let at = error.span().map_or(0, |span| span.start);
            Err(source.mistake(at, format!("this is not TOML: {}", error.message())))
        }
    }
}

/// The error of this and the next is where the nesting goes too deep.
fn entries(table: DeTable<'_>, depth: usize) -> Result<Vec<Entry<'_>>, usize> {
    let entry = |(key, value): (Spanned<_>, _)| {
        let at = key.span().start as u32;
        let node = node(value, depth)?;
        let key = key.into_inner();
        Ok(Entry { key, at, node })
    };
    table.into_iter().map(entry).collect()
}

fn node(value: Spanned<DeValue<'_>>, depth: usize) -> Result<Node<'_>, usize> {
    let span = value.span();
    if depth > DEPTH_MAX {
        return Err(span.start);
    }
    let value = match value.into_inner() {
        DeValue::String(text) => Value::Text(text),
        DeValue::Integer(number) => Value::Integer(
            // Written with `_`s and a sign left out already, so only its size can be wrong.
            i128::from_str_radix(number.as_str(), number.radix()).unwrap_or_else(|_| {
                if number.as_str().starts_with('-') {
                    i128::MIN
                } else {
                    i128::MAX
                }
            }),
        ),
        DeValue::Float(_) => Value::Fraction,
        DeValue::Boolean(value) => Value::Bool(value),
        DeValue::Datetime(_) => Value::Date,
        DeValue::Array(values) => Value::List(
            values
                .into_iter()
                .map(|value| node(value, depth + 1))
                .collect::<Result<_, _>>()?,
        ),
        DeValue::Table(table) => Value::Table(entries(table, depth + 1)?),
    };
    Ok(Node::new(value, span))
}
