//! What a statement does through the objects that it meets in a database: what its text cannot tell.

use std::collections::{BTreeMap, BTreeSet};

use super::Catalog;
use crate::{
    kinds::{Answer, Hazard, Kind, Object, ObjectId, Step},
    source::{
        Access, Accesses, Effect, Makes, accesses, effects, evaluated, fires, makes, query_accesses,
    },
    sql::dotted,
};

/// Says what statements of a plan do, by what they may meet: the objects of these catalogs, and what the plan's own statements
/// make.
///
/// A statement is judged by all of them together, because the plan changes one into the other on its way: a trigger that
/// only one of the catalogs has may fire.
#[derive(Default)]
pub struct Judge<'a> {
    catalogs: Vec<Indexed<'a>>,
    made: Made<'a>,
    /// Statements of which everything is known.
    known: BTreeSet<&'a str>,
    /// Whether definitions are judged, too.
    judges_definitions: bool,
}

/// A catalog, with its relations and types by their names.
struct Indexed<'a> {
    catalog: &'a Catalog,
    named: BTreeMap<String, &'a ObjectId>,
    children: BTreeMap<&'a ObjectId, Vec<&'a ObjectId>>,
    dependents: BTreeMap<&'a ObjectId, BTreeSet<&'a ObjectId>>,
    /// What is declared on relations and no kind models: the identity of a rule, by the relation.
    rules: BTreeMap<&'a str, Vec<&'a str>>,
    /// Casts that users made, by their types: source and target.
    casts: Vec<(&'a str, &'a str)>,
}

/// What the statements of a plan make.
#[derive(Default)]
struct Made<'a> {
    tables: BTreeSet<String>,
    views: BTreeMap<String, Vec<&'a str>>,
    /// Triggers by their relation: what they are called, and the statement.
    triggers: BTreeMap<String, Vec<(String, &'a str)>>,
    rules: BTreeMap<String, Vec<String>>,
    names: Vec<(String, String)>,
}

impl<'a> Judge<'a> {
    /// A judge of these statements, which are a plan's.
    pub fn new(
        catalogs: impl IntoIterator<Item = &'a Catalog>,
        statements: impl IntoIterator<Item = &'a String>,
    ) -> Self {
        let mut made = Made::default();
        for sql in statements {
            made.add(sql);
        }
        Self {
            catalogs: catalogs.into_iter().map(Indexed::new).collect(),
            made,
            known: BTreeSet::new(),
            judges_definitions: false,
        }
    }

    /// Takes note of another statement of the plan, which runs before those that are judged from then on.
    pub fn note(&mut self, sql: &'a str) {
        self.made.add(sql);
    }

    /// Every hazard of a step: see [`Step::risks_by`].
    pub fn risks(&self, step: &Step) -> Vec<Hazard> {
        step.risks_by(|sql| self.effects(sql))
    }

    /// Judges definitions, too, but for these statements, which forge wrote: what they do, their plan says.
    ///
    /// Without that, only statements about rows are judged: a definition of forge's cannot be told from one by hand.
    #[must_use]
    pub fn but_for(mut self, known: impl IntoIterator<Item = &'a String>) -> Self {
        self.known.extend(known.into_iter().map(String::as_str));
        self.judges_definitions = true;
        self
    }

    /// What a statement does: what its text tells, and what the objects do that it meets.
    ///
    /// Triggers and rules fire; views, policies, checks, defaults, indexes and domains evaluate functions; foreign keys pass
    /// changes on to other tables. Functions that an extension's operators and casts call are known by their names alone,
    /// where they have one in the text.
    pub fn effects(&self, sql: &str) -> BTreeSet<Effect> {
        let mut found = effects(sql);
        let accesses = accesses(sql);
        let is_judged = self.judges_definitions || !accesses.of_definition;
        if is_judged && !self.known.contains(sql) {
            let mut search = Search::by(self);
            search.all(&accesses);
            search.casts();
            found.extend(search.found);
        }
        found
    }

    /// Every name that a relation has, or has had, by statements of the plan.
    fn names<'n>(&'n self, name: &'n str) -> BTreeSet<&'n str> {
        let mut names = BTreeSet::from([name]);
        loop {
            let before = names.len();
            for (from, to) in &self.made.names {
                if names.contains(from.as_str()) || names.contains(to.as_str()) {
                    names.extend([from.as_str(), to.as_str()]);
                }
            }
            if names.len() == before {
                return names;
            }
        }
    }
}

impl<'a> Made<'a> {
    fn add(&mut self, sql: &'a str) {
        match makes(sql) {
            None => {}
            Some(Makes::Table(name)) => _ = self.tables.insert(name),
            Some(Makes::View(name)) => self.views.entry(name).or_default().push(sql),
            Some(Makes::Trigger { on, name }) => {
                self.triggers.entry(on).or_default().push((name, sql));
            }
            Some(Makes::Rule { on, name }) => self.rules.entry(on).or_default().push(name),
            Some(Makes::Name { from, to }) => self.names.push((from, to)),
        }
    }
}

impl<'a> Indexed<'a> {
    fn new(catalog: &'a Catalog) -> Self {
        let is_named = |id: &&ObjectId| {
            matches!(
                id.kind,
                Kind::Table
                    | Kind::View
                    | Kind::MaterializedView
                    | Kind::Sequence
                    | Kind::Domain
                    | Kind::Composite
                    | Kind::Enumeration
            )
        };
        let ids = catalog.objects().map(|(id, _)| id).filter(is_named);
        let unmodelled = |noun: &'static str| {
            let objects = catalog.unmodelled.iter().filter(move |it| it.noun == noun);
            objects.map(|it| it.identity.as_str())
        };
        let mut rules: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        // `r on app.t`
        for (identity, (_, relation)) in
            unmodelled("rule").filter_map(|it| Some((it, it.rsplit_once(" on ")?)))
        {
            rules.entry(relation).or_default().push(identity);
        }
        // `(app.a AS integer)`
        let casts = unmodelled("cast").filter_map(|identity| {
            let types = identity.strip_prefix('(')?.strip_suffix(')')?;
            types.split_once(" AS ")
        });
        Self {
            catalog,
            named: ids.map(|id| (id.sql(), id)).collect(),
            children: catalog.children(),
            dependents: catalog.dependents(),
            rules,
            casts: casts.collect(),
        }
    }

    /// The object and everything that belongs to it.
    fn with_parts(&self, id: &'a ObjectId) -> Vec<&'a ObjectId> {
        let mut parts = vec![id];
        let mut at = 0;
        while let Some(part) = parts.get(at) {
            parts.extend(self.children.get(part).into_iter().flatten());
            at += 1;
        }
        parts
    }

    /// The tables that a table is a partition of, or inherits from, and so on.
    fn above(&self, id: &'a ObjectId) -> BTreeSet<&'a ObjectId> {
        let mut found = BTreeSet::new();
        let mut open = vec![id];
        while let Some(id) = open.pop() {
            let wholes = self.catalog.dependencies(id);
            for whole in wholes.filter(|whole| whole.kind == id.kind) {
                if found.insert(whole) {
                    open.push(whole);
                }
            }
        }
        found
    }

    /// The partitions of a table, and what inherits from it.
    fn below(&self, id: &ObjectId) -> impl Iterator<Item = &'a ObjectId> {
        let dependents = self.dependents.get(id).into_iter().flatten().copied();
        dependents.filter(|part| part.kind == Kind::Table)
    }
}

/// One look around.
struct Search<'s, 'a> {
    judge: &'s Judge<'a>,
    seen: BTreeSet<(String, Access)>,
    /// The types of the values that were met.
    types: BTreeSet<String>,
    writes: bool,
    found: BTreeSet<Effect>,
}

impl<'s, 'a> Search<'s, 'a> {
    fn by(judge: &'s Judge<'a>) -> Self {
        Self {
            judge,
            seen: BTreeSet::new(),
            types: BTreeSet::new(),
            writes: false,
            found: BTreeSet::new(),
        }
    }

    fn all(&mut self, accesses: &Accesses) {
        for (name, access) in &accesses.relations {
            self.relation(name, access);
        }
        for name in &accesses.types {
            self.named_type(name);
        }
    }

    fn relation(&mut self, name: &str, access: &Access) {
        if !self.seen.insert((name.to_owned(), access.clone())) {
            return;
        }
        self.writes |= access.stores();
        let judge = self.judge;
        let mut is_known = is_of_the_server(name) && !access.writes();
        for name in judge.names(name) {
            is_known |= self.made(name, access);
            for indexed in &judge.catalogs {
                if let Some(id) = indexed.named.get(name) {
                    is_known = true;
                    self.object(indexed, id, access);
                }
                if access.writes() {
                    let rules = indexed.rules.get(name).into_iter().flatten();
                    self.found
                        .extend(rules.map(|rule| Effect::Fires(format!("the rule {rule}"))));
                }
            }
        }
        if !is_known {
            self.found.insert(Effect::Unknown(format!(
                "a statement on {name}, which forge does not manage"
            )));
        }
    }

    /// What the plan's statements made of a relation. Returns whether one made the relation.
    fn made(&mut self, name: &str, access: &Access) -> bool {
        let made = &self.judge.made;
        for (trigger, sql) in made.triggers.get(name).into_iter().flatten() {
            if fires(sql, access) {
                self.found
                    .insert(Effect::Fires(format!("the trigger {trigger} of {name}")));
            }
        }
        if access.writes() {
            for rule in made.rules.get(name).into_iter().flatten() {
                self.found
                    .insert(Effect::Fires(format!("the rule {rule} on {name}")));
            }
        }
        for sql in made.views.get(name).into_iter().flatten() {
            self.query(sql, access, &format!("the view {name}"));
        }
        made.views.contains_key(name) || made.tables.contains(name)
    }

    /// What happens in a catalog at an access to a relation.
    fn object(&mut self, indexed: &'s Indexed<'a>, id: &'a ObjectId, access: &Access) {
        self.parts(indexed, id, access);
        for whole in indexed.above(id) {
            self.parts(indexed, whole, access);
        }
        for part in indexed.below(id) {
            self.relation(&part.sql(), access);
        }
    }

    /// What a relation and what belongs to it do.
    fn parts(&mut self, indexed: &'s Indexed<'a>, id: &'a ObjectId, access: &Access) {
        for part in indexed.with_parts(id) {
            let Some(object) = indexed.catalog.get(part) else {
                continue;
            };
            match object.when_accessed(part, access) {
                None => {}
                Some(Answer::Fires) => _ = self.found.insert(Effect::Fires(format!("the {part}"))),
                Some(Answer::Evaluates(sql)) => self.evaluates(indexed, part, &sql, access),
            }
            if let Object::Column(column) = object {
                self.types.insert(column.type_name.clone());
                if access.stores() {
                    self.types_of(indexed, part);
                }
            }
        }
        if !access.writes() {
            return;
        }
        for (other, object) in indexed.catalog.objects() {
            let Some(passed_on) = object.passed_on(id, access) else {
                continue;
            };
            if let Some(table) = indexed.catalog.parent(other) {
                let why = format!("{}, by the {other}", table.sql());
                self.found.insert(Effect::PassesOn(why));
                self.relation(&table.sql(), &passed_on);
            }
        }
    }

    /// An object evaluates what it defines.
    fn evaluates(&mut self, indexed: &Indexed<'a>, id: &ObjectId, sql: &str, access: &Access) {
        let of = format!("the {id}");
        let functions = indexed.catalog.dependencies(id);
        for function in functions.filter(|it| it.kind == Kind::Function) {
            self.calls(&dotted(&function.path), &of);
        }
        if id.kind == Kind::View {
            self.query(sql, access, &of);
        } else {
            self.query(sql, &Access::Reads, &of);
        }
    }

    /// A query or an expression is evaluated. What is written to a view is written to the tables that it shows.
    fn query(&mut self, sql: &str, access: &Access, of: &str) {
        for effect in evaluated(sql) {
            match effect {
                Effect::Calls(function) => self.calls(&function, of),
                Effect::Unknown(what) => {
                    self.found
                        .insert(Effect::Unknown(format!("{what} for {of}")));
                }
                other @ (Effect::Deletes(_)
                | Effect::Changes(_)
                | Effect::Fires(_)
                | Effect::PassesOn(_)
                | Effect::BlocksReads(_)
                | Effect::BlocksWrites(_)
                | Effect::Rewrites(_)) => _ = self.found.insert(other),
            }
        }
        let accesses = query_accesses(sql);
        self.all(&accesses);
        if access.writes() {
            // The columns of a view may be called otherwise.
            let access = if matches!(access, Access::Updates(_)) {
                &Access::Updates(None)
            } else {
                access
            };
            for (name, _) in &accesses.relations {
                self.relation(name, access);
            }
        }
    }

    fn calls(&mut self, function: &str, of: &str) {
        self.found
            .insert(Effect::Calls(format!("{function} for {of}")));
    }

    /// The types of a column, a domain or a composite type, and what they are made of.
    fn types_of(&mut self, indexed: &'s Indexed<'a>, id: &'a ObjectId) {
        let made_of: Vec<&ObjectId> = indexed.catalog.dependencies(id).collect();
        for part in made_of {
            let is_type = matches!(part.kind, Kind::Domain | Kind::Composite);
            // The type of its rows.
            let is_row = part.kind == Kind::Table
                && id.kind != Kind::Table
                && Some(part) != indexed.catalog.parent(id);
            if is_type || is_row {
                self.type_of_values(indexed, part);
            }
        }
    }

    fn named_type(&mut self, name: &str) {
        self.types.insert(name.to_owned());
        let judge = self.judge;
        let mut is_known = judge.made.tables.contains(name);
        for indexed in &judge.catalogs {
            if let Some(id) = indexed.named.get(name) {
                is_known = true;
                self.type_of_values(indexed, id);
            }
        }
        if !is_known {
            self.found.insert(Effect::Unknown(format!(
                "a cast to the type {name}, which forge does not manage"
            )));
        }
    }

    /// Values become values of a type.
    fn type_of_values(&mut self, indexed: &'s Indexed<'a>, id: &'a ObjectId) {
        if !self.seen.insert((id.to_string(), Access::Casts)) {
            return;
        }
        self.types.insert(id.sql());
        for part in indexed.with_parts(id) {
            let Some(object) = indexed.catalog.get(part) else {
                continue;
            };
            if let Some(Answer::Evaluates(sql)) = object.when_accessed(part, &Access::Casts) {
                self.evaluates(indexed, part, &sql, &Access::Casts);
            }
            self.types_of(indexed, part);
        }
    }

    /// Casts that users made are found where values of their types may be: in a column of a relation that was met, or where
    /// the text names the type. The text does not show which of them the server takes.
    fn casts(&mut self) {
        if !self.writes && self.types.is_empty() {
            return;
        }
        let plain = |name: &str| {
            let end = name.find(['(', '[']).unwrap_or(name.len());
            name[..end].trim_end().to_owned()
        };
        let types: BTreeSet<String> = self.types.iter().map(|name| plain(name)).collect();
        // Values of PostgreSQL's own types may be anywhere.
        let is_met = |name: &str| !name.contains('.') || types.contains(&plain(name));
        let indexed = self.judge.catalogs.iter();
        for (from, to) in indexed.flat_map(|indexed| &indexed.casts) {
            if is_met(from) && is_met(to) {
                self.found
                    .insert(Effect::Unknown(format!("the cast of {from} to {to}")));
            }
        }
    }
}

/// Whether a relation is one of PostgreSQL's own, which run no code when they are read.
fn is_of_the_server(name: &str) -> bool {
    match name.split_once('.') {
        Some((schema, _)) => matches!(schema, "pg_catalog" | "information_schema"),
        None => name.starts_with("pg_"),
    }
}

#[cfg(test)]
mod tests;
