//! Reads a plan file back.

use std::{borrow::Cow, ops::Range, str::FromStr, sync::Arc};

use camino::Utf8Path;

use super::{Approval, FORMAT, Header, PlanFile, SETTINGS, revision_id};
use crate::{
    catalog::Fingerprint,
    diagnostic::{Code, Diagnostic, Result, SourceFile},
    kinds::{Action, Batching, Glob, Hazard, HazardKind, Lock, ObjectId, Rollout, Step},
    plan::{Batch, Plan},
    source::{Bounded, statements_in},
    sql::{unescaped, visible},
};

impl PlanFile {
    /// Reads a plan file's text; `path` stands in messages.
    ///
    /// # Errors
    /// [`Code::PlanFile`] with the place that can't be understood.
    pub fn read(path: &Utf8Path, text: &str) -> Result<Self> {
        let file = Arc::new(SourceFile {
            path: path.to_owned(),
            text: as_written(text).into_owned(),
        });
        let mut reader = Reader {
            file: &file,
            lines: Vec::new(),
        };
        reader.scan()?;
        Ok(Self {
            header: reader.header()?,
            plan: reader.plan()?,
        })
    }
}

/// A plan file's text as forge wrote it: without a byte order mark, and with LF where every line ends with CRLF. forge ends
/// its own lines with LF, so that a file without any has been converted, by git's `autocrlf` or an editor. Otherwise CRLF
/// belongs to what it stands in: the body of a function, for one.
pub fn as_written(text: &str) -> Cow<'_, str> {
    let text = text.trim_start_matches('\u{feff}');
    let lines = text.matches('\n').count();
    if lines > 0 && lines == text.matches("\r\n").count() {
        Cow::Owned(text.replace("\r\n", "\n"))
    } else {
        Cow::Borrowed(text)
    }
}

/// A comment line or a statement, in the file's order.
enum Piece<'a> {
    Directive { key: &'a str, value: &'a str },
    Comment(&'a str),
    Statement(&'a str),
}

struct Reader<'a> {
    file: &'a Arc<SourceFile>,
    lines: Vec<(Range<usize>, Piece<'a>)>,
}

impl<'a> Reader<'a> {
    /// Takes the file apart: comment lines between statements, and statements.
    fn scan(&mut self) -> Result<()> {
        let text = &self.file.text;
        let statements = statements_in(text).map_err(|error| error.in_file(self.file, 0))?;
        let mut at = 0;
        for range in statements {
            self.comments(at..range.start);
            self.lines
                .push((range.clone(), Piece::Statement(&text[range.clone()])));
            at = range.end;
        }
        self.comments(at..text.len());
        Ok(())
    }

    fn comments(&mut self, range: Range<usize>) {
        let text = &self.file.text;
        let mut at = range.start;
        for line in text[range].split_inclusive('\n') {
            let content = line.trim_ascii();
            let offset = at + (line.len() - line.trim_ascii_start().len());
            at += line.len();
            let Some(comment) = content
                .trim_start_matches(';')
                .trim_ascii_start()
                .strip_prefix("--")
            else {
                continue;
            };
            let piece = match comment.trim_ascii().strip_prefix("forge:") {
                Some(directive) => {
                    let (key, value) = directive.split_once(' ').unwrap_or((directive, ""));
                    Piece::Directive {
                        key,
                        value: value.trim_ascii(),
                    }
                }
                None => Piece::Comment(comment.trim_ascii()),
            };
            self.lines.push((offset..offset + content.len(), piece));
        }
    }

    fn header(&self) -> Result<Header> {
        let words = |key: &str| {
            let value = self.value(key).map(|(_, value)| value).unwrap_or_default();
            value.split_whitespace().map(shown).collect::<Vec<_>>()
        };
        let (span, format) = self.required("format")?;
        if format.parse() != Ok(FORMAT) {
            return Err(self
                .error(
                    span,
                    format!("the plan's format is {format}, this forge reads {FORMAT}"),
                    "written by another version",
                )
                .help("use the version of forge that wrote it, or a newer one"));
        }
        let approval = match self.value("approved_by") {
            None => None,
            Some((_, by)) => Some(Approval {
                by: shown(by),
                at: shown(self.required("approved_at")?.1),
                reason: self.value("reason").map(|(_, reason)| shown(reason)),
                allowed: self.values("allowed").map(shown).collect(),
                sha256: self.parsed::<Sha>("sha256")?.0,
            }),
        };
        Ok(Header {
            revision: self.parsed::<Revision>("revision")?.0,
            down_revision: words("down_revision"),
            depends_on: words("depends_on"),
            branch_labels: words("branch_labels"),
            only: self.only()?,
            message: shown(self.required("message")?.1),
            author: shown(self.required("author")?.1),
            created: shown(self.required("created")?.1),
            postgres: self.parsed("postgres")?,
            from: self.parsed::<Fingerprint>("from")?,
            to: self.parsed::<Fingerprint>("to")?,
            semver: self.parsed("semver")?,
            proved: self.value("proved").map(|(_, proved)| shown(proved)),
            approval,
        })
    }

    fn only(&self) -> Result<Vec<Glob>> {
        let lines = self.lines.iter().filter_map(|(span, piece)| match piece {
            Piece::Directive { key: "only", value } => Some((span, value)),
            Piece::Directive { .. } | Piece::Comment(_) | Piece::Statement(_) => None,
        });
        lines
            .map(|(span, value)| {
                value
                    .parse()
                    .map_err(|error: String| self.error(span.clone(), error, "this can't be read"))
            })
            .collect()
    }

    fn values(&self, wanted: &str) -> impl Iterator<Item = &'a str> {
        self.lines.iter().filter_map(move |(_, piece)| match piece {
            Piece::Directive { key, value } if *key == wanted => Some(*value),
            Piece::Directive { .. } | Piece::Comment(_) | Piece::Statement(_) => None,
        })
    }

    fn value(&self, wanted: &str) -> Option<(Range<usize>, &'a str)> {
        self.lines.iter().find_map(|(span, piece)| match piece {
            Piece::Directive { key, value } if *key == wanted => Some((span.clone(), *value)),
            Piece::Directive { .. } | Piece::Comment(_) | Piece::Statement(_) => None,
        })
    }

    fn required(&self, key: &str) -> Result<(Range<usize>, &'a str)> {
        self.value(key).ok_or_else(|| {
            self.error(
                0..0,
                format!("`{}` has no line `-- forge:{key}`", self.file.path),
                "a plan file begins with such lines",
            )
            .help("restore the file from version control; plans are written by `forge plan`")
        })
    }

    fn parsed<T: FromStr<Err: ToString>>(&self, key: &str) -> Result<T> {
        let (span, value) = self.required(key)?;
        value
            .parse()
            .map_err(|error: T::Err| self.error(span, error.to_string(), "this can't be read"))
    }

    fn plan(&self) -> Result<Plan> {
        let mut plan = Plan::default();
        let mut open: Option<Batch> = None;
        let mut step: Option<Step> = None;
        let mut settings = SETTINGS.iter();
        let mut rollout = None;
        for (span, piece) in &self.lines {
            match piece {
                Piece::Directive {
                    key: key @ ("step" | "data"),
                    value,
                } => {
                    self.finish(&mut plan, &mut open, &mut step)?;
                    let begun = if *key == "step" {
                        self.step(span, value)?
                    } else {
                        self.data(span, value)?
                    };
                    step = Some(begun.rollout(rollout.unwrap_or_default()));
                }
                Piece::Directive {
                    key: "batch",
                    value,
                } => {
                    let step = step.as_mut().ok_or_else(|| self.stray(span))?;
                    if open.is_some() {
                        return Err(self.inside(span, "a statement goes in batches"));
                    }
                    self.batch(step, span, value)?;
                }
                Piece::Directive {
                    key: "phase",
                    value,
                } => {
                    if open.is_some() {
                        return Err(self.inside(span, "a phase begins"));
                    }
                    self.finish(&mut plan, &mut open, &mut step)?;
                    rollout = Some(self.phase(span, value, rollout)?);
                }
                Piece::Directive {
                    key: "expects",
                    value,
                } => {
                    let step = step.as_mut().ok_or_else(|| self.stray(span))?;
                    let (id, state) = value.rsplit_once(' ').ok_or_else(|| self.stray(span))?;
                    let id = id.parse().map_err(|error: String| {
                        self.error(span.clone(), error, "names no object")
                    })?;
                    step.expects.push((id, state.to_string()));
                }
                Piece::Directive { .. } => {}
                Piece::Comment(comment) => {
                    // A comment behind a statement is the author's own; it changes nothing.
                    if let Some(step) = step.as_mut().filter(|step| step.sql.is_empty()) {
                        self.describe(step, comment, span)?;
                    }
                }
                Piece::Statement(sql) => match (*sql, &mut step, &mut open) {
                    ("BEGIN", _, None) => {
                        self.finish(&mut plan, &mut open, &mut step)?;
                        open = Some(Batch {
                            transactional: true,
                            steps: Vec::new(),
                        });
                    }
                    ("COMMIT", _, Some(_)) => {
                        self.finish(&mut plan, &mut open, &mut step)?;
                        plan.batches.extend(open.take());
                    }
                    (sql, Some(step), _) => {
                        self.bounded(step, span, sql)?;
                        step.sql.push(sql.to_string());
                    }
                    (sql, None, _) if Some(&sql) == settings.next() => {}
                    (_, None, _) => return Err(self.stray(span)),
                },
            }
        }
        self.finish(&mut plan, &mut open, &mut step)?;
        match open {
            None => Ok(plan),
            Some(_) => Err(self.error(
                self.file.text.len()..self.file.text.len(),
                format!("`{}` ends inside a transaction", self.file.path),
                "`COMMIT;` is missing",
            )),
        }
    }

    fn step(&self, span: &Range<usize>, value: &str) -> Result<Step> {
        let wrong =
            |why: String| self.error(span.clone(), why, "a step is `<number> <action> <object>`");
        let (_, rest) = value
            .split_once(' ')
            .ok_or_else(|| wrong(format!("`{value}` names no action")))?;
        let (verb, object) = rest
            .split_once(' ')
            .ok_or_else(|| wrong(format!("`{rest}` names no object")))?;
        let action = Action::ALL
            .into_iter()
            .find(|action| action.as_str() == verb);
        let action = action.ok_or_else(|| wrong(format!("`{verb}` is no action")))?;
        let object: ObjectId = object.parse().map_err(wrong)?;
        let mut step = Step::new(action, &object, "");
        step.sql.clear();
        Ok(step)
    }

    /// A step that writes rows, `<object> [what]`.
    fn data(&self, span: &Range<usize>, value: &str) -> Result<Step> {
        let ends = value.match_indices(' ').map(|(at, _)| at);
        let ends: Vec<usize> = ends.chain([value.len()]).collect();
        let mut read = ends.iter().rev().map(|end| {
            let (object, what) = value.split_at(*end);
            object.parse::<ObjectId>().map(|object| (object, what))
        });
        let (object, what) = read.find_map(Result::ok).ok_or_else(|| {
            let message = format!("`{value}` names no object");
            self.error(span.clone(), message, "a data step is `<object> [what]`")
                .help("begin with the kind of the object: `table app.users`")
        })?;
        let mut step = Step::new(Action::Data, &object, "").because(what.trim());
        step.sql.clear();
        Ok(step)
    }

    /// How the statement that follows is carried out.
    fn batch(&self, step: &mut Step, span: &Range<usize>, value: &str) -> Result<()> {
        if step.action != Action::Data || !step.sql.is_empty() || step.batching.is_some() {
            let message = "a step goes in batches where it isn't prepared for it";
            return Err(self
                .error(span.clone(), message.to_owned(), "not here")
                .help("`-- forge:batch` stands once, between `-- forge:data <object>` and its statement"));
        }
        let batching: Batching = value.parse().map_err(|why: String| {
            let message = format!("the batch can't be read: {why}");
            self.error(
                span.clone(),
                message,
                "a batch is `key=<columns> size=<rows> [pause=<duration>]`",
            )
        })?;
        step.batching = Some(batching);
        Ok(())
    }

    /// The part of the plan that begins.
    fn phase(&self, span: &Range<usize>, value: &str, before: Option<Rollout>) -> Result<Rollout> {
        let known = Rollout::ALL
            .into_iter()
            .find(|known| known.as_str() == value);
        let phase = known.ok_or_else(|| {
            let message = format!("`{value}` is no phase");
            self.error(span.clone(), message, "expand, backfill or contract")
        })?;
        match before {
            Some(before) if before >= phase => Err(self
                .error(
                    span.clone(),
                    format!("the phase `{phase}` begins behind `{before}`"),
                    "out of order",
                )
                .help(
                    "the phases are expand, backfill, contract, in this order, each at most once",
                )),
            _ => Ok(phase),
        }
    }

    /// Checks that a statement can be carried out as its step wants.
    fn bounded(&self, step: &Step, span: &Range<usize>, sql: &str) -> Result<()> {
        let Some(Batching { key, .. }) = &step.batching else {
            return Ok(());
        };
        let (start, message, help) = if step.sql.is_empty() {
            let Err(error) = Bounded::read(sql, key) else {
                return Ok(());
            };
            let message = format!("the statement can't go in batches: {}", error.message);
            let help = "write it so that each row of one table stands for itself, or take `-- forge:batch` away: \
                        then it is carried out as a whole";
            (span.start + error.at, message, help)
        } else {
            let help = "give each statement a step `-- forge:data <object>` of its own";
            (span.start, "a batch is over one statement".to_owned(), help)
        };
        let line = self.file.text[start..span.end].lines().next();
        let end = start + line.unwrap_or_default().len();
        Err(self.error(start..end, message, "this one").help(help))
    }

    /// What can't be part of a transaction.
    fn inside(&self, span: &Range<usize>, what: &str) -> Diagnostic {
        self.error(
            span.clone(),
            format!("{what} inside a transaction"),
            "between `BEGIN;` and `COMMIT;`",
        )
        .help("put `COMMIT;` before it, and `BEGIN;` behind it if steps follow")
    }

    fn finish(
        &self,
        plan: &mut Plan,
        open: &mut Option<Batch>,
        step: &mut Option<Step>,
    ) -> Result<()> {
        let Some(step) = step.take() else {
            return Ok(());
        };
        if step.batching.is_some() && step.sql.is_empty() {
            let end = self.file.text.len();
            let message = format!("the step on `{}` has batches and no statement", step.object);
            return Err(self.error(end..end, message, "nothing to carry out"));
        }
        match open {
            Some(batch) => batch.steps.push(step),
            None => plan.batches.push(Batch {
                transactional: false,
                steps: vec![step],
            }),
        }
        Ok(())
    }

    fn describe(&self, step: &mut Step, comment: &str, span: &Range<usize>) -> Result<()> {
        if let Some(lock) = comment.strip_prefix("lock: ") {
            let (mode, relation) = lock.split_once(" on ").ok_or_else(|| self.stray(span))?;
            let mode = Lock::ALL
                .into_iter()
                .find(|known| known.as_str() == mode)
                .ok_or_else(|| self.stray(span))?;
            let relation = relation
                .rsplit_once(" · ")
                .map_or(relation, |(relation, _)| relation);
            step.locks.push((mode, unescaped(relation).into_owned()));
        } else if let Some(hazard) = comment.strip_prefix("hazard: ") {
            let (kind, why) = hazard.split_once(" · ").unwrap_or((hazard, ""));
            let kind = HazardKind::ALL
                .iter()
                .find(|known| known.as_str() == kind)
                .ok_or_else(|| self.stray(span))?;
            step.hazards.push(Hazard {
                kind: *kind,
                why: shown(why),
            });
        } else if step.summary.is_empty() {
            step.summary = shown(comment);
        }
        Ok(())
    }

    fn stray(&self, span: &Range<usize>) -> Diagnostic {
        let found = self.file.text[span.clone()]
            .lines()
            .next()
            .unwrap_or_default();
        self.error(span.clone(), format!("`{found}` belongs to no step"), "not understood here")
            .help("a statement of your own stands under a line `-- forge:data <object>` if it writes rows, otherwise under `-- forge:step <number> <action> <object>`")
    }

    fn error(&self, span: Range<usize>, message: String, label: &str) -> Diagnostic {
        Diagnostic::error(Code::PlanFile, message).at(self.file, span, label)
    }
}

/// What a line says, as forge shows it; an author's own lines may hold anything.
fn shown(text: &str) -> String {
    visible(text).into_owned()
}

struct Revision(String);

impl FromStr for Revision {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        revision_id(text).map(Self)
    }
}

struct Sha(String);

impl FromStr for Sha {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let hex = text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit());
        if hex {
            Ok(Self(text.to_string()))
        } else {
            Err(format!(
                "`{text}` is no SHA-256 hash: 64 hexadecimal digits"
            ))
        }
    }
}
