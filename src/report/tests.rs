use std::{
    fs::OpenOptions,
    io::{self, Write},
    sync::{Arc, Mutex},
};

use insta::assert_snapshot;

use super::{json::Json, *};
use crate::{
    diagnostic::{Code, Diagnostic, SourceFile},
    listener::{Listener, Status},
};

/// A stream's text, kept.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl Kept {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A stream whose every write fails.
struct Failing(io::ErrorKind);

impl Write for Failing {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(self.0.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn file(path: &str, text: &str) -> Arc<SourceFile> {
    Arc::new(SourceFile {
        path: path.into(),
        text: text.into(),
    })
}

fn at(diagnostic: Diagnostic, file: &Arc<SourceFile>, part: &str, text: &str) -> Diagnostic {
    let start = file.text.find(part).unwrap();
    diagnostic.at(file, start..start + part.len(), text)
}

fn duplicate() -> Diagnostic {
    let users = file(
        "schema/users.sql",
        "-- people\nCREATE TABLE app.users (\n    id bigint\n);\n",
    );
    let people = file(
        "schema/people.sql",
        "CREATE SCHEMA app;\r\n\r\nCREATE TABLE app.users (ü text);\r\n",
    );
    let diagnostic = Diagnostic::error(Code::Duplicate, "`app.users` is defined twice");
    let diagnostic = at(diagnostic, &users, "app.users", "defined here");
    at(diagnostic, &people, "app.users", "and here")
        .note("PostgreSQL knows one table of a name")
        .note("the files are read in no particular order")
        .help("keep one of them")
}

fn human(diagnostic: &Diagnostic) -> String {
    render(diagnostic, Paint::PLAIN)
}

#[test]
fn places_in_two_files() {
    assert_snapshot!(human(&duplicate()));
}

#[test]
fn places_far_apart_in_one_file() {
    let lines = (1..=40)
        .map(|n| format!("-- line {n}"))
        .collect::<Vec<_>>()
        .join("\n");
    let file = file("a.sql", &lines);
    let diagnostic = Diagnostic::warning(Code::Note, "two places");
    let diagnostic = at(diagnostic, &file, "line 20", "one");
    assert_snapshot!(human(&at(diagnostic, &file, "line 30", "two")));
}

#[test]
fn places_at_the_edges() {
    let diagnostic = |text: &str, span| {
        human(&Diagnostic::error(Code::Syntax, "m").at(&file("a.sql", text), span, "here"))
    };
    let all = [
        ("end of text", diagnostic("SELECT (\n", 9..9)),
        ("past the end", diagnostic("SELECT (", 50..60)),
        ("empty file", diagnostic("", 0..0)),
        ("inside a character", diagnostic("é = ö", 1..6)),
        ("many lines", diagnostic("a\nb\nc\nd\ne\nf\ng\nh\n", 2..15)),
        ("few lines", diagnostic("a\nb\nc\nd\n", 2..6)),
        ("tab", diagnostic("\tx\ty", 3..4)),
    ]
    .map(|(name, text)| format!("# {name}\n{text}"));
    assert_snapshot!(all.concat());
}

#[test]
fn long_lines_are_shown_by_a_part() {
    let long = format!(
        "a\n{}é{} here {}\nb",
        "x".repeat(1_500_000),
        "y".repeat(200),
        "z".repeat(1_500_000)
    );
    let file = file("long.sql", &long);
    let start = long.find("here").unwrap();
    let one = at(
        Diagnostic::error(Code::Syntax, "one"),
        &file,
        "here",
        "this",
    );
    assert_snapshot!(human(&one));
    // However long and far apart places are, what is printed is short.
    let spans = [
        0..long.len(),
        start..long.len(),
        2..3,
        1_500_001..1_500_004,
        long.len()..long.len(),
    ];
    for span in spans.clone() {
        let two = one.clone().at(&file, span, "that");
        assert!(human(&two).len() < 3000, "{}", human(&two));
    }
    let message = Diagnostic::error(Code::Syntax, &long)
        .note(&long)
        .help(&long);
    assert!(human(&message).len() < 15_000);
}

#[test]
fn related_diagnostics() {
    let other = Diagnostic::warning(Code::BrokenBody, "`app.f()` has a broken body");
    let last = Diagnostic::error(Code::Io, "can't read `x`").help("first line\nsecond line");
    assert_snapshot!(human(&duplicate().with(other).with(last)));
}

#[test]
fn control_characters_do_not_reach_the_terminal() {
    let file = file("a\u{1b}.sql", "SELECT '\u{1b}[2J\u{9b}2J';\r\n");
    let diagnostic = Diagnostic::error(Code::Syntax, "m\u{1b}")
        .at(&file, 0..6, "l\u{1b}")
        .note("n\u{1b}")
        .help("h\u{1b}");
    let text = human(&diagnostic);
    assert!(
        !text.contains(|c: char| c.is_control() && c != '\n'),
        "{text}"
    );
}

#[test]
fn diagnostics_as_json() {
    let other = Diagnostic::warning(Code::Note, "another");
    assert_snapshot!(serde_json::to_string_pretty(&Json(&duplicate().with(other))).unwrap());
}

#[test]
fn color_marks_nothing_that_words_do_not_say() {
    let mut colored = render(&duplicate(), Paint::COLORED);
    assert!(colored.contains('\u{1b}'));
    while let Some(start) = colored.find('\u{1b}') {
        let end = start + colored[start..].find('m').unwrap();
        colored.replace_range(start..=end, "");
    }
    assert_eq!(colored, human(&duplicate()));
}

/// What each stream shows of one of everything.
fn everything(color: ColorChoice, verbosity: Verbosity, kind: StreamKind) -> (String, String) {
    let (stdout, stderr) = (Kept::default(), Kept::default());
    // Progress would draw on the real stderr, so that stream is never a terminal here.
    let reporter = Reporter::new(
        color,
        verbosity,
        Stream::new(kind, stdout.clone()),
        Stream::new(StreamKind::Other, stderr.clone()),
    );
    let progress = reporter.progress("waiting");
    reporter.data("data");
    reporter.json(&serde_json::json!({"z": 1, "a": null}));
    reporter.sql("SELECT 1");
    reporter.note("note");
    reporter.detail("detail");
    reporter.warn("warning");
    reporter.status(Status::Applied, "applied");
    reporter.status(Status::Skipped, "skipped");
    reporter.status(Status::Failed, "failed");
    progress.message("still waiting");
    progress.position(1, 2);
    drop(progress);
    reporter.diagnostic(&Diagnostic::error(Code::Io, "error"));
    reporter.finish().unwrap();
    reporter.data("after the end");
    (stdout.text(), stderr.text())
}

#[test]
fn the_terminal_shows_what_commands_tell() {
    let shown = |tell: &dyn Fn(&Reporter)| {
        let (stdout, stderr) = (Kept::default(), Kept::default());
        let streams = [&stdout, &stderr].map(|kept| Stream::new(StreamKind::Other, kept.clone()));
        let [out, err] = streams;
        tell(&Reporter::new(
            ColorChoice::Never,
            Verbosity::Verbose,
            out,
            err,
        ));
        (stdout.text(), stderr.text())
    };
    let problem = Diagnostic::warning(Code::Note, "problem");
    let by_itself = shown(&|reporter| {
        reporter.note("note");
        reporter.notes(["two", "lines"]);
        reporter.detail("detail");
        reporter.warn("warning");
        reporter.status(Status::Skipped, "skipped");
        reporter.diagnostic(&problem);
    });
    let told = shown(&|reporter| {
        let listener: &dyn Listener = reporter;
        listener.note("note");
        listener.notes(["two", "lines"]);
        listener.detail("detail");
        listener.warn("warning");
        listener.status(Status::Skipped, "skipped");
        listener.diagnostic(&problem);
    });
    assert_eq!(told, by_itself);
    assert!(told.0.is_empty() && told.1.contains("problem"), "{told:?}");
}

#[test]
fn streams_and_verbosity() {
    let shown = |verbosity| {
        let (stdout, stderr) = everything(ColorChoice::Auto, verbosity, StreamKind::Other);
        format!("# {verbosity:?}\n[stdout]\n{stdout}[stderr]\n{stderr}\n")
    };
    assert_snapshot!(
        [Verbosity::Quiet, Verbosity::Normal, Verbosity::Verbose]
            .map(shown)
            .concat()
    );
}

#[test]
fn color_choice() {
    fn check(color: ColorChoice, kind: StreamKind, stdout: bool, stderr: bool) {
        let shown = everything(color, Verbosity::Normal, kind);
        assert_eq!(
            (shown.0.contains('\u{1b}'), shown.1.contains('\u{1b}')),
            (stdout, stderr)
        );
    }
    check(ColorChoice::Auto, StreamKind::Terminal, true, false);
    check(ColorChoice::Auto, StreamKind::Other, false, false);
    check(ColorChoice::Never, StreamKind::Terminal, false, false);
    check(ColorChoice::Always, StreamKind::Other, true, true);
}

#[test]
fn failing_streams() {
    fn check(kind: io::ErrorKind, message: Option<&str>) {
        let reporter = Reporter::new(
            ColorChoice::Auto,
            Verbosity::Normal,
            Stream::new(StreamKind::Other, Failing(kind)),
            Stream::new(StreamKind::Other, Failing(kind)),
        );
        reporter.data("lost");
        reporter.note("lost");
        let failure = reporter.finish().err();
        assert_eq!(failure.as_ref().map(Diagnostic::message), message);
    }
    check(io::ErrorKind::BrokenPipe, None);
    check(
        io::ErrorKind::StorageFull,
        Some("can't write to standard output: no storage space"),
    );
}

#[test]
fn full_disk() {
    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    let reporter = Reporter::new(
        ColorChoice::Auto,
        Verbosity::Normal,
        Stream::new(StreamKind::Other, full),
        Stream::new(StreamKind::Other, io::sink()),
    );
    reporter.data("lost");
    assert_eq!(reporter.finish().unwrap_err().code(), Code::Io);
}
