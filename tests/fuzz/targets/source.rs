#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mfaferry::fuzzing::source(data));
