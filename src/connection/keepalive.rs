//! How a connection that has gone silent is noticed: libpq's `keepalives*` and `tcp_user_timeout`, with defaults of forge's
//! that notice it within a minute.
//!
//! The same times hold in three places: in the kernel here, in the kernel of the server (`tcp_keepalives_*`), and for
//! `liveness`, which notices what no kernel does.

use std::{io, num::NonZeroU32, time::Duration};

use socket2::{SockRef, TcpKeepalive};

use super::parameters::{Keyword, Parameters};
use crate::diagnostic::Result;

/// What holds where nothing is said: 20 s and three questions 10 s apart are less than a minute.
const IDLE: u32 = 20;
const INTERVAL: u32 = 10;
const COUNT: u32 = 3;

/// The most that Linux takes (`MAX_TCP_KEEPIDLE`, `MAX_TCP_KEEPINTVL`, `MAX_TCP_KEEPCNT`).
const MOST_SECONDS: i32 = 32_767;
const MOST_PROBES: i32 = 127;

/// What is asked of a connection over TCP that says nothing. `None` stands for the system's own value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keepalive {
    /// `keepalives`: whether the other end is asked at all.
    pub enabled: bool,
    /// `keepalives_idle`: for how many seconds it may be silent before it is asked.
    pub idle: Option<NonZeroU32>,
    /// `keepalives_interval`: the pause between two questions, in seconds.
    pub interval: Option<NonZeroU32>,
    /// `keepalives_count`: how many questions may stay without an answer.
    pub count: Option<NonZeroU32>,
    /// `tcp_user_timeout`: for how many milliseconds what was sent may stay without an acknowledgement.
    pub user_timeout: Option<NonZeroU32>,
}

impl Default for Keepalive {
    fn default() -> Self {
        Self {
            enabled: true,
            idle: NonZeroU32::new(IDLE),
            interval: NonZeroU32::new(INTERVAL),
            count: NonZeroU32::new(COUNT),
            user_timeout: NonZeroU32::new((IDLE + INTERVAL * COUNT) * 1000),
        }
    }
}

impl Keepalive {
    /// Reads libpq's parameters. As there, 0 and less stand for the system's own value; `keepalives=0` asks nothing.
    pub(super) fn resolve(parameters: &Parameters) -> Result<Self> {
        let number = |keyword, name: &str, most: i32, unit: &str| -> Result<Option<u32>> {
            let Some(setting) = parameters.get(keyword) else {
                return Ok(None);
            };
            let number: Option<i32> = setting.value.trim().parse().ok();
            let number = number.filter(|number| *number <= most).ok_or_else(|| {
                let expected = if most == i32::MAX {
                    format!("{unit}, 0 for the system's own value")
                } else {
                    format!("{unit} up to {most}, 0 for the system's own value")
                };
                setting.invalid(name, &expected)
            })?;
            Ok(Some(u32::try_from(number).unwrap_or(0)))
        };
        let seconds = |keyword, name: &str, default: u32| -> Result<Option<NonZeroU32>> {
            let number = number(keyword, name, MOST_SECONDS, "whole seconds")?;
            Ok(NonZeroU32::new(number.unwrap_or(default)))
        };
        let enabled = match parameters.get(Keyword::Keepalives) {
            None => true,
            Some(setting) => match setting.value.trim().parse::<i32>() {
                Ok(number) => number != 0,
                Err(_) => return Err(setting.invalid("keepalives", "1 for on or 0 for off")),
            },
        };
        let idle = seconds(Keyword::KeepalivesIdle, "keepalives_idle", IDLE)?;
        let interval = seconds(Keyword::KeepalivesInterval, "keepalives_interval", INTERVAL)?;
        let count = Keyword::KeepalivesCount;
        let count = number(count, "keepalives_count", MOST_PROBES, "a whole number")?;
        let count = NonZeroU32::new(count.unwrap_or(COUNT));
        let milliseconds = number(
            Keyword::TcpUserTimeout,
            "tcp_user_timeout",
            i32::MAX,
            "whole milliseconds",
        )?;
        let asked = Self {
            enabled,
            idle,
            interval,
            count,
            user_timeout: None,
        };
        Ok(Self {
            // It must not beat what the keepalives say: to Linux, it comes before their number.
            user_timeout: NonZeroU32::new(milliseconds.unwrap_or_else(|| asked.patience())),
            ..asked
        })
    }

    /// How long the other end may be silent before it is asked.
    pub(super) fn quiet(self) -> Duration {
        seconds(self.idle, IDLE)
    }

    /// The pause between two questions, and how long each may take.
    pub(super) fn pause(self) -> Duration {
        seconds(self.interval, INTERVAL)
    }

    /// How many questions in a row may stay without an answer. One alone may have come between a statement's end and its
    /// answer.
    pub(super) fn questions(self) -> u32 {
        self.count.map_or(COUNT, NonZeroU32::get).max(2)
    }

    /// All of it, in milliseconds.
    fn patience(self) -> u32 {
        let count = self.count.map_or(COUNT, NonZeroU32::get);
        let whole = self.quiet() + self.pause() * count;
        u32::try_from(whole.as_millis()).expect("the parts are limited")
    }

    /// Sets the options of a socket.
    pub(super) fn set(self, socket: &SockRef<'_>) -> io::Result<()> {
        #[cfg(any(target_os = "linux", target_os = "android"))]
        if let Some(limit) = self.user_timeout {
            let limit = Duration::from_millis(limit.get().into());
            socket.set_tcp_user_timeout(Some(limit))?;
        }
        if !self.enabled {
            return socket.set_keepalive(false);
        }
        socket.set_keepalive(true)?;
        let mut keepalive = TcpKeepalive::new();
        if self.idle.is_some() {
            keepalive = keepalive.with_time(self.quiet());
        }
        if self.interval.is_some() {
            keepalive = keepalive.with_interval(self.pause());
        }
        if let Some(count) = self.count {
            keepalive = keepalive.with_retries(count.get());
        }
        socket.set_tcp_keepalive(&keepalive)
    }

    /// The server's settings for its end, except those that the connection's own options set.
    pub(super) fn server_settings(self, options: &[(String, String)]) -> Vec<(String, String)> {
        let keepalives = [
            ("tcp_keepalives_idle", self.idle),
            ("tcp_keepalives_interval", self.interval),
            ("tcp_keepalives_count", self.count),
        ];
        keepalives
            .into_iter()
            .filter(|_| self.enabled)
            .chain([("tcp_user_timeout", self.user_timeout)])
            .filter(|(name, _)| options.iter().all(|(option, _)| option != name))
            .map(|(name, value)| {
                let value = value.map_or(0, NonZeroU32::get);
                (name.to_owned(), value.to_string())
            })
            .collect()
    }
}

fn seconds(given: Option<NonZeroU32>, default: u32) -> Duration {
    Duration::from_secs(given.map_or(default, NonZeroU32::get).into())
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::{super::parameters::Origin, *};

    fn resolved(given: &str) -> Result<Keepalive> {
        Keepalive::resolve(&Parameters::from_pairs(given, &Origin::Given)?)
    }

    #[test]
    fn libpqs_parameters() {
        fn check(given: &str, expected: Keepalive) {
            assert_eq!(resolved(given).unwrap(), expected, "{given}");
        }
        let usual = Keepalive::default();
        let some = NonZeroU32::new;
        check("", usual);
        check("keepalives=1", usual);
        check(
            "keepalives=0",
            Keepalive {
                enabled: false,
                ..usual
            },
        );
        check(
            "keepalives_idle=' 5 ' keepalives_interval=2 keepalives_count=4",
            Keepalive {
                enabled: true,
                idle: some(5),
                interval: some(2),
                count: some(4),
                user_timeout: some(13_000),
            },
        );
        check(
            "keepalives_idle=0 keepalives_interval=-1 keepalives_count=0 tcp_user_timeout=0",
            Keepalive {
                enabled: true,
                idle: None,
                interval: None,
                count: None,
                user_timeout: None,
            },
        );
        check(
            "tcp_user_timeout=1500",
            Keepalive {
                user_timeout: some(1500),
                ..usual
            },
        );
        assert!(usual.quiet() + usual.pause() * usual.questions() < Duration::from_mins(1));
    }

    #[test]
    fn values_that_are_none() {
        fn check(given: &str, message: &str) {
            assert_eq!(resolved(given).unwrap_err().message(), message, "{given}");
        }
        check("keepalives=yes", "the value of `keepalives` is not valid");
        check(
            "keepalives_idle=5s",
            "`5s` is not a valid `keepalives_idle`",
        );
        check(
            "keepalives_interval=40000",
            "`40000` is not a valid `keepalives_interval`",
        );
        check(
            "keepalives_count=200",
            "`200` is not a valid `keepalives_count`",
        );
        check(
            "tcp_user_timeout=9999999999",
            "the value of `tcp_user_timeout` is not valid",
        );
    }

    #[test]
    fn the_kernel_has_them() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let socket = || SockRef::from(&stream);
        let keepalive = resolved("keepalives_idle=5 keepalives_interval=2 keepalives_count=4");
        keepalive.unwrap().set(&socket()).unwrap();
        assert!(socket().keepalive().unwrap());
        assert_eq!(
            socket().tcp_keepalive_time().unwrap(),
            Duration::from_secs(5)
        );
        assert_eq!(
            socket().tcp_keepalive_interval().unwrap(),
            Duration::from_secs(2)
        );
        assert_eq!(socket().tcp_keepalive_retries().unwrap(), 4);
        #[cfg(any(target_os = "linux", target_os = "android"))]
        assert_eq!(
            socket().tcp_user_timeout().unwrap(),
            Some(Duration::from_secs(13))
        );
        resolved("keepalives=0").unwrap().set(&socket()).unwrap();
        assert!(!socket().keepalive().unwrap());
    }

    #[test]
    fn the_servers_end() {
        let settings = Keepalive::default().server_settings(&[]);
        for (name, value) in [
            ("tcp_keepalives_idle", "20"),
            ("tcp_keepalives_interval", "10"),
            ("tcp_keepalives_count", "3"),
            ("tcp_user_timeout", "50000"),
        ] {
            let set = (name.to_owned(), value.to_owned());
            assert!(settings.contains(&set), "{settings:?}");
        }
        let own = [("tcp_keepalives_idle".to_owned(), "7".to_owned())];
        let settings = Keepalive::default().server_settings(&own);
        let names: Vec<&str> = settings.iter().map(|(name, _)| name.as_str()).collect();
        assert!(!names.contains(&"tcp_keepalives_idle"), "{names:?}");
    }
}
