use std::{fmt, path::PathBuf};

/// How many mistakes are kept; a file of wrong lines must not fill the memory with messages.
const MISTAKES_MAX: usize = 1000;

/// One mistake in a config file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// The line, from 1; `None` where the mistake is not at any one place.
    pub line: Option<usize>,
    /// The column in characters, from 1; `None` where the mistake is not at any one place.
    pub column: Option<usize>,
    /// What is wrong, and what to write instead.
    pub message: String,
}

/// All mistakes of a config file, in the order of their places.
///
/// It is displayed as a line for each of them: `FILE:LINE:COLUMN: message`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// The file, where it was read from one.
    pub path: Option<PathBuf>,
    /// What is wrong with it: at least one mistake, and at most 1001. Where there are more than
    /// 1000, the last says so.
    pub mistakes: Vec<Mistake>,
}

impl std::error::Error for ConfigError {}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, mistake) in self.mistakes.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            if let Some(path) = &self.path {
                write!(f, "{}:", path.display())?;
            }
            if let Some(line) = mistake.line {
                write!(f, "{line}:")?;
            }
            if let Some(column) = mistake.column {
                write!(f, "{column}:")?;
            }
            if self.path.is_some() || mistake.line.is_some() {
                write!(f, " ")?;
            }
            write!(f, "{}", mistake.message)?;
        }
        Ok(())
    }
}

impl From<Mistake> for ConfigError {
    fn from(mistake: Mistake) -> Self {
        Self {
            path: None,
            mistakes: vec![mistake],
        }
    }
}

/// A text, and where its lines begin.
pub(super) struct Source<'a> {
    pub(super) text: &'a str,
    line_starts: Vec<usize>,
}

impl<'a> Source<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        let after_breaks = text.match_indices('\n').map(|(at, _)| at + 1);
        Self {
            text,
            line_starts: std::iter::once(0).chain(after_breaks).collect(),
        }
    }

    /// The line, from 1, in which the byte at an offset stands.
    pub(super) fn line(&self, at: usize) -> usize {
        self.line_starts.partition_point(|&start| start <= at)
    }

    /// The offset of a byte that a parser names by its line and column, from 1.
    pub(super) fn offset(&self, line: usize, column: usize) -> usize {
        let last = self.line_starts.len() - 1;
        self.line_starts[line.saturating_sub(1).min(last)] + column.saturating_sub(1)
    }

    pub(super) fn mistake(&self, at: usize, message: String) -> Mistake {
        let line = self.line(at);
        // A parser may point at the end of the text, or into the middle of a character.
        let before = &self.text.as_bytes()[self.line_starts[line - 1]..at.min(self.text.len())];
        let column = String::from_utf8_lossy(before).chars().count() + 1;
        Mistake {
            line: Some(line),
            column: Some(column),
            message,
        }
    }
}

/// A wrong name may have any character in it, and a message is a line.
fn on_one_line(message: &str) -> String {
    let mut line = String::with_capacity(message.len());
    for c in message.chars() {
        if c.is_control() {
            line.extend(c.escape_default());
        } else {
            line.push(c);
        }
    }
    line
}

/// Collects the mistakes of one text.
pub(super) struct Mistakes<'a> {
    pub(super) source: &'a Source<'a>,
    found: Vec<(Option<usize>, String)>,
}

impl<'a> Mistakes<'a> {
    pub(super) fn new(source: &'a Source<'a>) -> Self {
        Self {
            source,
            found: Vec::new(),
        }
    }

    /// Notes a mistake at an offset of the text.
    pub(super) fn add(&mut self, at: impl Into<Option<usize>>, message: impl fmt::Display) {
        // One more than the most is kept, as the sign that there are more.
        if self.found.len() <= MISTAKES_MAX {
            self.found
                .push((at.into(), on_one_line(&message.to_string())));
        }
    }

    /// How many more are of interest.
    pub(super) fn room(&self) -> usize {
        MISTAKES_MAX + 1 - self.found.len()
    }

    /// How many there are so far.
    pub(super) fn count(&self) -> usize {
        self.found.len()
    }

    /// An error if there is any mistake.
    pub(super) fn finish(mut self) -> Result<(), ConfigError> {
        if self.found.is_empty() {
            return Ok(());
        }
        let more = self.found.len() > MISTAKES_MAX;
        self.found.truncate(MISTAKES_MAX);
        self.found.sort_by_key(|&(at, _)| at);
        let placed = |(at, message): (Option<usize>, String)| match at {
            Some(at) => self.source.mistake(at, message),
            None => Mistake {
                line: None,
                column: None,
                message,
            },
        };
        let mut mistakes: Vec<_> = self.found.into_iter().map(placed).collect();
        if more {
            mistakes.push(Mistake {
                line: None,
                column: None,
                message: format!(
                    "there are more than {MISTAKES_MAX} mistakes; correct these first"
                ),
            });
        }
        Err(ConfigError {
            path: None,
            mistakes,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_lines_and_characters() {
        let source = Source::new("ä = 1\nöö = 2\n");
        let place = |at| {
            let mistake = source.mistake(at, String::new());
            (mistake.line.unwrap(), mistake.column.unwrap())
        };
        let second = source.text.find('2').unwrap();
        assert_eq!((place(0), place(second)), ((1, 1), (2, 6)));
        assert_eq!(place(source.text.len()), (3, 1));
        assert_eq!(place(source.text.len() + 5), (3, 1));
        assert_eq!(place(1), (1, 2));
        assert_eq!(source.offset(2, 8), second);
        assert_eq!(source.offset(9, 0), source.text.len());
    }

    #[test]
    fn each_mistake_is_a_line() {
        let source = Source::new("a\nb\n");
        let mut mistakes = Mistakes::new(&source);
        mistakes.add(2, "second");
        mistakes.add(0, "first");
        mistakes.add(None, "any\nwhere");
        let mut error = mistakes.finish().unwrap_err();
        assert_eq!(error.to_string(), "any\\nwhere\n1:1: first\n2:1: second");
        error.path = Some("pools.toml".into());
        assert_eq!(
            error.to_string(),
            "pools.toml: any\\nwhere\npools.toml:1:1: first\npools.toml:2:1: second"
        );
    }

    #[test]
    fn their_number_is_bounded() {
        let source = Source::new("");
        let mut mistakes = Mistakes::new(&source);
        for number in 0..5000 {
            mistakes.add(0, number);
        }
        let found = mistakes.finish().unwrap_err().mistakes;
        assert_eq!(found.len(), MISTAKES_MAX + 1);
        assert!(found[MISTAKES_MAX].message.contains("more than 1000"));
    }
}
