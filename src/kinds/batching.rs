//! How a step's statement is carried out in parts: `key=id size=10000 pause=50ms`.

use std::{fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Serialize};

use super::id::take_folded;
use crate::sql::{Ident, escaped, join};

/// A statement over the rows of a table, so many rows at a time in the order of a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batching {
    /// The columns of the key.
    pub key: Vec<Ident>,
    /// How many rows of the table a batch passes.
    pub size: u32,
    /// How long to rest between two batches; whole milliseconds.
    #[serde(default)]
    pub pause: Duration,
}

impl Batching {
    /// Batches of a size that keeps each well under a second on ordinary hardware, with no pause.
    pub fn by(key: impl IntoIterator<Item = Ident>) -> Self {
        Self {
            key: key.into_iter().collect(),
            size: 10_000,
            pause: Duration::ZERO,
        }
    }
}

impl fmt::Display for Batching {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = join(&self.key, ",");
        write!(f, "key={} size={}", escaped(&key), self.size)?;
        if self.pause.is_zero() {
            return Ok(());
        }
        if self.pause.subsec_millis() == 0 {
            write!(f, " pause={}s", self.pause.as_secs())
        } else {
            write!(f, " pause={}ms", self.pause.as_millis())
        }
    }
}

impl FromStr for Batching {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (mut key, mut size, mut pause) = (None, None, None);
        let mut rest = text.trim_start();
        while !rest.is_empty() {
            let (name, value) = rest
                .split_once('=')
                .ok_or_else(|| format!("`{rest}` is no `<name>=<value>`"))?;
            rest = match name {
                "key" => take(&mut key, name, columns(value)?)?,
                "size" => take(&mut size, name, word(value, rows)?)?,
                "pause" => take(&mut pause, name, word(value, duration)?)?,
                other => return Err(format!("`{other}` is none of key, size and pause")),
            };
        }
        Ok(Self {
            key: key.ok_or("a batch needs the columns of its key: `key=id`")?,
            size: size.ok_or("a batch needs a number of rows: `size=10000`")?,
            pause: pause.unwrap_or_default(),
        })
    }
}

/// Keeps a value that is given once; what follows it is left to be read.
fn take<'a, T>(
    place: &mut Option<T>,
    name: &str,
    (value, rest): (T, &'a str),
) -> Result<&'a str, String> {
    match place.replace(value) {
        None => Ok(rest),
        Some(_) => Err(format!("`{name}` is given twice")),
    }
}

/// Names with commas between them, quoted where SQL would want it, and what follows.
fn columns(text: &str) -> Result<(Vec<Ident>, &str), String> {
    let mut columns = Vec::new();
    let mut rest = text;
    loop {
        let (column, after) = take_folded(rest, &[',', ' '])
            .ok_or_else(|| format!("`{text}` names no columns with commas between them"))?;
        if columns.contains(&column) {
            return Err(format!("the key has the column `{column}` twice"));
        }
        columns.push(column);
        if let Some(after) = after.strip_prefix(',') {
            rest = after;
        } else if after.is_empty() || after.starts_with(' ') {
            return Ok((columns, after.trim_start()));
        } else {
            return Err(format!(
                "`{after}` follows a name without a comma or a blank"
            ));
        }
    }
}

fn word<T>(text: &str, read: impl Fn(&str) -> Result<T, String>) -> Result<(T, &str), String> {
    let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
    Ok((read(word)?, rest.trim_start()))
}

fn rows(text: &str) -> Result<u32, String> {
    text.parse()
        .ok()
        .filter(|size| *size > 0)
        .ok_or_else(|| format!("`size={text}` is no number of rows such as 10000"))
}

fn duration(text: &str) -> Result<Duration, String> {
    text.parse::<jiff::SignedDuration>()
        .ok()
        .and_then(|duration| Duration::try_from(duration).ok())
        .filter(|duration| duration.subsec_nanos() % 1_000_000 == 0)
        .ok_or_else(|| format!("`pause={text}` is no duration such as 50ms or 1s"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn read_and_written() {
        fn check(text: &str, written: Result<&str, &str>) {
            let read = text
                .parse::<Batching>()
                .map(|batching| batching.to_string());
            assert_eq!(
                read,
                written.map(ToOwned::to_owned).map_err(ToOwned::to_owned),
                "{text}"
            );
        }
        check("key=id size=1000", Ok("key=id size=1000"));
        check(
            "size=5  pause=1s key=a,\"B c\"",
            Ok("key=a,\"B c\" size=5 pause=1s"),
        );
        check("key=a size=1 pause=1500ms", Ok("key=a size=1 pause=1500ms"));
        check(
            "size=1",
            Err("a batch needs the columns of its key: `key=id`"),
        );
        check(
            "key=id",
            Err("a batch needs a number of rows: `size=10000`"),
        );
        check(
            "key=id size=0",
            Err("`size=0` is no number of rows such as 10000"),
        );
        check(
            "key=id size=1 pause=soon",
            Err("`pause=soon` is no duration such as 50ms or 1s"),
        );
        check(
            "key=id, size=1",
            Err("`id, size=1` names no columns with commas between them"),
        );
        check("key=a,a size=1", Err("the key has the column `a` twice"));
        check("key=a size=1 size=2", Err("`size` is given twice"));
        check(
            "key=a every=2",
            Err("`every` is none of key, size and pause"),
        );
        check("id", Err("`id` is no `<name>=<value>`"));
    }
}
