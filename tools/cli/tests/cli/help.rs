//! `--help`.

use crate::support::tombola;

#[test]
fn every_verb_has_help_with_examples_and_exit_codes() {
    for verb in [
        "draw", "apply", "state", "log", "odds", "verify", "recover", "snapshot", "inspect",
        "simulate", "bench", "config",
    ] {
        let said = tombola(&[verb, "--help"]).ends(0);
        assert!(said.out.contains("Exit codes:"), "{verb}: {}", said.out);
        assert!(said.out.contains("Examples:"), "{verb}: {}", said.out);
        assert!(
            verb == "config" || said.out.contains("--json"),
            "{verb}: {}",
            said.out
        );
        assert_eq!(said.err, "");
    }
    for verb in ["example", "check"] {
        let said = tombola(&["config", verb, "--help"]).ends(0);
        assert!(
            said.out.contains("Example") && said.out.contains("--json"),
            "{}",
            said.out
        );
    }
    let said = tombola(&["--help"]).ends(0);
    assert!(said.out.contains("Exit codes:") && said.out.contains("Examples:"));
    tombola(&["--version"]).ends(0);
}
