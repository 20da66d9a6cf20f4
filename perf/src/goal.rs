//! Goals, and what was measured of them.

use serde::Serialize;

/// What has to be reached.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Bound {
    AtLeast(f64),
    AtMost(f64),
}

/// A row of the table: a goal, and what each repetition came to.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Goal {
    pub(crate) section: &'static str,
    pub(crate) what: String,
    pub(crate) bound: Bound,
    pub(crate) unit: &'static str,
    pub(crate) each: Vec<f64>,
    pub(crate) median: f64,
    pub(crate) is_met: bool,
}

impl Goal {
    /// `None` where nothing was measured.
    pub(crate) fn new(
        section: &'static str,
        what: impl Into<String>,
        bound: Bound,
        unit: &'static str,
        each: Vec<f64>,
    ) -> Option<Self> {
        let median = median(&each)?;
        Some(Self {
            section,
            what: what.into(),
            bound,
            unit,
            is_met: match bound {
                Bound::AtLeast(least) => median >= least,
                Bound::AtMost(most) => median <= most,
            },
            each,
            median,
        })
    }
}

/// The one in the middle; of an even number the lower of the two, so that it was measured.
pub(crate) fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted.get(sorted.len().checked_sub(1)? / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_was_measured() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0, 9.0, 1.0]), Some(3.0));
        assert_eq!(median(&[4.0, 1.0, 3.0, 2.0]), Some(2.0));
    }

    #[test]
    fn a_goal_is_met_by_its_median() {
        let goal = |bound, each: &[f64]| Goal::new("s", "w", bound, "", each.to_vec());
        let met = |bound, each: &[f64]| goal(bound, each).map(|goal| goal.is_met);
        assert_eq!(met(Bound::AtLeast(2.0), &[1.0, 2.0, 3.0]), Some(true));
        assert_eq!(met(Bound::AtLeast(2.1), &[1.0, 2.0, 3.0]), Some(false));
        assert_eq!(met(Bound::AtMost(2.0), &[1.0, 2.0, 3.0]), Some(true));
        assert_eq!(met(Bound::AtMost(1.9), &[1.0, 2.0, 3.0]), Some(false));
        assert_eq!(met(Bound::AtMost(1.0), &[]), None);
    }
}
