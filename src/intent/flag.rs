//! `--rename app.people=app.users`.

use std::str::FromStr;

use crate::{source::dotted_name, sql::Ident};

/// A rename from the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenameFlag {
    /// As it was typed.
    pub text: String,
    /// The old name, from the outermost part to the innermost.
    pub(super) old: Vec<Ident>,
    /// The new name; its innermost part alone where the rest stays.
    pub(super) new: Vec<Ident>,
}

impl FromStr for RenameFlag {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let name = |text: &str| {
            let parts = dotted_name(text.trim())?;
            let parts: Vec<Ident> = parts.into_iter().map(Ident::new).collect();
            (parts.len() <= 3).then_some(parts)
        };
        // A quoted name may hold the sign.
        let both = text.match_indices('=').find_map(|(at, _)| {
            let (old, new) = (name(&text[..at])?, name(&text[at + 1..])?);
            (new.len() == 1 || new.len() == old.len()).then_some((old, new))
        });
        let (old, new) = both.ok_or_else(|| {
            "write the old name and the new one: app.people=app.users, app.users.name=full_name"
                .to_owned()
        })?;
        Ok(Self {
            text: text.to_owned(),
            old,
            new,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::dotted;

    #[test]
    fn flags() {
        fn check(text: &str, expected: Option<(&str, &str)>) {
            let flag: Option<RenameFlag> = text.parse().ok();
            let found = flag.map(|flag| (dotted(&flag.old), dotted(&flag.new)));
            let found = found
                .as_ref()
                .map(|(old, new)| (old.as_str(), new.as_str()));
            assert_eq!(found, expected, "{text}");
        }
        check("app.people=app.users", Some(("app.people", "app.users")));
        check(
            "app.users.name=full_name",
            Some(("app.users.name", "full_name")),
        );
        check("app = HR", Some(("app", "hr")));
        check("app.\"a=b\"=\"C d\"", Some(("app.\"a=b\"", "\"C d\"")));
        check("app.people", None);
        check("people=app.users", None);
        check("a.b.c.d=e", None);
        check("app.people=", None);
    }
}
