//! Durations as people write them.

use std::time::Duration;

use serde::{Deserialize as _, Deserializer, de::Error as _};

use crate::shown;

/// Deserializes a duration.
pub(super) fn duration<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Duration>, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse_duration(&text).map(Some).map_err(D::Error::custom)
}

/// Reads `30s`, `5m`, `1h 30m`. The error says what was expected.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    text.parse::<jiff::SignedDuration>()
        .ok()
        .and_then(|duration| Duration::try_from(duration).ok())
        .ok_or_else(|| {
            let text = shown::subject(text);
            format!("{text} is no duration such as `30s` or `5m`")
        })
}

/// Deserializes a duration that something may take.
pub(super) fn time_limit<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Duration>, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse_time_limit(&text).map(Some).map_err(D::Error::custom)
}

/// Reads a duration that something may take. The error says what was expected.
pub fn parse_time_limit(text: &str) -> Result<Duration, String> {
    match parse_duration(text)? {
        Duration::ZERO => Err(format!(
            "`{text}` is no time limit: it is longer than nothing"
        )),
        limit => Ok(limit),
    }
}
