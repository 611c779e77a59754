//! Which renames are to be done, are done, or can't be.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    flag::RenameFlag,
    names::{Named, Names, Turn, path},
    request::{Rename, Request},
};
use crate::{
    diagnostic::{Diagnostic, Result},
    diff::Catalogs,
    source::Statement,
    sql::{Ident, dotted},
};

/// Judges all renames, the outer names before those that stand in them.
pub(super) fn renames<'a>(
    statements: &[Statement],
    flags: &[RenameFlag],
    catalogs: Catalogs<'a>,
    renames: &mut Vec<Rename>,
    warnings: &mut Vec<Diagnostic>,
) -> Result<Names<'a>> {
    let mut names = Names::new(catalogs);
    let mut problems = Vec::new();
    let mut directives = Request::of_directives(statements, &names, warnings);
    let mut flags: Vec<&RenameFlag> = flags.iter().collect();
    for turn in Turn::ALL {
        let mut level = Vec::new();
        let here = |flag: &mut &RenameFlag| Request::turn_of_flag(flag, &names) == turn;
        for flag in flags.extract_if(.., here) {
            match Request::of_flag(flag, &names) {
                Ok(requests) => level.extend(requests),
                Err(problem) => problems.push(problem),
            }
        }
        let here = |request: &mut Request<'_>| names.turn(&request.to) == turn;
        level.extend(directives.extract_if(.., here));
        let level = Level::new(level, &names);
        problems.extend(level.problems(statements, &names));
        for (index, judged) in level.judged.iter().enumerate() {
            match &judged.from {
                Some(from) if level.pending.contains(&index) => {
                    names.renamed(from, &judged.request.to);
                    renames.push(Rename {
                        turn,
                        from: from.clone(),
                        to: judged.request.to.clone(),
                    });
                }
                from => {
                    let left = from.as_ref().filter(|_| *from != judged.there);
                    let idle = judged.request.idle(left, judged.there.is_some());
                    if judged.request.stays() {
                        warnings.push(idle);
                    } else {
                        problems.push(idle);
                    }
                }
            }
        }
    }
    match Diagnostic::all(problems) {
        None => Ok(names),
        Some(problem) => Err(problem),
    }
}

/// The renames of one turn.
struct Level<'a> {
    judged: Vec<Judged<'a>>,
    /// Those that are to be done.
    pending: BTreeSet<usize>,
}

struct Judged<'a> {
    request: Request<'a>,
    /// The live object that is to be renamed.
    from: Option<Named>,
    /// The live object that has the new name already.
    there: Option<Named>,
}

impl<'a> Level<'a> {
    fn new(requests: Vec<Request<'a>>, names: &Names<'_>) -> Self {
        let mut judged: Vec<Judged<'a>> = Vec::new();
        for request in requests {
            let from = names.live(&request.to, &request.old);
            let there = names.live(&request.to, &request.to.path());
            let said_twice = |other: &Judged<'_>| {
                from.is_some() && other.from == from && other.request.to == request.to
            };
            if !judged.iter().any(said_twice) {
                judged.push(Judged {
                    request,
                    from,
                    there,
                });
            }
        }
        let is_elsewhere =
            |judged: &Judged<'_>| judged.from.is_some() && judged.from != judged.there;
        let mut pending: BTreeSet<usize> = (0..judged.len())
            .filter(|&index| is_elsewhere(&judged[index]))
            .collect();
        // A name that is taken has to be given up by another rename.
        loop {
            let given_up: BTreeSet<&Named> = pending
                .iter()
                .filter_map(|&index| judged[index].from.as_ref())
                .collect();
            let free = |&index: &usize| {
                let there = judged[index].there.as_ref();
                there.is_none_or(|there| given_up.contains(there))
            };
            let left: BTreeSet<usize> = pending.iter().copied().filter(free).collect();
            if left == pending {
                return Self { judged, pending };
            }
            pending = left;
        }
    }

    fn wanted(&self) -> impl Iterator<Item = (usize, &Judged<'a>)> {
        self.pending
            .iter()
            .map(|&index| (index, &self.judged[index]))
    }

    fn problems(&self, statements: &[Statement], names: &Names<'_>) -> Vec<Diagnostic> {
        let mut problems = Vec::new();
        let mut taken: BTreeMap<&Named, &Judged<'_>> = BTreeMap::new();
        for (index, judged) in self.wanted() {
            let Some(from) = &judged.from else {
                continue;
            };
            let (to, old) = (&judged.request.to, dotted(&judged.request.old));
            if let Some(other) = taken.insert(from, judged) {
                let both = format!(
                    "`{}` and `{to}` are both renamed from `{old}`",
                    other.request.to
                );
                let problem = judged.request.error(both, "the other");
                problems.push(
                    other
                        .request
                        .shown_in(problem, "the one")
                        .help("keep it for the one that has the old one's content"),
                );
            }
            if let Some(still) = self.still_declared(judged, names) {
                let problem = judged.request.error(
                    format!("`{to}` can't be renamed from `{old}`, which is still declared"),
                    "the old name is given up here",
                );
                problems.push(declared_at(problem, statements, &still).help(
                    "take the declaration of the old name away, or the rename if the two are different things",
                ));
            }
            if let Some(circle) = self.circle_of(index) {
                let said = circle.iter().map(|(from, to)| {
                    format!(" --rename {}={}", dotted(&from.path()), dotted(&to.path()))
                });
                problems.push(
                    judged
                        .request
                        .error(
                            format!("`{to}` and `{from}` exchange their names"),
                            "it can't be told whether this is done",
                        )
                        .help(format!(
                            "delete these directives, and say it once: `forge plan{}`",
                            said.collect::<String>()
                        )),
                );
            }
        }
        problems
    }

    /// The declared object that has the old name, unless it gets it by a rename itself.
    fn still_declared(&self, judged: &Judged<'_>, names: &Names<'_>) -> Option<Named> {
        let (name, outer) = judged.request.old.split_last()?;
        let mut path: Vec<Ident> = names.outer_after(outer);
        path.push(name.clone());
        let to = &judged.request.to;
        let alike = |named: &Named| {
            named.id.kind == to.id.kind
                && named.id.args == to.id.args
                && named.part.is_some() == to.part.is_some()
        };
        let still = names.declared(&path).into_iter().find(alike)?;
        let renamed = self.wanted().any(|(_, other)| other.request.to == still);
        (!renamed).then_some(still)
    }

    /// The circle of renames that this one closes, if it is the first of it and some are directives: they would close it
    /// in every plan.
    fn circle_of(&self, first: usize) -> Option<Vec<(&Named, &Named)>> {
        let mut circle = vec![first];
        loop {
            let last = &self.judged[*circle.last()?];
            let there = last.there.as_ref()?;
            let next = self
                .wanted()
                .find(|(_, other)| other.from.as_ref() == Some(there));
            match next?.0 {
                next if next == first => break,
                next if next < first || circle.contains(&next) => return None,
                next => circle.push(next),
            }
        }
        let members = circle.iter().map(|&index| &self.judged[index]);
        let stays = members.clone().any(|judged| judged.request.stays());
        stays.then(|| {
            members
                .filter_map(|judged| Some((judged.from.as_ref()?, &judged.request.to)))
                .collect()
        })
    }
}

/// Points at the declaration of something, or at that of the whole that it is a part of.
fn declared_at(problem: Diagnostic, statements: &[Statement], named: &Named) -> Diagnostic {
    let whole = named.path();
    let mut places = (1..=whole.len()).rev().map(|length| &whole[..length]);
    let statement = places.find_map(|place| {
        let mut defining = statements.iter();
        defining.find(|statement| statement.symbols().any(|symbol| path(symbol) == place))
    });
    match statement {
        Some(statement) => problem.at(&statement.file, statement.head(), "and declared here"),
        None => problem,
    }
}
