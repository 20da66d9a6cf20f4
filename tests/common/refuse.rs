//! System calls that a kernel or a container refuses.

use std::collections::BTreeMap;

use seccompiler::{BpfProgram, SeccompAction, SeccompFilter};

/// Refuses a system call to this thread and to those it starts, with `EPERM`, as containers do.
pub(crate) fn refuse(system_call: i64) {
    let filter = SeccompFilter::new(
        BTreeMap::from([(system_call, vec![])]),
        SeccompAction::Allow,
        SeccompAction::Errno(1),
        std::env::consts::ARCH.try_into().unwrap(),
    );
    let program: BpfProgram = filter.unwrap().try_into().unwrap();
    seccompiler::apply_filter(&program).unwrap();
}
