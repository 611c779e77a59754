//! The locale of a session's database.

use crate::{
    connection::session::Session,
    diagnostic::Result,
    sql::{Locale, Provider},
};

impl Locale {
    /// The one of the session's database.
    pub async fn of(session: &Session) -> Result<Self> {
        let answers = session.snapshot(&[include_str!("locale.sql")]).await?;
        let row = answers[0].first().expect("the query has one row");
        let provider: String = row.get("provider");
        Ok(Self {
            encoding: row.get("encoding"),
            provider: Provider::from_catalog(&provider),
            collate: row.get("collate"),
            ctype: row.get("ctype"),
            name: row.get("name"),
            rules: row.get("rules"),
        })
    }
}
