#![no_main]

use support::inputs;

libfuzzer_sys::fuzz_target!(|text: &str| inputs::forge_toml(text));
