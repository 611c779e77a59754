#![no_main]

#[expect(dead_code, reason = "each target runs one of the functions")]
#[path = "../../tests/support/inputs.rs"]
mod inputs;

libfuzzer_sys::fuzz_target!(|text: &str| inputs::plan_file(text));
