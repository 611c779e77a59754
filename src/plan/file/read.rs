//! Reads a plan file back.

use std::{borrow::Cow, collections::BTreeMap, ops::Range, sync::Arc};

use camino::Utf8Path;

use super::{
    Header, PlanFile,
    header::{KEYS, Key},
    section,
    syntax::{FORMAT, SETTINGS, directive},
};
use crate::{
    diagnostic::{Code, Diagnostic, Result, SourceFile},
    kinds::{Action, Batching, Hazard, HazardKind, Lock, ObjectId, Rollout, Step},
    plan::{Batch, Plan, UndoPart},
    source::{Bounded, statements_in},
    sql::{join, unescaped, visible},
};

impl PlanFile {
    /// Reads a plan file's text; `path` stands in messages.
    ///
    /// # Errors
    /// [`Code::PlanFile`] with the place that can't be understood.
    pub fn read(path: &Utf8Path, text: &str) -> Result<Self> {
        let file = source(path, text);
        let (own, undo) = section::split(&file.text)?;
        let own = Reader::new(&file, own)?;
        let header = own.header()?;
        let mut plan = own.own_plan()?;
        if let Some(approval) = &header.approval {
            plan.mark_by_hand(&approval.by_hand);
        }
        let undo = undo.map(|range| Reader::new(&file, range)).transpose()?;
        // `forge approve` numbers the steps of a draft.
        if header.approval.is_some() {
            [Some(&own), undo.as_ref()]
                .into_iter()
                .flatten()
                .try_for_each(Reader::check_numbers)?;
        }
        Ok(Self {
            header,
            plan,
            undo: undo.map(|undo| undo.undo()).transpose()?,
        })
    }

    /// A file's text with the steps numbered from one, in each of its two parts.
    ///
    /// # Errors
    /// As [`PlanFile::read`].
    pub fn numbered(text: &str) -> Result<String> {
        let file = source("the plan".into(), text);
        let (own, undo) = section::split(&file.text)?;
        let mut numbered = file.text.clone();
        // From the end, so that the places before stay.
        for part in undo.into_iter().chain([own]) {
            for (_, _, range, number) in Reader::new(&file, part)?.numbers().into_iter().rev() {
                let blank = if range.is_empty() { " " } else { "" };
                numbered.replace_range(range, &format!("{number}{blank}"));
            }
        }
        Ok(numbered)
    }

    /// Adds to a diagnostic the place in the file where the step of this number begins.
    ///
    /// # Errors
    /// As [`PlanFile::read`].
    pub fn at_step(
        path: &Utf8Path,
        text: &str,
        number: usize,
        error: Diagnostic,
    ) -> Result<Diagnostic> {
        let file = source(path, text);
        let (own, _) = section::split(&file.text)?;
        let reader = Reader::new(&file, own)?;
        let mut steps = reader.steps();
        Ok(match steps.nth(number - 1) {
            Some((span, ..)) => error.at(&file, span.clone(), "this step"),
            None => error,
        })
    }

    /// Where a statement of the step of this number stands in a file's own steps, or in a way back's undo steps alone.
    /// `None` if it isn't there.
    pub fn place_of(text: &str, number: usize, sql: &str) -> Option<Range<usize>> {
        let file = source("the plan".into(), text);
        // Elsewhere, places of the text as it is and as it was written are not the same.
        let (own, _) = section::split(&file.text)
            .ok()
            .filter(|_| file.text == text)?;
        let reader = Reader::new(&file, own).ok()?;
        let begin = reader.steps().nth(number.checked_sub(1)?)?.0.end;
        let end = reader.steps().nth(number).map(|(span, ..)| span.start);
        let of_step = begin..end.unwrap_or(text.len());
        let mut lines = reader.lines.iter();
        lines.find_map(|(span, piece)| match piece {
            Piece::Statement(statement) if *statement == sql && of_step.contains(&span.start) => {
                Some(span.clone())
            }
            Piece::Statement(_) | Piece::Directive { .. } | Piece::Comment(_) => None,
        })
    }
}

fn source(path: &Utf8Path, text: &str) -> Arc<SourceFile> {
    Arc::new(SourceFile {
        path: path.to_owned(),
        text: as_written(text).into_owned(),
    })
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

/// The keys of lines that belong to the steps.
const STEP_KEYS: &[&str] = &[
    "step", "data", "batch", "phase", "expects", "safe", "undo", "changes", "stays",
];

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
    /// Takes a part of the file apart: comment lines between statements, and statements.
    fn new(file: &'a Arc<SourceFile>, part: Range<usize>) -> Result<Self> {
        let mut reader = Self {
            file,
            lines: Vec::new(),
        };
        let text = &file.text;
        let statements = statements_in(&text[part.clone()]);
        let statements = statements.map_err(|error| error.in_file(file, part.start))?;
        let mut at = part.start;
        for range in statements {
            let range = part.start + range.start..part.start + range.end;
            reader.comments(at..range.start);
            let statement = Piece::Statement(&text[range.clone()]);
            at = range.end;
            reader.lines.push((range, statement));
        }
        reader.comments(at..part.end);
        Ok(reader)
    }

    /// The lines with which steps begin.
    fn steps(&self) -> impl Iterator<Item = (&Range<usize>, &str, &str)> {
        self.lines.iter().filter_map(|(span, piece)| match piece {
            Piece::Directive {
                key: key @ ("step" | "data"),
                value,
            } => Some((span, *key, *value)),
            Piece::Directive { .. } | Piece::Comment(_) | Piece::Statement(_) => None,
        })
    }

    /// The steps' lines, with the key, the place of the number, which is empty where it is missing, and what it has to be.
    fn numbers(&self) -> Vec<(&Range<usize>, &str, Range<usize>, usize)> {
        let places = (1..).zip(self.steps()).map(|(number, (span, key, value))| {
            let start = span.end - value.len();
            let digits = value.len() - without_number(value).len();
            let end = start + value[..digits].trim_ascii_end().len();
            (span, key, start..end, number)
        });
        places.collect()
    }

    fn check_numbers(&self) -> Result<()> {
        for (span, key, place, number) in self.numbers() {
            if self.file.text[place] != number.to_string() {
                let message = format!("step {number} has another number in its line");
                return Err(self
                    .error(span.clone(), message, "not its number")
                    .help(format!(
                        "write `-- forge:{key} {number} …`: steps are counted from one"
                    )));
            }
        }
        Ok(())
    }

    /// The file's own steps, which undo nothing.
    fn own_plan(&self) -> Result<Plan> {
        let plan = self.plan(SETTINGS)?;
        match plan.parts.first() {
            None => Ok(plan),
            Some(part) => Err(self.no_part(&format!("`forge:undo {}`", part.numbers()))),
        }
    }

    /// The undo steps, each of which belongs to a part.
    fn undo(&self) -> Result<Plan> {
        let plan = self.plan(&[])?;
        let of_parts: usize = plan.parts.iter().map(|part| part.batches).sum();
        if of_parts == plan.batches.len() {
            return Ok(plan);
        }
        Err(self.no_part("an undo step above the first `forge:undo`"))
    }

    fn no_part(&self, what: &str) -> Diagnostic {
        let path = &self.file.path;
        Diagnostic::error(Code::PlanFile, format!("`{path}` has {what} in the wrong place"))
            .help("undo steps stand at the end, between `\\if false` and `\\endif`; restore the file from version control")
    }

    fn comments(&mut self, range: Range<usize>) {
        let text = &self.file.text;
        let mut at = range.start;
        for line in text[range].split_inclusive('\n') {
            let content = line.trim_ascii();
            let offset = at + (line.len() - line.trim_ascii_start().len());
            at += line.len();
            let comment = content.trim_start_matches(';').trim_ascii_start();
            let piece = match (directive(content), comment.strip_prefix("--")) {
                (Some((key, value)), _) => Piece::Directive { key, value },
                (None, Some(comment)) => Piece::Comment(comment.trim_ascii()),
                (None, None) => continue,
            };
            self.lines.push((offset..offset + content.len(), piece));
        }
    }

    /// Reads the header. Each line of it stands before the steps, and one of a key that doesn't repeat stands once.
    fn header(&self) -> Result<Header> {
        self.check_format()?;
        let mut header = Header::default();
        let mut seen: BTreeMap<&str, &Range<usize>> = BTreeMap::new();
        let mut in_steps = false;
        for (span, piece) in &self.lines {
            let (name, value) = match piece {
                Piece::Directive { key, value } => (*key, *value),
                Piece::Statement(_) => {
                    in_steps = true;
                    continue;
                }
                Piece::Comment(_) => continue,
            };
            let Some(key) = Key::named(name) else {
                if !STEP_KEYS.contains(&name) {
                    return Err(self.unknown_key(span, name));
                }
                in_steps = true;
                continue;
            };
            if in_steps {
                return Err(self.misplaced(span, name));
            }
            let earlier = seen.insert(name, span);
            if earlier.is_some() && !key.repeats() {
                return Err(self.repeated(span, name));
            }
            (key.read)(&mut header, &visible(value))
                .map_err(|why| self.error(span.clone(), why, "this can't be read"))?;
        }
        let missing = KEYS
            .iter()
            .find(|key| key.is_required(&header) && !seen.contains_key(key.name));
        match missing {
            Some(key) => Err(self.missing(key.name)),
            None => Ok(header),
        }
    }

    /// A newer format may have other keys, so it is checked first.
    fn check_format(&self) -> Result<()> {
        let mut lines = self.lines.iter();
        let (span, format) = lines
            .find_map(|(span, piece)| match piece {
                Piece::Directive {
                    key: "format",
                    value,
                } => Some((span, value)),
                Piece::Directive { .. } | Piece::Comment(_) | Piece::Statement(_) => None,
            })
            .ok_or_else(|| self.missing("format"))?;
        if format.parse() == Ok(FORMAT) {
            return Ok(());
        }
        Err(self
            .error(
                span.clone(),
                format!("the plan's format is {format}, this forge reads {FORMAT}"),
                "written by another version",
            )
            .help("use the version of forge that wrote it, or a newer one"))
    }

    fn missing(&self, key: &str) -> Diagnostic {
        self.error(
            0..0,
            format!("`{}` has no line `-- forge:{key}`", self.file.path),
            "a plan file begins with such lines",
        )
        .help("restore the file from version control; plans are written by `forge plan`")
    }

    fn unknown_key(&self, span: &Range<usize>, key: &str) -> Diagnostic {
        let known: Vec<&str> = KEYS
            .iter()
            .map(|key| key.name)
            .chain(STEP_KEYS.iter().copied())
            .collect();
        let message = format!("`-- forge:{key}` is no line of a plan file");
        self.error(span.clone(), message, "not known")
            .note(format!("known: {}", known.join(", ")))
            .help("delete the line, or write a comment that does not begin with `forge:`")
    }

    fn misplaced(&self, span: &Range<usize>, key: &str) -> Diagnostic {
        let message = format!("`-- forge:{key}` stands behind the header");
        self.error(span.clone(), message, "not read here")
            .help("delete the line: lines about the whole plan stand before its first statement")
    }

    fn repeated(&self, span: &Range<usize>, key: &str) -> Diagnostic {
        let message = format!("the plan has a second line `-- forge:{key}`");
        self.error(span.clone(), message, "the second one")
            .help("delete one of the lines, or restore the file from version control")
    }

    /// The steps, behind these settings.
    fn plan(&self, settings: &[&str]) -> Result<Plan> {
        let mut plan = Plan::default();
        let mut open: Option<Batch> = None;
        let mut step: Option<Step> = None;
        let mut settings = settings.iter().peekable();
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
                Piece::Directive { key: "safe", value } => {
                    let step = step.as_mut().ok_or_else(|| self.stray(span))?;
                    step.safe = Some((*value).to_owned());
                }
                Piece::Directive { key: "undo", value } => {
                    if open.is_some() {
                        return Err(self.inside(span, "what undoes other steps begins"));
                    }
                    self.finish(&mut plan, &mut open, &mut step)?;
                    close_part(&mut plan);
                    plan.parts.push(self.part(span, value)?);
                }
                Piece::Directive {
                    key: key @ ("changes" | "stays"),
                    value,
                } => {
                    let part = plan.parts.last_mut();
                    let part = part.ok_or_else(|| self.stray(span))?;
                    let wrong = |why: String| self.error(span.clone(), why, "names no object");
                    if *key == "changes" {
                        part.changes.push(value.parse().map_err(wrong)?);
                    } else {
                        part.stays.push(value.parse().map_err(wrong)?);
                    }
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
                    (sql, None, _) if settings.next_if(|it| **it == sql).is_some() => {}
                    (sql, None, _) if SETTINGS.contains(&sql) => {
                        return Err(settings
                            .next()
                            .map_or_else(|| self.stray(span), |missing| self.unset(missing)));
                    }
                    (_, None, _) => return Err(self.stray(span)),
                },
            }
        }
        self.finish(&mut plan, &mut open, &mut step)?;
        close_part(&mut plan);
        if let Some(setting) = settings.next() {
            return Err(self.unset(setting));
        }
        match open {
            None => Ok(plan),
            Some(_) => Err(self.error(
                self.file.text.len()..self.file.text.len(),
                format!("`{}` ends inside a transaction", self.file.path),
                "`COMMIT;` is missing",
            )),
        }
    }

    /// One of the settings under which the steps run is missing.
    fn unset(&self, setting: &str) -> Diagnostic {
        let mut lines = self.lines.iter();
        let first = lines.find(|(_, piece)| match piece {
            Piece::Directive { key, .. } => STEP_KEYS.contains(key),
            Piece::Statement(sql) => !SETTINGS.contains(sql),
            Piece::Comment(_) => false,
        });
        let end = self.file.text.len()..self.file.text.len();
        let span = first.map_or(end, |(span, _)| span.clone());
        let message = format!("`{}` has no line `{setting};`", self.file.path);
        let settings = SETTINGS.iter().map(|it| format!("`{it};`"));
        self.error(span, message, "missing above this")
            .note(format!(
                "the steps run under these settings, in this order: {}",
                join(settings, ", ")
            ))
            .help(
                "put the line back above the first step, or restore the file from version control",
            )
    }

    /// The steps that the following ones undo: `3`, `3-7`.
    fn part(&self, span: &Range<usize>, value: &str) -> Result<UndoPart> {
        let (first, last) = value.split_once('-').unwrap_or((value, value));
        match (first.parse(), last.parse()) {
            (Ok(first), Ok(last)) if 0 < first && first <= last => Ok(UndoPart {
                steps: (first, last),
                changes: Vec::new(),
                stays: Vec::new(),
                batches: 0,
            }),
            _ => {
                let message = format!("`{value}` names no steps");
                Err(self.error(
                    span.clone(),
                    message,
                    "steps are `<first>` or `<first>-<last>`",
                ))
            }
        }
    }

    fn step(&self, span: &Range<usize>, value: &str) -> Result<Step> {
        let wrong =
            |why: String| self.error(span.clone(), why, "a step is `<number> <action> <object>`");
        let rest = without_number(value);
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

    /// A step that writes rows, `<number> <object> [what]`.
    fn data(&self, span: &Range<usize>, value: &str) -> Result<Step> {
        let value = without_number(value);
        let ends = value.match_indices(' ').map(|(at, _)| at);
        let ends: Vec<usize> = ends.chain([value.len()]).collect();
        let mut read = ends.iter().rev().map(|end| {
            let (object, what) = value.split_at(*end);
            object.parse::<ObjectId>().map(|object| (object, what))
        });
        let (object, what) = read.find_map(Result::ok).ok_or_else(|| {
            let message = format!("`{value}` names no object");
            self.error(
                span.clone(),
                message,
                "a data step is `<number> <object> [what]`",
            )
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
                .help("`-- forge:batch` stands once, between `-- forge:data <number> <object>` and its statement"));
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
            let help = "give each statement a step `-- forge:data <number> <object>` of its own";
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
                about: None,
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
            .help("a statement of your own stands under a line `-- forge:data <number> <object>` if it writes rows, otherwise under `-- forge:step <number> <action> <object>`")
    }

    fn error(&self, span: Range<usize>, message: String, label: &str) -> Diagnostic {
        Diagnostic::error(Code::PlanFile, message).at(self.file, span, label)
    }
}

/// What stands behind the number of a step's line.
fn without_number(value: &str) -> &str {
    let (first, rest) = value.split_once(' ').unwrap_or((value, ""));
    let is_number = !first.is_empty() && first.bytes().all(|byte| byte.is_ascii_digit());
    if is_number {
        rest.trim_ascii_start()
    } else {
        value
    }
}

/// What a line says, as forge shows it; an author's own lines may hold anything.
fn shown(text: &str) -> String {
    visible(text).into_owned()
}

/// What was read since the last part of undo steps began belongs to it.
fn close_part(plan: &mut Plan) {
    if let Some((last, earlier)) = plan.parts.split_last_mut() {
        let before: usize = earlier.iter().map(|part| part.batches).sum();
        last.batches = plan.batches.len() - before;
    }
}
