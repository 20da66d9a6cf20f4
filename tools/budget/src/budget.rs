//! The budget in the tree, and what is counted beside it.

use std::fs;

use comfy_table::{CellAlignment, Table, presets};
use serde::{Deserialize, Serialize};

use crate::counted::Counts;

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/instructions.toml");
const HEAD: &str = "\
# Instructions for each draw, by path. A path may take up to 3 % more than stands here; when it takes
# more for a good reason, or less, `.ci/budget --write` renews the file.

";

/// So many percent more are too many, and as many less make room for a lower budget.
const MARGIN_PERCENT: f64 = 3.0;

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// No path takes more than it may.
    Within,
    /// Some path does, or has no budget, or was not counted.
    Exceeded,
}

/// What each path may take.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Budget {
    /// What the paths were compiled with when they were counted.
    pub(crate) compiler: String,
    instructions_per_draw: Counts,
}

impl Budget {
    /// What is counted becomes the budget, to a tenth of an instruction.
    pub(crate) fn new(compiler: String, counted: Counts) -> Self {
        let tenths = |(path, count): (String, f64)| (path, (count * 10.0).round() / 10.0);
        Self {
            compiler,
            instructions_per_draw: counted.into_iter().map(tenths).collect(),
        }
    }

    pub(crate) fn read() -> Result<Self, String> {
        let text = fs::read_to_string(PATH).map_err(|error| format!("{PATH}: {error}"))?;
        toml::from_str(&text).map_err(|error| format!("{PATH}: {error}"))
    }

    pub(crate) fn write(&self) -> Result<(), String> {
        let text = toml::to_string(self).map_err(|error| error.to_string())?;
        fs::write(PATH, format!("{HEAD}{text}")).map_err(|error| format!("{PATH}: {error}"))?;
        println!("{text}\nwritten to {PATH}");
        Ok(())
    }

    /// A table of every path, and whether all is well. Unless all of them were `counted`, those that
    /// were not are left out.
    pub(crate) fn compare(&self, counted: &Counts, counted_all: bool) -> (Table, Verdict) {
        let mut table = Table::new();
        table.load_preset(presets::ASCII_MARKDOWN);
        table.set_header(["path", "budget", "counted", "difference", ""]);
        for column in table.column_iter_mut().skip(1).take(3) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        let mut verdict = Verdict::Within;
        let budgets = &self.instructions_per_draw;
        let missing = budgets
            .keys()
            .filter(|path| counted_all && !counted.contains_key(*path));
        let mut paths: Vec<_> = counted.keys().chain(missing).collect();
        paths.sort();
        for path in paths {
            let (budget, count) = (budgets.get(path), counted.get(path));
            let percent = budget
                .zip(count)
                .map(|(budget, count)| (count / budget - 1.0) * 100.0);
            let remark = match percent {
                None if budget.is_none() => "HAS NO BUDGET",
                None => "WAS NOT COUNTED",
                Some(percent) if percent > MARGIN_PERCENT => "EXCEEDED",
                Some(percent) if percent < -MARGIN_PERCENT => "can be lowered",
                Some(_) => "",
            };
            if !matches!(remark, "" | "can be lowered") {
                verdict = Verdict::Exceeded;
            }
            let number =
                |number: Option<&f64>| number.map_or("–".into(), |it| format!("{it:.1}"));
            table.add_row([
                path.clone(),
                number(budget),
                number(count),
                percent.map_or(String::new(), |percent| format!("{percent:+.1} %")),
                remark.into(),
            ]);
        }
        (table, verdict)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(budget: &[(&str, f64)], counted: &[(&str, f64)], counted_all: bool) -> Verdict {
        let counts = |of: &[(&str, f64)]| -> Counts {
            of.iter()
                .map(|(path, count)| ((*path).into(), *count))
                .collect()
        };
        let budget = Budget::new("rustc".into(), counts(budget));
        budget.compare(&counts(counted), counted_all).1
    }

    #[test]
    fn three_percent_more_are_too_many() {
        let budget = [("a", 100.0), ("b", 10.0)];
        assert_eq!(
            verdict(&budget, &[("a", 102.9), ("b", 5.0)], true),
            Verdict::Within
        );
        assert_eq!(
            verdict(&budget, &[("a", 103.1), ("b", 5.0)], true),
            Verdict::Exceeded
        );
    }

    #[test]
    fn every_path_has_a_budget_and_is_counted() {
        let [a, b] = [("a", 1.0), ("b", 1.0)];
        assert_eq!(verdict(&[a, b], &[a, b], true), Verdict::Within);
        assert_eq!(verdict(&[a], &[a, b], true), Verdict::Exceeded);
        assert_eq!(verdict(&[a, b], &[a], true), Verdict::Exceeded);
        assert_eq!(verdict(&[a, b], &[a], false), Verdict::Within);
    }

    #[test]
    fn the_budget_in_the_tree_can_be_read() {
        let budget = Budget::read().unwrap();
        assert!(
            budget
                .instructions_per_draw
                .values()
                .all(|count| *count > 0.0)
        );
    }
}
