//! The program of every target; which one it is, its own name says.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tombola_fuzz::run(env!("CARGO_BIN_NAME"), data));
