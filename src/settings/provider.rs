//! Where a shadow server comes from.

use std::fmt;

/// Where a shadow server comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ShadowProvider {
    /// The first of the others that works
    #[default]
    Auto,
    /// A server of the user's
    Url,
    /// A private cluster of the installed PostgreSQL
    Local,
    /// A private cluster of a downloaded PostgreSQL
    Download,
    /// A temporary database on the target server
    Target,
}

impl ShadowProvider {
    /// The words for all of them.
    pub(super) fn words() -> impl Iterator<Item = &'static str> {
        <Self as clap::ValueEnum>::value_variants()
            .iter()
            .map(|provider| provider.as_str())
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Url => "url",
            Self::Local => "local",
            Self::Download => "download",
            Self::Target => "target",
        }
    }
}

impl fmt::Display for ShadowProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
