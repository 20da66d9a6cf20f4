//! What is wrong with a data directory, for people: alike findings are one line.

use std::fmt;

use tombola::{Finding, FindingKind};

/// Findings of one shard that say the same of several places.
#[derive(Debug)]
pub(crate) struct Alike<'a> {
    first: &'a Finding,
    last: &'a Finding,
    count: u64,
}

/// The findings, those that are alike together, in the order of the first of each.
pub(crate) fn alike<'a>(findings: impl IntoIterator<Item = &'a Finding>) -> Vec<Alike<'a>> {
    let mut all: Vec<Alike<'a>> = Vec::new();
    let says = |one: &'a Finding| (one.shard, one.kind, one.recoverable, &one.message[..]);
    for finding in findings {
        match all
            .iter_mut()
            .find(|alike| says(alike.first) == says(finding))
        {
            Some(alike) => {
                alike.last = finding;
                alike.count += 1;
            }
            None => all.push(Alike {
                first: finding,
                last: finding,
                count: 1,
            }),
        }
    }
    all
}

/// Tells all of them on the standard error.
pub(crate) fn warn<'a>(findings: impl IntoIterator<Item = &'a Finding>) {
    for alike in alike(findings) {
        eprintln!("tombola: {alike}");
    }
}

/// Whether the log of this shard does not begin at its beginning, with no snapshot in its place.
pub(crate) fn lacks_snapshot<'a>(
    findings: impl IntoIterator<Item = &'a Finding>,
    shard: usize,
) -> bool {
    findings.into_iter().any(|finding| {
        finding.shard == shard
            && finding.kind == FindingKind::MissingSegment
            && finding.first_seq == Some(1)
            && finding.segment.starts_with("segment-")
    })
}

impl fmt::Display for Alike<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { first, last, count } = self;
        if *count == 1 {
            return first.fmt(f);
        }
        write!(f, "shard {}, {count} alike, ", first.shard)?;
        let (from, to) = (&first.segment, &last.segment);
        if from == to {
            write!(f, "{from} from offset {} to {}", first.offset, last.offset)?;
        } else {
            let (first, last) = (first.offset, last.offset);
            write!(f, "from {from} at offset {first} to {to} at offset {last}")?;
        }
        if let (Some(first), Some(last)) = (first.first_seq, last.last_seq.or(last.first_seq)) {
            write!(f, ", between the sequence numbers {first} and {last}")?;
        }
        write!(f, ": {}", first.message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(segment: &str, offset: u64, seq: u64, message: &str) -> Finding {
        Finding {
            shard: 1,
            segment: segment.into(),
            offset,
            first_seq: Some(seq),
            last_seq: Some(seq + 9),
            kind: FindingKind::Record,
            recoverable: false,
            message: message.into(),
        }
    }

    #[test]
    fn alike_findings_are_one_line() {
        let findings = [
            finding("one", 4096, 10, "bad"),
            finding("one", 8192, 20, "worse"),
            finding("one", 12288, 30, "bad"),
            finding("one", 16384, 40, "worse"),
            finding("two", 4096, 50, "bad"),
            finding("two", 8192, 60, "ugly"),
        ];
        let told: Vec<String> = alike(&findings).iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "shard 1, 3 alike, from one at offset 4096 to two at offset 4096, between the \
                 sequence numbers 10 and 59: bad",
                "shard 1, 2 alike, one from offset 8192 to 16384, between the sequence numbers 20 \
                 and 49: worse",
                "shard 1, two at offset 8192, sequence numbers 60 to 69: ugly",
            ]
        );
    }
}
