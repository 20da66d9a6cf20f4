//! What all cases gave, repetition by repetition.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{
    case::{Case, Figures},
    goal::median,
};

/// One run of a case, and what the device did right before and after it.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Repetition {
    pub(crate) figures: Figures,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) device: Option<Figures>,
}

/// All runs of one case.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Measured {
    pub(crate) name: String,
    /// Each figure's median by itself.
    pub(crate) median: Figures,
    #[serde(skip_serializing_if = "Figures::is_empty")]
    pub(crate) device_median: Figures,
    pub(crate) repetitions: Vec<Repetition>,
}

/// All runs of all cases, in the order of the cases.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(transparent)]
pub(crate) struct Results(pub(crate) Vec<Measured>);

impl Results {
    /// Puts the repetitions of the cases together.
    pub(crate) fn new(cases: &[Case], runs: Vec<Vec<Repetition>>) -> Self {
        let measured = cases.iter().zip(runs).map(|(case, repetitions)| Measured {
            name: case.name.clone(),
            median: medians(repetitions.iter().map(|one| &one.figures)),
            device_median: medians(repetitions.iter().filter_map(|one| one.device.as_ref())),
            repetitions,
        });
        Self(measured.collect())
    }

    /// The runs of one case.
    pub(crate) fn of(&self, case: &str) -> Option<&Measured> {
        self.0.iter().find(|measured| measured.name == case)
    }

    /// The median of a figure.
    pub(crate) fn median(&self, case: &str, figure: &str) -> Option<f64> {
        self.of(case)?.median.get(figure).copied()
    }

    /// What a figure was in each repetition; nothing if the case was not run.
    pub(crate) fn each(&self, case: &str, figure: &str) -> Vec<f64> {
        let repetitions = self.of(case).map(|measured| &measured.repetitions);
        let figures = repetitions.into_iter().flatten();
        figures
            .filter_map(|one| one.figures.get(figure).copied())
            .collect()
    }

    /// What the device did beside a case in each repetition.
    pub(crate) fn device(&self, case: &str, figure: &str) -> Vec<f64> {
        let repetitions = self.of(case).map(|measured| &measured.repetitions);
        let devices = repetitions.into_iter().flatten();
        devices
            .filter_map(|one| one.device.as_ref()?.get(figure).copied())
            .collect()
    }

    /// A figure of one case over the same figure of another, repetition by repetition.
    pub(crate) fn ratio(&self, figure: &str, case: &str, to: &str) -> Vec<f64> {
        divide(&self.each(case, figure), &self.each(to, figure))
    }
}

/// Each over the other of the same repetition.
pub(crate) fn divide(each: &[f64], by: &[f64]) -> Vec<f64> {
    each.iter()
        .zip(by)
        .map(|(one, other)| one / other)
        .collect()
}

fn medians<'a>(all: impl Iterator<Item = &'a Figures>) -> Figures {
    let mut each: BTreeMap<&'static str, Vec<f64>> = BTreeMap::new();
    for figures in all {
        for (name, value) in figures {
            each.entry(name).or_default().push(*value);
        }
    }
    each.into_iter()
        .filter_map(|(name, values)| Some((name, median(&values)?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn results() -> Results {
        let cases = ["a/b", "a/c"].map(|name| Case::new(name, |_| Ok(Figures::new())));
        let run = |value| Repetition {
            figures: Figures::from([("p50_us", value)]),
            device: Some(Figures::from([("p50_us", 2.0)])),
        };
        let runs = vec![
            [6.0, 2.0, 3.0].map(run).to_vec(),
            [3.0, 2.0, 1.0].map(run).to_vec(),
        ];
        Results::new(&cases, runs)
    }

    #[test]
    fn figures_are_found_by_their_case() {
        let results = results();
        assert_eq!(results.median("a/b", "p50_us"), Some(3.0));
        assert_eq!(results.median("a/b", "p99_us"), None);
        assert_eq!(results.device("a/c", "p50_us"), [2.0; 3]);
        assert!(results.each("a/d", "p50_us").is_empty());
    }

    /// A ratio belongs to a repetition: the median of ratios is not the ratio of medians.
    #[test]
    fn ratios_are_made_in_the_same_repetition() {
        assert_eq!(results().ratio("p50_us", "a/b", "a/c"), [2.0, 1.0, 3.0]);
    }
}
