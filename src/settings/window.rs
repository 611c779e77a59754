//! When a database may be changed: `01:00-05:00 Europe/Rome`.

use std::{fmt, str::FromStr};

use jiff::{Timestamp, civil::Time, tz::TimeZone};

use crate::shown;

/// A stretch of every day, in a time zone. One that ends before it begins goes over midnight.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    from: Time,
    to: Time,
    zone: TimeZone,
}

impl Window {
    /// Whether a moment lies in it. The end doesn't belong to it.
    pub fn contains(&self, moment: Timestamp) -> bool {
        let time = moment.to_zoned(self.zone.clone()).time();
        if self.from < self.to {
            self.from <= time && time < self.to
        } else {
            self.from <= time || time < self.to
        }
    }

    /// The time of day there.
    pub fn time_of(&self, moment: Timestamp) -> String {
        let local = moment.to_zoned(self.zone.clone());
        local.strftime("%H:%M").to_string()
    }
}

impl FromStr for Window {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (hours, zone) = text.trim().split_once(' ').unwrap_or((text.trim(), "UTC"));
        let time = |text: &str| Time::strptime("%H:%M", text).ok();
        let (from, to) = hours
            .split_once('-')
            .and_then(|(from, to)| Some((time(from)?, time(to)?)))
            .filter(|(from, to)| from != to)
            .ok_or("it is no window such as `01:00-05:00` or `22:30-04:00 Europe/Rome`")?;
        let zone = TimeZone::get(zone.trim())
            .map_err(|_| format!("no time zone `{}` is known here", shown::path(zone.trim())))?;
        Ok(Self { from, to, zone })
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (from, to) = (self.from.strftime("%H:%M"), self.to.strftime("%H:%M"));
        let zone = self.zone.iana_name().unwrap_or("UTC");
        write!(f, "{from}-{to} {zone}")
    }
}

impl<'de> serde::Deserialize<'de> for Window {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments() {
        fn check(window: &str, moment: &str, expected: bool) {
            let window: Window = window.parse().unwrap();
            assert_eq!(
                window.contains(moment.parse().unwrap()),
                expected,
                "{window} {moment}"
            );
        }
        check("01:00-05:00", "2026-03-01T01:00:00Z", true);
        check("01:00-05:00", "2026-03-01T05:00:00Z", false);
        check("22:30-04:00", "2026-03-01T23:00:00Z", true);
        check("22:30-04:00", "2026-03-01T03:59:59Z", true);
        check("22:30-04:00", "2026-03-01T12:00:00Z", false);
        // Summer time and winter time are an hour apart in UTC.
        check("01:00-05:00 Europe/Rome", "2026-07-01T03:30:00Z", false);
        check("01:00-05:00 Europe/Rome", "2026-01-01T03:30:00Z", true);
    }

    #[test]
    fn what_is_written() {
        fn check(text: &str, expected: Result<&str, &str>) {
            let parsed = text.parse::<Window>().map(|window| window.to_string());
            assert_eq!(
                parsed.as_deref().map_err(String::as_str),
                expected,
                "{text}"
            );
        }
        check("01:00-05:00", Ok("01:00-05:00 UTC"));
        check(" 22:30-04:00  Europe/Rome", Ok("22:30-04:00 Europe/Rome"));
        check(
            "1-5",
            Err("it is no window such as `01:00-05:00` or `22:30-04:00 Europe/Rome`"),
        );
        check(
            "01:00-05:00 Nowhere",
            Err("no time zone `Nowhere` is known here"),
        );
    }
}
