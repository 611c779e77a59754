//! Changes an author's statement where PostgreSQL's form of it has changed, and leaves the rest as it stands: the layout,
//! the comments, the spelling.

use std::ops::Range;

use pg_query::protobuf::{ScanToken, Token};

use super::{
    ast::identifier,
    columns::{Clause, clauses},
    elements::{Element, lists},
    tokens::{bounds, is_comment, scan},
};
use crate::sql::dollar_quoted;

/// A stretch of a text that has to say something else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// What is replaced.
    pub span: Range<usize>,
    /// The replacement.
    pub text: String,
}

/// What a statement is about, to tell it from the others on the same object: `create index users_name`. It is the same
/// however the statement is written, and whether the name has its schema.
pub fn about(sql: &str) -> Option<String> {
    const WORDS: &[&str] = &[
        "column",
        "comment",
        "concurrently",
        "constraint",
        "create",
        "domain",
        "exists",
        "extension",
        "foreign",
        "function",
        "if",
        "index",
        "materialized",
        "not",
        "on",
        "or",
        "policy",
        "procedure",
        "recursive",
        "replace",
        "schema",
        "sequence",
        "table",
        "trigger",
        "type",
        "unique",
        "unlogged",
        "view",
    ];
    const ASIDE: &[&str] = &[
        "concurrently",
        "exists",
        "if",
        "not",
        "or",
        "recursive",
        "replace",
        "unique",
        "unlogged",
    ];
    let tokens = code(sql)?;
    let mut words = Vec::new();
    let mut rest = tokens.iter().map(|token| &sql[bounds(token)]).peekable();
    let verb = rest.peek()?.to_ascii_lowercase();
    if !["create", "comment"].contains(&verb.as_str()) {
        let all: Vec<String> = rest.map(str::to_ascii_lowercase).collect();
        return Some(all.join(" "));
    }
    while let Some(word) = rest.next_if(|word| WORDS.contains(&word.to_ascii_lowercase().as_str()))
    {
        let word = word.to_ascii_lowercase();
        if !ASIDE.contains(&word.as_str()) {
            words.push(word);
        }
    }
    let mut name = identifier(rest.next()?)?;
    while rest.next_if_eq(&".").is_some() {
        name = identifier(rest.next()?)?;
    }
    words.push(name);
    Some(words.join(" "))
}

/// Changes `own` as `before` became `after`: three ways to write one statement, the latter two PostgreSQL's. None where it
/// can't be told which part of `own` is meant, or a comment would be lost.
pub fn amend(own: &str, before: &str, after: &str) -> Option<Vec<Change>> {
    let (own, before, after) = (Text::of(own)?, Text::of(before)?, Text::of(after)?);
    in_list(&own, &before, &after)
        .or_else(|| last_string(&own, &before, &after))
        .or_else(|| behind_as(&own, &before, &after))
}

/// The text with the line ends of a sample, but for those between quotes.
pub fn with_line_ends_of(sample: &str, text: String) -> String {
    if !sample.contains("\r\n") {
        return text;
    }
    let Ok(tokens) = scan(&text) else {
        return text;
    };
    let mut converted = text;
    let line_ends: Vec<usize> = converted.match_indices('\n').map(|(at, _)| at).collect();
    let quoted = |at: usize| {
        let mut holding = tokens.iter().filter(|token| bounds(token).contains(&at));
        holding.any(|token| !is_comment(token))
    };
    for at in line_ends.into_iter().rev().filter(|at| !quoted(*at)) {
        if !converted[..at].ends_with('\r') {
            converted.insert(at, '\r');
        }
    }
    converted
}

/// The comments in a text, in their order.
pub fn comments(sql: &str) -> Vec<&str> {
    let tokens = scan(sql).unwrap_or_default();
    let comments = tokens.iter().filter(|token| is_comment(token));
    comments.map(|token| &sql[bounds(token)]).collect()
}

fn code(sql: &str) -> Option<Vec<ScanToken>> {
    let tokens = scan(sql).ok()?;
    Some(
        tokens
            .into_iter()
            .filter(|token| !is_comment(token))
            .collect(),
    )
}

/// A statement with its tokens.
struct Text<'a> {
    sql: &'a str,
    tokens: Vec<ScanToken>,
}

/// A part of a list, and by what name it is known.
struct Part {
    element: Element,
    key: String,
}

impl<'a> Text<'a> {
    fn of(sql: &'a str) -> Option<Self> {
        Some(Self {
            sql,
            tokens: code(sql)?,
        })
    }

    fn within(&self, span: &Range<usize>) -> &[ScanToken] {
        let inside =
            |token: &ScanToken| span.start <= bounds(token).start && bounds(token).end <= span.end;
        let start = self.tokens.iter().position(inside).unwrap_or_default();
        let length = self.tokens[start..]
            .iter()
            .take_while(|token| inside(token))
            .count();
        &self.tokens[start..start + length]
    }

    /// The columns and constraints of a table, or the labels of an enum.
    fn parts(&self) -> Option<Vec<Part>> {
        let is_list = self
            .tokens
            .iter()
            .take(4)
            .any(|token| matches!(token.token(), Token::Table | Token::TypeP));
        let list = is_list.then(|| lists(&self.tokens).into_iter().next())??;
        let key = |element: &Element| {
            let words = self.within(&element.span);
            let word = |at: usize| words.get(at).map(|token| &self.sql[bounds(token)]);
            match words.first().map(ScanToken::token) {
                Some(Token::Constraint) => format!(
                    "constraint {}",
                    word(1).and_then(identifier).unwrap_or_default()
                ),
                Some(Token::Sconst) => self.sql[element.span.clone()].to_owned(),
                Some(
                    Token::Primary
                    | Token::Unique
                    | Token::Check
                    | Token::Foreign
                    | Token::Exclude
                    | Token::Like,
                )
                | None => String::new(),
                Some(_) => format!(
                    "column {}",
                    word(0).and_then(identifier).unwrap_or_default()
                ),
            }
        };
        Some(
            list.into_iter()
                .map(|element| Part {
                    key: key(&element),
                    element,
                })
                .collect(),
        )
    }

    fn part(&self, part: &Part) -> &'a str {
        &self.sql[part.element.span.clone()]
    }

    /// The text without the stretch.
    fn around(&self, span: &Range<usize>) -> (&'a str, &'a str) {
        (&self.sql[..span.start], &self.sql[span.end..])
    }

    /// How the text ends its lines.
    fn line_end(&self) -> &'static str {
        if self.sql.contains("\r\n") {
            "\r\n"
        } else {
            "\n"
        }
    }

    fn line_start(&self, at: usize) -> usize {
        self.sql[..at].rfind('\n').map_or(0, |end| end + 1)
    }

    /// The end of the line, before its line end.
    fn line_stop(&self, at: usize) -> usize {
        let stop = self.sql[at..]
            .find('\n')
            .map_or(self.sql.len(), |end| at + end);
        stop - usize::from(self.sql[at..stop].ends_with('\r'))
    }

    /// The white space at the beginning of a place's line, if nothing but a comment stands between.
    fn indent(&self, at: usize) -> Option<&'a str> {
        let start = self.line_start(at);
        let before = &self.sql[start..at];
        let blank = before.len() - before.trim_start().len();
        let comment = before.trim();
        let free = comment.is_empty() || (comment.starts_with("/*") && comment.ends_with("*/"));
        (start > 0 && free).then_some(&before[..blank])
    }

    /// The end of the line, if nothing but a comment follows a place in it.
    fn free_stop(&self, at: usize) -> Option<usize> {
        let stop = self.line_stop(at);
        let rest = self.sql[at..stop].trim();
        let comment = rest.starts_with("--")
            || (rest.starts_with("/*") && rest.find("*/") == Some(rest.len() - 2));
        (stop < self.sql.len() && (rest.is_empty() || comment)).then_some(stop)
    }

    fn last_string(&self) -> Option<Range<usize>> {
        self.tokens
            .iter()
            .rfind(|token| token.token() == Token::Sconst)
            .map(bounds)
    }
}

/// Where only parts of the list differ.
fn in_list(own: &Text<'_>, before: &Text<'_>, after: &Text<'_>) -> Option<Vec<Change>> {
    let (ours, old, new) = (own.parts()?, before.parts()?, after.parts()?);
    let whole =
        |parts: &[Part]| Some(parts.first()?.element.span.start..parts.last()?.element.span.end);
    if before.around(&whole(&old)?) != after.around(&whole(&new)?) {
        return None;
    }
    let find = |parts: &[Part], key: &str| {
        let mut found = parts
            .iter()
            .enumerate()
            .filter(|(_, part)| part.key == key && !key.is_empty());
        let (at, _) = found.next()?;
        found.next().is_none().then_some(at)
    };
    let mut changes = Vec::new();
    let mut removed = Vec::new();
    for part in &old {
        match find(&new, &part.key) {
            None => removed.push(find(&ours, &part.key)?),
            Some(at) if before.part(part) != after.part(&new[at]) => {
                let span = &ours[find(&ours, &part.key)?].element.span;
                changes.extend(in_column(
                    own,
                    span,
                    before.part(part),
                    after.part(&new[at]),
                )?);
            }
            Some(_) => {}
        }
    }
    let mut added: Vec<(usize, Vec<&str>)> = Vec::new();
    let mut last = None;
    for part in &new {
        if find(&old, &part.key).is_some() {
            last = find(&ours, &part.key)
                .filter(|at| !removed.contains(at))
                .or(last);
            continue;
        }
        let place = last.or_else(|| (0..ours.len()).rfind(|at| !removed.contains(at)))?;
        match added.iter_mut().find(|(at, _)| *at == place) {
            Some((_, texts)) => texts.push(after.part(part)),
            None => added.push((place, vec![after.part(part)])),
        }
    }
    let end = ours.len().checked_sub(1)?;
    if removed.contains(&end) && !added.is_empty() {
        return None;
    }
    for (at, texts) in added {
        changes.extend(insertion(own, &ours, at, &texts));
    }
    changes.extend(removal(own, &ours, &removed));
    Some(changes)
}

/// New parts behind one, laid out as it is.
fn insertion(own: &Text<'_>, ours: &[Part], at: usize, texts: &[&str]) -> Vec<Change> {
    let span = &ours[at].element.span;
    let insert = |at: usize, text: String| Change { span: at..at, text };
    let comma = ours.get(at + 1).and_then(|next| next.element.comma);
    let Some(indent) = own.indent(span.start) else {
        return vec![insert(span.end, format!(", {}", texts.join(", ")))];
    };
    let gap = format!("{}{indent}", own.line_end());
    let between = format!(",{gap}");
    let own_line = comma.map_or(span.end, |comma| comma + 1);
    match (own.free_stop(own_line), comma) {
        (Some(stop), Some(_)) => vec![insert(stop, format!("{gap}{},", texts.join(&between)))],
        (Some(stop), None) => vec![
            insert(span.end, ",".to_owned()),
            insert(stop, format!("{gap}{}", texts.join(&between))),
        ],
        (None, _) => vec![insert(
            span.end,
            format!("{between}{}", texts.join(&between)),
        )],
    }
}

/// Takes parts out, each with the comment behind it in its line.
fn removal(own: &Text<'_>, ours: &[Part], removed: &[usize]) -> Vec<Change> {
    let mut changes = Vec::new();
    let take = |span: Range<usize>| Change {
        span,
        text: String::new(),
    };
    let is_last = |at: usize| (at..ours.len()).all(|other| removed.contains(&other));
    for &at in removed {
        let span = &ours[at].element.span;
        let comma = ours.get(at + 1).and_then(|next| next.element.comma);
        let behind = comma.map_or(span.end, |comma| comma + 1);
        let stop = own.indent(span.start).and_then(|_| own.free_stop(behind));
        if let Some(stop) = stop {
            let next = own.sql[stop..]
                .find('\n')
                .map_or(stop, |end| stop + end + 1);
            changes.push(take(own.line_start(span.start)..next));
            let first_of_run = is_last(at) && !(at > 0 && removed.contains(&(at - 1)));
            if let (true, Some(comma)) = (first_of_run, ours[at].element.comma) {
                changes.push(take(comma..comma + 1));
            }
        } else if let (false, Some(next)) = (is_last(at), ours.get(at + 1)) {
            changes.push(take(span.start..next.element.span.start));
        } else {
            changes.push(take(ours[at].element.comma.unwrap_or(span.start)..span.end));
        }
    }
    changes
}

/// The clauses of a column that differ.
fn in_column(
    own: &Text<'_>,
    span: &Range<usize>,
    before: &str,
    after: &str,
) -> Option<Vec<Change>> {
    let whole = || {
        // What the author has written besides would be lost.
        let same =
            super::normalised(&own.sql[span.clone()]).ok()? == super::normalised(before).ok()?;
        same.then(|| {
            vec![Change {
                span: span.clone(),
                text: after.to_owned(),
            }]
        })
    };
    let (old, new) = (Text::of(before)?, Text::of(after)?);
    let ours = clauses(own.sql, own.within(span));
    let (old, new) = (clauses(before, &old.tokens), clauses(after, &new.tokens));
    let of = |list: &[(Clause, Range<usize>)], kind: Clause| {
        list.iter()
            .find(|(other, _)| *other == kind)
            .map(|(_, span)| span.clone())
    };
    let text = |sql: &str, span: Option<Range<usize>>| span.map(|span| sql[span].to_owned());
    let others = |sql: &str, list: &[(Clause, Range<usize>)]| -> Vec<String> {
        let others = list.iter().filter(|(kind, _)| *kind == Clause::Other);
        others
            .map(|(_, span)| sql[span.clone()].to_owned())
            .collect()
    };
    if others(before, &old) != others(after, &new) {
        return whole();
    }
    let mut changes = Vec::new();
    for kind in Clause::ALL {
        let (was, is) = (text(before, of(&old, kind)), text(after, of(&new, kind)));
        if was == is {
            continue;
        }
        let place = of(&ours, kind);
        changes.push(match (place, is) {
            (Some(span), Some(text)) => Change { span, text },
            (None, Some(text)) if was.is_none() => {
                let before = ours.iter().take_while(|(other, _)| *other < kind).last()?;
                Change {
                    span: before.1.end..before.1.end,
                    text: format!(" {text}"),
                }
            }
            (Some(span), None) => {
                let start = own.sql[..span.start].trim_end().len();
                Change {
                    span: start..span.end,
                    text: String::new(),
                }
            }
            (None, _) => return whole(),
        });
    }
    Some(changes)
}

/// Where only the last string differs: the body of a function, the text of a comment.
fn last_string(own: &Text<'_>, before: &Text<'_>, after: &Text<'_>) -> Option<Vec<Change>> {
    let (old, new) = (before.last_string()?, after.last_string()?);
    if before.around(&old) != after.around(&new) {
        return None;
    }
    let span = own.last_string()?;
    let tag = |literal: &str| Some(literal.strip_prefix('$')?.split_once('$')?.0.to_owned());
    let literal = &after.sql[new];
    let text = match (tag(&own.sql[span.clone()]), tag(literal)) {
        (Some(own), Some(tag)) => {
            let quote = tag.len() + 2;
            dollar_quoted(&own, &literal[quote..literal.len() - quote])
        }
        _ => literal.to_owned(),
    };
    Some(vec![Change { span, text }])
}

/// Where only what follows `AS` differs: the query of a view.
fn behind_as(own: &Text<'_>, before: &Text<'_>, after: &Text<'_>) -> Option<Vec<Change>> {
    let query = |text: &Text<'_>| {
        let is_view = text
            .tokens
            .iter()
            .take(5)
            .any(|token| token.token() == Token::View);
        let found = text.tokens.iter().find(|token| token.token() == Token::As);
        found
            .filter(|_| is_view)
            .map(|token| bounds(token).end..text.sql.len())
    };
    let (old, new, span) = (query(before)?, query(after)?, query(own)?);
    if before.around(&old) != after.around(&new) || !comments(&own.sql[span.clone()]).is_empty() {
        return None;
    }
    Some(vec![Change {
        span,
        text: after.sql[new].to_owned(),
    }])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Changes `own` as `before` became `after`, lines of a table of PostgreSQL's.
    fn check(own: &str, before: &str, after: &str, expected: Option<&str>) {
        let changed = amend(own, before, after).map(|mut changes| {
            changes.sort_by_key(|change| change.span.start);
            let mut text = own.to_owned();
            for change in changes.iter().rev() {
                text.replace_range(change.span.clone(), &change.text);
            }
            text
        });
        assert_eq!(changed.as_deref(), expected, "{own}");
    }

    fn table(lines: &[&str]) -> String {
        format!("CREATE TABLE app.t (\n    {}\n)", lines.join(",\n    "))
    }

    #[test]
    fn parts_of_a_table() {
        let own = "create table t ( -- people\n  Id  bigint primary key, -- the key\n  -- what they are called\n  name varchar(5) default 'x' not null, -- short\n\n  /* where */ place text -- or none\n)";
        let [id, name, place] = [
            "id bigint NOT NULL",
            "name varchar(5) DEFAULT 'x' NOT NULL",
            "place text",
        ];
        let key = "CONSTRAINT t_pkey PRIMARY KEY (id)";
        let old = table(&[id, name, place, key]);
        let becomes = |lines: &[&str], from: &str, to: &str| {
            check(own, &old, &table(lines), Some(&own.replace(from, to)));
        };
        // A type, a default, NOT NULL: the words around them stay.
        becomes(
            &[id, "name text DEFAULT 'x' NOT NULL", place, key],
            "varchar(5)",
            "text",
        );
        becomes(
            &[id, "name varchar(5) DEFAULT 'y' NOT NULL", place, key],
            "default 'x'",
            "DEFAULT 'y'",
        );
        becomes(
            &[id, "name varchar(5) NOT NULL", place, key],
            " default 'x'",
            "",
        );
        becomes(
            &[id, "name varchar(5) DEFAULT 'x'", place, key],
            " not null",
            "",
        );
        becomes(
            &[id, name, "place text DEFAULT 'here' NOT NULL", key],
            "place text",
            "place text DEFAULT 'here' NOT NULL",
        );
        // A new column stands behind its neighbour, in the middle or at the end.
        becomes(
            &[id, "age integer", name, place, key],
            "-- the key\n",
            "-- the key\n  age integer,\n",
        );
        becomes(
            &[id, name, place, "age integer", key],
            "text -- or none\n",
            "text, -- or none\n  age integer\n",
        );
        becomes(
            &[id, name, place, "a integer", "b integer", key],
            "text -- or none\n",
            "text, -- or none\n  a integer,\n  b integer\n",
        );
        becomes(
            &[id, name, place, key, "CONSTRAINT c CHECK (a > 0)"],
            "text -- or none\n",
            "text, -- or none\n  CONSTRAINT c CHECK (a > 0)\n",
        );
        // What goes takes along the comment in its line.
        becomes(
            &[id, place, key],
            "  name varchar(5) default 'x' not null, -- short\n",
            "",
        );
        // What can't be told is told.
        check(own, &old, &table(&[id, name, place]), None);
        check(
            own,
            &old,
            &table(&["id integer NOT NULL", name, place, key]),
            Some(&own.replace("bigint", "integer")),
        );
    }

    #[test]
    fn the_last_part_and_lists_in_one_line() {
        let own = "CREATE TABLE t (\r\n\ta int, -- one\r\n\tb int -- two\r\n)";
        let both = table(&["a int", "b int"]);
        check(
            own,
            &both,
            &table(&["a int"]),
            Some("CREATE TABLE t (\r\n\ta int -- one\r\n)"),
        );
        check(
            own,
            &both,
            &table(&["a int", "b int", "c int"]),
            Some("CREATE TABLE t (\r\n\ta int, -- one\r\n\tb int, -- two\r\n\tc int\r\n)"),
        );
        let own = "CREATE TABLE t (a int, b int /* two */)";
        check(
            own,
            &both,
            &table(&["b int"]),
            Some("CREATE TABLE t (b int /* two */)"),
        );
        check(
            own,
            &both,
            &table(&["a int"]),
            Some("CREATE TABLE t (a int /* two */)"),
        );
        check(
            own,
            &both,
            &table(&["a int", "x int", "b int"]),
            Some("CREATE TABLE t (a int, x int, b int /* two */)"),
        );
    }

    #[test]
    fn other_statements() {
        check(
            "create type mood as enum (\n  'sad', -- often\n  'glad'\n)",
            "CREATE TYPE app.mood AS ENUM ('sad', 'glad')",
            "CREATE TYPE app.mood AS ENUM ('sad', 'so so', 'glad')",
            Some("create type mood as enum (\n  'sad', -- often\n  'so so',\n  'glad'\n)"),
        );
        check(
            "create function f() /* why */ returns int language sql as $$ select 1 $$",
            "CREATE FUNCTION app.f() AS $function$ select 1 $function$",
            "CREATE FUNCTION app.f() AS $function$ select $$2$$ $function$",
            Some("create function f() /* why */ returns int language sql as $_$ select $$2$$ $_$"),
        );
        check(
            "comment on table t /* users */ is 'x'",
            "COMMENT ON TABLE app.t IS 'x'",
            "COMMENT ON TABLE app.t IS 'it''s y'",
            Some("comment on table t /* users */ is 'it''s y'"),
        );
        check(
            "create view v -- all\nas select 1",
            "CREATE VIEW app.v AS\n SELECT 1",
            "CREATE VIEW app.v AS\n SELECT 2",
            Some("create view v -- all\nas\n SELECT 2"),
        );
        check(
            "create view v as select /* one */ 1",
            "CREATE VIEW app.v AS\n SELECT 1",
            "CREATE VIEW app.v AS\n SELECT 2",
            None,
        );
    }

    #[test]
    fn statements_are_told_apart() {
        fn check(one: &str, other: &str, same: bool) {
            assert_eq!(about(one) == about(other), same, "{one} {other}");
        }
        check(
            "create unique index i on t (a)",
            "CREATE INDEX CONCURRENTLY i ON app.t USING btree (a)",
            true,
        );
        check(
            "create index i on t (a)",
            "CREATE INDEX j ON app.t (a)",
            false,
        );
        check(
            "comment on column t.a is 'x'",
            "COMMENT ON COLUMN app.t.a IS 'y'",
            true,
        );
        check(
            "comment on column t.a is 'x'",
            "COMMENT ON COLUMN app.t.b IS 'y'",
            false,
        );
        check(
            "create or replace function app.f()",
            "CREATE FUNCTION f()",
            true,
        );
        check(
            "create table if not exists \"T\" ()",
            "CREATE TABLE app.\"T\" ()",
            true,
        );
        check("grant select on t to a", "GRANT SELECT ON t TO b", false);
    }

    #[test]
    fn line_ends_of_a_sample() {
        let text = "A (\n  'x\ny'\n)".to_owned();
        assert_eq!(
            with_line_ends_of("a\r\n", text.clone()),
            "A (\r\n  'x\ny'\r\n)"
        );
        assert_eq!(with_line_ends_of("a\n", text.clone()), text);
    }
}
