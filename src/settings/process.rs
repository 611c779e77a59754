//! What the process's environment says before there are settings.

use crate::{environment::Environment, report::ColorChoice};

/// Reads the process's environment. Variables that aren't UTF-8 count as unset.
pub fn process_environment() -> Environment {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

/// When to use colour: `--color`, else `NO_COLOR`, else what the terminal can do.
pub fn color(flag: Option<ColorChoice>, variables: &Environment) -> ColorChoice {
    let no_color = variables.get("NO_COLOR").is_some()
        || variables.get("TERM").is_some_and(|term| term == "dumb");
    flag.unwrap_or(if no_color {
        ColorChoice::Never
    } else {
        ColorChoice::Auto
    })
}
