//! How fast a backfill goes, and how long it will take.

use std::time::Duration;

/// A run of a backfill: where it began, and how far there is to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// The rows that this run has passed.
    pub run_rows: u64,
    /// In this time.
    pub elapsed: Duration,
    /// The rows that all runs have passed.
    pub done: u64,
    /// How many there are, about.
    pub estimate: Option<u64>,
}

impl Pace {
    /// Rows in a second, once there is something to tell it from.
    pub fn rate(&self) -> Option<u64> {
        let milliseconds = u64::try_from(self.elapsed.as_millis()).ok()?;
        (self.run_rows > 0 && milliseconds > 0)
            .then(|| self.run_rows.saturating_mul(1000) / milliseconds)
    }

    /// The time that is left.
    pub fn left(&self) -> Option<Duration> {
        let rows = self.estimate?.saturating_sub(self.done);
        let rate = self.rate().filter(|rate| *rate > 0)?;
        Some(Duration::from_secs(rows.div_ceil(rate)))
    }

    /// Rate and time left: `118000 rows/s, 32 s left`.
    pub fn speed(&self) -> String {
        let rate = self.rate().map(|rate| format!("{rate} rows/s"));
        let left = self.left().map(|left| format!("{} left", spoken(left)));
        [rate, left]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .join(", ")
    }

    /// How far it is: `1200000 of about 5000000 rows`.
    pub fn distance(&self) -> String {
        match self.estimate {
            Some(estimate) => format!("{} of about {} rows", self.done, estimate.max(self.done)),
            None => format!("{} rows", self.done),
        }
    }
}

/// A time as people say it: `32 s`, `5 min`, `2 h 10 min`.
pub fn spoken(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds.div_ceil(60)),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn told() {
        fn check(run_rows: u64, seconds: u64, done: u64, estimate: Option<u64>, expected: &str) {
            let pace = Pace {
                run_rows,
                elapsed: Duration::from_secs(seconds),
                done,
                estimate,
            };
            assert_eq!(format!("{}, {}", pace.distance(), pace.speed()), expected);
        }
        check(
            1000,
            10,
            5000,
            Some(8200),
            "5000 of about 8200 rows, 100 rows/s, 32 s left",
        );
        check(0, 0, 5000, Some(8200), "5000 of about 8200 rows, ");
        check(1000, 10, 5000, None, "5000 rows, 100 rows/s");
        // There are more rows than was thought.
        check(
            1000,
            10,
            9000,
            Some(8200),
            "9000 of about 9000 rows, 100 rows/s, 0 s left",
        );
        // Less than a row in a second.
        check(1, 10, 1, Some(100), "1 of about 100 rows, 0 rows/s");
    }

    #[test]
    fn times() {
        fn check(seconds: u64, expected: &str) {
            assert_eq!(spoken(Duration::from_secs(seconds)), expected);
        }
        check(0, "0 s");
        check(119, "119 s");
        check(121, "3 min");
        check(7300, "2 h 1 min");
    }
}
