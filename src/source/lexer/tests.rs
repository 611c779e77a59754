use proptest::prelude::*;

use super::*;
use crate::source::tokens;

/// Tokens that end early or late where a quote, a comment or a block is read wrongly.
fn piece() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "SELECT",
        "e",
        "E'\\';'",
        "E'a\\\\'",
        "'x;y'",
        "'it''s;'",
        "''",
        "\"q;\"",
        "\"a\"\";\"",
        "$$ ; ' $$",
        "$t$;$$;$t$",
        "$é$;$é$",
        "$1",
        "a$b$c",
        "(",
        ")",
        ";",
        ",",
        "1.5",
        "1e5",
        "x'1F'",
        "U&'\\0041;'",
        "begin",
        "BEGIN ATOMIC",
        "atomic",
        "CASE",
        "END",
        "||",
        "- -",
        "+",
        "@-",
        "::text",
        "é",
        "[1]",
        ":x",
        "a.b",
    ])
}

fn gap() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        " ",
        "\n",
        "\r\n",
        "\t",
        " -- c;'\n",
        " -- $$\r\n",
        "/* c; */",
        " /* c; /* n */ ' */ ",
        " /*/* ; */*/ ",
        "\n\n",
        "/***/",
        " /*//*/ */*/ ",
    ])
}

fn text() -> impl Strategy<Value = String> {
    prop::collection::vec((piece(), gap()), 0..40).prop_map(|parts| {
        parts
            .into_iter()
            .flat_map(|(token, gap)| [token, gap])
            .collect()
    })
}

proptest! {
    #[test]
    fn statements_end_where_the_scanner_ends_them(sql in text()) {
        // What doesn't scan at all, such as a literal that is never closed, has no statements to compare.
        let Ok(expected) = tokens::scan(&sql) else { return Ok(()) };
        let expected = tokens::statements(&expected);
        let expected_count = expected.len();
        let found: Vec<_> = statements(&sql).collect();
        prop_assert_eq!(found.len(), expected.len(), "{:?}", sql);
        for (index, (found, expected)) in found.iter().zip(&expected).enumerate() {
            prop_assert_eq!(found.start, expected.start, "{:?}", sql);
            // The last one may be without an end, and comments be behind it.
            prop_assert!(found.end == expected.end || index + 1 == expected_count, "{:?}", sql);
        }
    }

    #[test]
    fn stretches_hold_whole_statements(sql in text(), size in 0_usize..60) {
        let Ok(expected) = tokens::scan(&sql) else { return Ok(()) };
        let stretches = stretches(&sql, size);
        let joined: String = stretches.iter().map(|stretch| &sql[stretch.clone()]).collect();
        prop_assert_eq!(&joined, &sql);
        for statement in tokens::statements(&expected) {
            let whole = stretches.iter().any(|stretch| {
                stretch.start <= statement.start && statement.end <= stretch.end
            });
            prop_assert!(whole, "{:?} of {:?}", statement, sql);
        }
    }

    #[test]
    fn quiet_text_has_the_same_tokens(sql in text()) {
        let Ok(expected) = tokens::scan(&sql) else { return Ok(()) };
        let quiet = quiet(&sql).unwrap();
        prop_assert_eq!(quiet.len(), sql.len());
        prop_assert_eq!(tokens::scan(&quiet).unwrap(), expected);
    }

    #[test]
    fn any_text_is_read_to_its_end(sql in ".{0,200}") {
        let end = Lexer::new(&sql).last().map_or(0, |(_, span)| span.end);
        prop_assert_eq!(end, sql.len());
        prop_assert!(Lexer::new(&sql).all(|(_, span)| sql.get(span).is_some()));
    }
}

#[test]
fn a_line_stays_with_its_statement() {
    fn check(sql: &str, pieces: &[&str]) {
        let found: Vec<_> = stretches(sql, 1).into_iter().map(|it| &sql[it]).collect();
        assert_eq!(found, pieces);
    }
    check(
        "a; -- forge: of a\n-- forge: of b\nb;\nc",
        &["a; -- forge: of a\n", "-- forge: of b\nb;\n", "c"],
    );
    check("a; b\n; /* \n */ \nc;", &["a; b\n; /* \n */ \n", "c;"]);
    check("a (;\n);\n\n", &["a (;\n);\n", "\n"]);
}

#[test]
fn text_may_end_anywhere() {
    for text in [
        "$", "$1", "$a", "$$", "e'", "E'\\", "'", "\"", "/*", "/**", "--", "\\", "E'a'\n",
    ] {
        let read: Vec<_> = Lexer::new(text).collect();
        assert_eq!(read.last().unwrap().1.end, text.len(), "{text}");
        quiet_within(text).unwrap();
    }
}

#[test]
fn a_line_for_psql_is_none_to_the_parser() {
    let sql = "\\ a 'x\n/* a /* b */ c */'";
    assert_eq!(quiet(sql).unwrap(), sql);
    let lexemes = |lexer: Lexer<'_>| lexer.map(|(lexeme, _)| lexeme).collect::<Vec<_>>();
    assert_eq!(lexemes(Lexer::for_psql("\\ 'x"))[0], Lexeme::Command);
    assert_eq!(lexemes(Lexer::new("\\ 'x"))[0], Lexeme::Other(b'\\'));
}

/// The scanner, which would read each row again from every character in it, gets none.
#[test]
fn what_is_quadratic_to_the_scanner_does_not_reach_it() {
    let nested = format!("{}é\n{}", "/*".repeat(1000), "*/".repeat(1000));
    let blank = quiet(&nested).unwrap();
    assert_eq!(
        (blank.len(), blank.matches("/*").count()),
        (nested.len(), 1)
    );
    assert_eq!(blank.find('\n'), nested.find('\n'));
    let row = "+".repeat(LONGEST_OPERATOR + 1);
    let error = quiet(&format!("a {row} b")).unwrap_err();
    assert_eq!(
        (error.message.as_str(), error.at),
        ("a row of 1001 operator characters is no operator", 2)
    );
    // A line of dashes is a comment.
    quiet(&format!("a + {} b", "-".repeat(5000))).unwrap();
}
