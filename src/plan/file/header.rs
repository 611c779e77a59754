//! The lines at the head of a plan file: one table says which there are, in which order, what is hashed, and how each is
//! written and read.

use std::{collections::BTreeSet, fmt::Write as _, str::FromStr};

use super::{
    Semver,
    syntax::{FORMAT, header_line, header_value, revision_id},
};
use crate::{catalog::Fingerprint, kinds::Glob, sql::Locale};

/// The first lines of a plan file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Header {
    /// Twelve hexadecimal digits.
    pub revision: String,
    /// The revisions that it builds on: none for the first, several for a merge.
    pub down_revision: Vec<String>,
    /// Further revisions that have to be applied before.
    pub depends_on: Vec<String>,
    /// Names of the branch that it begins.
    pub branch_labels: Vec<String>,
    /// The objects to which it was confined, where the rest of the difference was left to another plan.
    pub only: Vec<Glob>,
    /// What it is for.
    pub message: String,
    /// Who made it.
    pub author: String,
    /// When it was made, RFC 3339 in UTC.
    pub created: String,
    /// The major version of the server that it was made for.
    pub postgres: u32,
    /// How the database that it was made for stores and compares text.
    pub locale: Locale,
    /// The state that it leads from.
    pub from: Fingerprint,
    /// The state that it leads to.
    pub to: Fingerprint,
    /// The schema's version from then on.
    pub semver: Semver,
    /// The plan's hash when forge had proved it; a draft with another one was edited since.
    pub proved: Option<String>,
    /// Who has frozen it, when, and what was allowed.
    pub approval: Option<Approval>,
}

/// What freezes a plan.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Approval {
    /// Who.
    pub by: String,
    /// When, RFC 3339 in UTC.
    pub at: String,
    /// Why, if somebody said so.
    pub reason: Option<String>,
    /// The hazards that were allowed: `deletes-data table app.users`.
    pub allowed: Vec<String>,
    /// The numbers of the steps that forge did not write, or not as they are.
    pub by_hand: BTreeSet<usize>,
    /// The hash of the `.down.sql` that was approved with the plan.
    pub down_sha256: Option<String>,
    /// The plan's hash at that moment.
    pub sha256: String,
    /// An SSH signature of that hash: the body of its armor, on one line.
    pub signature: Option<String>,
}

/// How often a key stands in a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Occurs {
    /// Exactly once.
    Once,
    /// At most once.
    Optional,
    /// Any number of times.
    Many,
    /// Exactly once where the plan is approved, and nowhere else.
    WithApproval,
    /// At most once, and only where the plan is approved.
    OptionalWithApproval,
    /// Any number of times, and only where the plan is approved.
    ManyWithApproval,
}

/// A key of the header.
pub(super) struct Key {
    pub(super) name: &'static str,
    pub(super) occurs: Occurs,
    /// Whether the hash covers it.
    hashed: bool,
    /// Its values, one for each line.
    write: fn(&Header) -> Vec<String>,
    /// Takes the value of a line.
    pub(super) read: fn(&mut Header, &str) -> Result<(), String>,
}

/// The keys of the header, in the order in which they are written and hashed.
pub(super) const KEYS: &[Key] = &[
    key(
        "format",
        Occurs::Once,
        |_| vec![FORMAT.to_string()],
        // The reader checks it before everything else.
        |_, _| Ok(()),
    ),
    key(
        "revision",
        Occurs::Once,
        |header| vec![header.revision.clone()],
        |header, value| revision_id(value).map(|revision| header.revision = revision),
    ),
    key(
        "down_revision",
        Occurs::Optional,
        |header| words(&header.down_revision),
        |header, value| set(&mut header.down_revision, split(value)),
    ),
    key(
        "depends_on",
        Occurs::Optional,
        |header| words(&header.depends_on),
        |header, value| set(&mut header.depends_on, split(value)),
    ),
    key(
        "branch_labels",
        Occurs::Optional,
        |header| words(&header.branch_labels),
        |header, value| set(&mut header.branch_labels, split(value)),
    ),
    key(
        "only",
        Occurs::Many,
        |header| header.only.iter().map(ToString::to_string).collect(),
        |header, value| value.parse().map(|glob| header.only.push(glob)),
    ),
    key(
        "message",
        Occurs::Once,
        |header| vec![header.message.clone()],
        |header, value| set(&mut header.message, value.to_owned()),
    ),
    key(
        "author",
        Occurs::Once,
        |header| vec![header.author.clone()],
        |header, value| set(&mut header.author, value.to_owned()),
    ),
    key(
        "created",
        Occurs::Once,
        |header| vec![header.created.clone()],
        |header, value| set(&mut header.created, value.to_owned()),
    ),
    key(
        "postgres",
        Occurs::Once,
        |header| vec![header.postgres.to_string()],
        |header, value| parse(&mut header.postgres, value),
    ),
    key(
        "locale",
        // What most throwaway databases have needs no line.
        Occurs::Optional,
        |header| {
            let is_plain = header.locale == Locale::default();
            let locale = (!is_plain).then(|| header.locale.to_string());
            locale.into_iter().collect()
        },
        |header, value| parse(&mut header.locale, value),
    ),
    key(
        "from",
        Occurs::Once,
        |header| vec![header.from.to_string()],
        |header, value| parse(&mut header.from, value),
    ),
    key(
        "to",
        Occurs::Once,
        |header| vec![header.to.to_string()],
        |header, value| parse(&mut header.to, value),
    ),
    key(
        "semver",
        Occurs::Once,
        |header| vec![header.semver.to_string()],
        |header, value| parse(&mut header.semver, value),
    ),
    unhashed(
        "proved",
        Occurs::Optional,
        |header| header.proved.iter().cloned().collect(),
        |header, value| sha256(value).map(|hash| header.proved = Some(hash)),
    ),
    key(
        "approved_by",
        Occurs::WithApproval,
        |header| approved(header, |approval| vec![approval.by.clone()]),
        |header, value| set(&mut approval(header).by, value.to_owned()),
    ),
    key(
        "approved_at",
        Occurs::WithApproval,
        |header| approved(header, |approval| vec![approval.at.clone()]),
        |header, value| set(&mut approval(header).at, value.to_owned()),
    ),
    key(
        "reason",
        Occurs::OptionalWithApproval,
        |header| approved(header, |approval| approval.reason.iter().cloned().collect()),
        |header, value| set(&mut approval(header).reason, Some(value.to_owned())),
    ),
    key(
        "allowed",
        Occurs::ManyWithApproval,
        |header| approved(header, |approval| approval.allowed.clone()),
        |header, value| {
            approval(header).allowed.push(value.to_owned());
            Ok(())
        },
    ),
    key(
        "by_hand",
        Occurs::OptionalWithApproval,
        |header| {
            approved(header, |approval| {
                let numbers: Vec<String> =
                    approval.by_hand.iter().map(ToString::to_string).collect();
                words(&numbers)
            })
        },
        |header, value| {
            for number in split(value) {
                let number = number
                    .parse()
                    .map_err(|_| format!("`{number}` is no number of a step"))?;
                approval(header).by_hand.insert(number);
            }
            Ok(())
        },
    ),
    key(
        "down_sha256",
        Occurs::OptionalWithApproval,
        |header| {
            approved(header, |approval| {
                approval.down_sha256.iter().cloned().collect()
            })
        },
        |header, value| sha256(value).map(|hash| approval(header).down_sha256 = Some(hash)),
    ),
    unhashed(
        "sha256",
        Occurs::WithApproval,
        |header| approved(header, |approval| vec![approval.sha256.clone()]),
        |header, value| sha256(value).map(|hash| approval(header).sha256 = hash),
    ),
    unhashed(
        "signature",
        Occurs::OptionalWithApproval,
        |header| {
            approved(header, |approval| {
                approval.signature.iter().cloned().collect()
            })
        },
        |header, value| {
            signature(value).map(|signature| approval(header).signature = Some(signature))
        },
    ),
];

const fn key(
    name: &'static str,
    occurs: Occurs,
    write: fn(&Header) -> Vec<String>,
    read: fn(&mut Header, &str) -> Result<(), String>,
) -> Key {
    Key {
        name,
        occurs,
        hashed: true,
        write,
        read,
    }
}

/// A key that holds the hash, or something that is made of it.
const fn unhashed(
    name: &'static str,
    occurs: Occurs,
    write: fn(&Header) -> Vec<String>,
    read: fn(&mut Header, &str) -> Result<(), String>,
) -> Key {
    Key {
        hashed: false,
        ..key(name, occurs, write, read)
    }
}

impl Key {
    /// The key of this name.
    pub(super) fn named(name: &str) -> Option<&'static Self> {
        KEYS.iter().find(|key| key.name == name)
    }

    /// Whether the header may have several lines of it.
    pub(super) fn repeats(&self) -> bool {
        matches!(self.occurs, Occurs::Many | Occurs::ManyWithApproval)
    }

    /// Whether a header has to have it.
    pub(super) fn is_required(&self, header: &Header) -> bool {
        match self.occurs {
            Occurs::Once => true,
            Occurs::WithApproval => header.approval.is_some(),
            Occurs::Optional
            | Occurs::Many
            | Occurs::OptionalWithApproval
            | Occurs::ManyWithApproval => false,
        }
    }
}

impl Header {
    /// The keys with their values, as they are written.
    fn lines(&self) -> impl Iterator<Item = (&'static Key, String)> + '_ {
        let lines =
            |key: &'static Key| (key.write)(self).into_iter().map(move |value| (key, value));
        KEYS.iter()
            .flat_map(lines)
            .map(|(key, value)| (key, header_value(&value)))
    }

    /// The lines as they stand in the file.
    pub(super) fn render(&self, text: &mut String) {
        for (key, value) in self.lines() {
            text.push_str(&header_line(key.name, &value));
        }
    }

    /// What of the lines the hash covers: all but the hashes themselves, and the signature of the hash.
    pub(super) fn hashed(&self, text: &mut String) {
        for (key, value) in self.lines().filter(|(key, _)| key.hashed) {
            writeln!(text, "{} {value}", key.name).expect("writing to a String can't fail");
        }
    }
}

fn words(values: &[String]) -> Vec<String> {
    if values.is_empty() {
        Vec::new()
    } else {
        vec![values.join(" ")]
    }
}

fn split(value: &str) -> Vec<String> {
    value.split_whitespace().map(ToOwned::to_owned).collect()
}

fn approved(header: &Header, values: fn(&Approval) -> Vec<String>) -> Vec<String> {
    header.approval.as_ref().map(values).unwrap_or_default()
}

fn approval(header: &mut Header) -> &mut Approval {
    header.approval.get_or_insert_default()
}

fn set<T>(field: &mut T, value: T) -> Result<(), String> {
    *field = value;
    Ok(())
}

fn parse<T: FromStr<Err: ToString>>(field: &mut T, value: &str) -> Result<(), String> {
    *field = value.parse().map_err(|error: T::Err| error.to_string())?;
    Ok(())
}

fn sha256(text: &str) -> Result<String, String> {
    if text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit()) {
        Ok(text.to_owned())
    } else {
        Err(format!(
            "`{text}` is no SHA-256 hash: 64 hexadecimal digits"
        ))
    }
}

fn signature(text: &str) -> Result<String, String> {
    // PROTOCOL.sshsig: the blob begins with the bytes `SSHSIG`.
    const MAGIC: &str = "U1NIU0lH";
    let is_base64 = |c: char| c.is_ascii_alphanumeric() || "+/".contains(c);
    let digits = text.trim_end_matches('=');
    let is_whole = text.len().is_multiple_of(4) && text.len() - digits.len() <= 2;
    if is_whole && digits.starts_with(MAGIC) && digits.chars().all(is_base64) {
        Ok(text.to_owned())
    } else {
        Err("this is no SSH signature: it is written by `forge approve --sign`".to_owned())
    }
}
