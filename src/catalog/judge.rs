//! What a statement does through the objects that it meets in a database: what its text cannot tell.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

use super::Catalog;
use crate::{
    kinds::{Answer, Hazard, Kind, Object, ObjectId, Step},
    source::{
        Access, Accesses, Effect, Harm, Makes, accesses, defined, effects, evaluated, fires,
        fires_event_triggers, makes, moves, passes_on, query_accesses, unqualified,
        unqualified_within,
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
    judged: Judged,
}

/// Which statements are judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Judged {
    /// Those about rows: a definition of forge's cannot be told from one by hand.
    #[default]
    Rows,
    /// Definitions, too.
    All,
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
    /// The identities of statistics objects, which may be of any table.
    statistics: Vec<&'a str>,
    event_triggers: Vec<&'a str>,
    /// Operator classes that users made, whose functions any index may call.
    operator_classes: Vec<&'a str>,
}

/// What the statements of a plan make, by the relation, domain or type.
#[derive(Default)]
struct Made<'a> {
    tables: BTreeSet<String>,
    types: BTreeSet<String>,
    /// The statements that define a part of it.
    parts: BTreeMap<String, Vec<&'a str>>,
    /// Those with columns of which the text of an update does not tell what becomes of them.
    columns: BTreeSet<String>,
    /// Pairs of tables, part and whole.
    kin: BTreeSet<(String, String)>,
    views: BTreeMap<String, Vec<&'a str>>,
    /// Triggers by their relation: what they are called, and the statement.
    triggers: BTreeMap<String, Vec<(String, &'a str)>>,
    rules: BTreeMap<String, Vec<String>>,
    casts: Vec<(String, String)>,
    operator_classes: BTreeSet<String>,
    event_triggers: BTreeSet<String>,
    names: Vec<(String, String)>,
    /// Whether names without a schema may be anybody's.
    sets_path: bool,
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
            judged: Judged::Rows,
        }
    }

    /// Takes note of another statement of the plan, which runs before those that are judged from then on.
    pub fn note(&mut self, sql: &'a str) {
        self.made.add(sql);
    }

    /// Every hazard of a step: see [`Step::risks_by`].
    pub fn risks(&self, step: &Step) -> Vec<Hazard> {
        let judged = if step.by_hand {
            Judged::All
        } else {
            self.judged
        };
        step.risks_by(|sql| self.effects_of(sql, judged))
    }

    /// Judges definitions, too, but for these statements, which forge wrote: what they do, their plan says.
    ///
    /// Without that, only statements about rows are judged, and the definitions of steps that are known to be by hand.
    #[must_use]
    pub fn but_for(mut self, known: impl IntoIterator<Item = &'a String>) -> Self {
        self.known.extend(known.into_iter().map(String::as_str));
        self.judged = Judged::All;
        self
    }

    /// What a statement does: what its text tells, and what the objects do that it meets.
    ///
    /// Triggers and rules fire; views, policies, checks, defaults, indexes and domains evaluate functions; foreign keys pass
    /// changes on to other tables. Functions that an extension's operators and casts call are known by their names alone,
    /// where they have one in the text.
    pub fn effects(&self, sql: &str) -> BTreeSet<Effect> {
        self.effects_of(sql, self.judged)
    }

    fn effects_of(&self, sql: &str, judged: Judged) -> BTreeSet<Effect> {
        let mut found = effects(sql);
        let accesses = accesses(sql);
        if self.made.sets_path && !self.known.contains(sql) {
            found.extend(unqualified(sql));
        }
        let is_judged = judged == Judged::All || !accesses.of_definition;
        if is_judged && !self.known.contains(sql) {
            let mut search = Search::by(self);
            search.all(&accesses);
            search.casts();
            found.extend(search.found);
        }
        if judged == Judged::All && !self.known.contains(sql) {
            for indexed in &self.catalogs {
                let cascades = found.iter().filter(|effect| effect.harm == Harm::Cascades);
                let along: Vec<Effect> = cascades.flat_map(|it| indexed.along(&it.about)).collect();
                found.extend(along);
                // Those of forge's own fire them, too; but they are there for everybody's.
                if fires_event_triggers(sql) {
                    let triggers = indexed.event_triggers.iter();
                    found.extend(triggers.map(|it| Effect::fires("event trigger", *it)));
                }
            }
            if fires_event_triggers(sql) {
                let triggers = self.made.event_triggers.iter();
                found.extend(triggers.map(|it| Effect::fires("event trigger", it)));
            }
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
        for made in makes(sql) {
            match made {
                Makes::Table(name) => _ = self.tables.insert(name),
                Makes::Type(name) => _ = self.types.insert(name),
                Makes::View(name) => self.views.entry(name).or_default().push(sql),
                Makes::Part(of) => self.parts.entry(of).or_default().push(sql),
                Makes::Columns(of) => _ = self.columns.insert(of),
                Makes::Kin { part, whole } => _ = self.kin.insert((part, whole)),
                Makes::Trigger { on, name } => {
                    self.triggers.entry(on).or_default().push((name, sql));
                }
                Makes::Rule { on, name } => self.rules.entry(on).or_default().push(name),
                Makes::Cast { from, to } => self.casts.push((from, to)),
                Makes::OperatorClass(name) => _ = self.operator_classes.insert(name),
                Makes::EventTrigger(name) => _ = self.event_triggers.insert(name),
                Makes::Path => self.sets_path = true,
                Makes::Name { from, to } => self.names.push((from, to)),
            }
        }
    }

    /// The tables that a table was made a part of, or like, and so on.
    fn above<'s>(&'s self, name: &str) -> BTreeSet<&'s str> {
        let mut found = BTreeSet::new();
        let mut open = vec![name];
        while let Some(name) = open.pop() {
            for (_, whole) in self.kin.iter().filter(|(part, _)| part == name) {
                if found.insert(whole.as_str()) {
                    open.push(whole);
                }
            }
        }
        found
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
        let ids = || catalog.objects().map(|(id, _)| id);
        let mut named: BTreeMap<String, &ObjectId> = BTreeMap::new();
        // An index is known by its table; that of a constraint has the constraint's name.
        for id in ids().filter(|id| matches!(id.kind, Kind::Index | Kind::Constraint)) {
            if let Some(table) = catalog.parent(id) {
                named.insert(dotted([table.schema(), id.name()]), table);
            }
        }
        named.extend(ids().filter(is_named).map(|id| (id.sql(), id)));
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
            named,
            children: catalog.children(),
            dependents: catalog.dependents(),
            rules,
            casts: casts.collect(),
            statistics: unmodelled("statistics object").collect(),
            event_triggers: unmodelled("event trigger").collect(),
            // `app.ops USING gist`
            operator_classes: unmodelled("operator class")
                .filter_map(|identity| Some(identity.rsplit_once(" USING ")?.0))
                .collect(),
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

    /// An access to a table, with the columns that are computed of those that change.
    fn with_computed(&self, id: &ObjectId, access: &Access) -> Access {
        let Access::Updates(Some(changed)) = access else {
            return access.clone();
        };
        let parts = self.children.get(id).into_iter().flatten();
        let computed = parts.filter(|part| match self.catalog.get(part) {
            Some(Object::Column(column)) => column.generated.is_some(),
            Some(_) | None => false,
        });
        let computed = computed.map(|part| part.name().as_str().to_owned());
        Access::Updates(Some(changed.iter().cloned().chain(computed).collect()))
    }

    /// Whether rows of a table may move between its partitions.
    fn moves(&self, id: &ObjectId, access: &Access) -> bool {
        match self.catalog.get(id) {
            Some(Object::Table(table)) => {
                let key = table.partition_key.as_ref();
                key.is_some_and(|key| moves(key.as_str(), access))
            }
            Some(_) | None => false,
        }
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

    /// The tables and columns that go along when an object of this name is dropped with what depends on it, other than its own.
    fn along(&self, dropped: &str) -> Vec<Effect> {
        let is_dropped = |id: &&ObjectId| dotted(&id.path) == dropped;
        let ids = self.catalog.objects().map(|(id, _)| id);
        let mut going: Vec<&ObjectId> = ids.filter(is_dropped).collect();
        let mut at = 0;
        while let Some(id) = going.get(at) {
            let parts = self.children.get(id).into_iter().flatten();
            let dependents = self.dependents.get(id).into_iter().flatten();
            let more: Vec<&ObjectId> = parts.chain(dependents).copied().collect();
            going.extend(
                more.into_iter()
                    .filter(|id| !going.contains(id))
                    .collect::<Vec<_>>(),
            );
            at += 1;
        }
        let within = format!("{dropped}.");
        let has_rows = |id: &&&ObjectId| matches!(id.kind, Kind::Table | Kind::Column);
        let is_part = |id: &ObjectId| {
            self.catalog
                .parent(id)
                .is_some_and(|whole| going.contains(&whole))
        };
        let named = going.iter().filter(has_rows).filter(|id| !is_part(id));
        let named = named
            .map(|id| id.sql())
            .filter(|name| name != dropped && !name.starts_with(&within));
        named
            .map(|name| Effect::deletes(&format!("DROP … CASCADE of {dropped}"), name))
            .collect()
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
        // The type of its rows.
        self.types.insert(name.to_owned());
        // A temporary relation of the plan's hides one of the server's.
        let is_sure = name.contains('.') || !judge.made.sets_path;
        let mut is_known = is_of_the_server(name) && is_sure && !access.writes();
        for name in judge.names(name) {
            is_known |= self.own(name, access);
            for whole in judge.made.above(name) {
                self.own(whole, access);
            }
            for indexed in &judge.catalogs {
                if let Some(id) = indexed.named.get(name) {
                    for part in indexed.below(id) {
                        self.relation(&part.sql(), access);
                        if indexed.moves(id, access) {
                            self.relation(&part.sql(), &Access::Moves);
                        }
                    }
                }
            }
            for (part, _) in judge.made.kin.iter().filter(|(_, whole)| whole == name) {
                self.relation(part, access);
                if matches!(access, Access::Updates(_)) {
                    self.relation(part, &Access::Moves);
                }
            }
        }
        if !is_of_the_server(name) {
            self.operator_classes();
        }
        if !is_known {
            self.unmanaged("a statement on", name);
        }
    }

    /// Names without a schema in what the plan defines, where they may be anybody's.
    fn unqualified(&mut self, sql: &str, of: &str) {
        if self.judge.made.sets_path {
            let effects = unqualified_within(sql).into_iter();
            self.found.extend(effects.map(|effect| effect.of(of)));
        }
    }

    /// Operator classes that users made: any index may be of them, and any order.
    fn operator_classes(&mut self) {
        let judge = self.judge;
        let made = judge.made.operator_classes.iter().map(String::as_str);
        let there = judge
            .catalogs
            .iter()
            .flat_map(|it| it.operator_classes.iter().copied());
        self.found.extend(made.chain(there).map(|class| {
            Effect::unknown(&format!("what the operator class {class} computes"), class)
        }));
    }

    fn unmanaged(&mut self, what: &str, name: &str) {
        let what = format!("{what} {name}, which forge does not manage");
        self.found.insert(Effect::unknown(&what, name));
    }

    /// What a relation does, and what those above it do with its rows. Returns whether there is one.
    fn own(&mut self, name: &str, access: &Access) -> bool {
        let judge = self.judge;
        let is_unclear = judge.made.columns.contains(name) && matches!(access, Access::Updates(_));
        let mut access = if is_unclear {
            Access::Updates(None)
        } else {
            access.clone()
        };
        for indexed in &judge.catalogs {
            if let Some(id) = indexed.named.get(name) {
                access = indexed.with_computed(id, &access);
            }
        }
        let access = &access;
        let mut is_known = self.made(name, access);
        for indexed in &judge.catalogs {
            if let Some(id) = indexed.named.get(name) {
                is_known = true;
                self.parts(indexed, id, access);
                for whole in indexed.above(id) {
                    self.parts(indexed, whole, access);
                }
            }
            if access.writes() {
                let rules = indexed.rules.get(name).into_iter().flatten();
                self.found
                    .extend(rules.map(|rule| Effect::fires("rule", *rule)));
            }
            if *access == Access::Analyzes {
                for statistics in &indexed.statistics {
                    let what = format!("what the statistics object {statistics} may compute");
                    self.found.insert(Effect::unknown(&what, *statistics));
                }
            }
        }
        is_known
    }

    /// What the plan's statements made of a relation. Returns whether one made the relation.
    fn made(&mut self, name: &str, access: &Access) -> bool {
        let made = &self.judge.made;
        for (trigger, sql) in made.triggers.get(name).into_iter().flatten() {
            if fires(sql, access) {
                self.found
                    .insert(Effect::fires("trigger", format!("{name}.{trigger}")));
            }
        }
        if access.writes() {
            for rule in made.rules.get(name).into_iter().flatten() {
                self.found
                    .insert(Effect::fires("rule", format!("{rule} on {name}")));
            }
            for (table, sql) in made
                .parts
                .iter()
                .flat_map(|(of, all)| all.iter().map(move |sql| (of, *sql)))
            {
                for passed_on in passes_on(sql, name, access) {
                    self.passed_on(table, "foreign key that the plan makes", &passed_on);
                }
            }
        }
        for sql in made.views.get(name).into_iter().flatten() {
            let of = format!("the view {name}");
            self.unqualified(sql, &of);
            self.query(sql, access, &of);
        }
        self.made_parts(name, access);
        made.views.contains_key(name) || made.tables.contains(name)
    }

    /// What of a relation or domain the plan's statements define.
    fn made_parts(&mut self, name: &str, access: &Access) {
        let parts = self.judge.made.parts.get(name).into_iter().flatten();
        for sql in parts {
            let of = format!("what the plan makes of {name}");
            self.unqualified(sql, &of);
            let effects = defined(sql, access).into_iter();
            self.found.extend(effects.map(|effect| effect.of(&of)));
            if access.stores() {
                for name in query_accesses(sql).types {
                    self.known_type(&name);
                }
            }
        }
    }

    /// Rows of another table change.
    fn passed_on(&mut self, table: &str, by: &str, access: &Access) {
        let deletes = matches!(
            access,
            Access::Deletes | Access::Moves | Access::Truncates { .. }
        );
        self.found.insert(if deletes {
            Effect::deletes(&format!("a delete that cascades by the {by}"), table)
        } else {
            Effect::passes_on(table, by)
        });
        self.relation(table, access);
    }

    /// What a relation and what belongs to it do.
    fn parts(&mut self, indexed: &'s Indexed<'a>, id: &'a ObjectId, access: &Access) {
        for part in indexed.with_parts(id) {
            let Some(object) = indexed.catalog.get(part) else {
                continue;
            };
            match object.when_accessed(part, access) {
                None => {}
                Some(Answer::Fires) => {
                    let sort = part.kind.noun();
                    self.found.insert(Effect::fires(sort, part.sql()));
                }
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
            for passed_on in object.passed_on(id, access) {
                if let Some(table) = indexed.catalog.parent(other) {
                    self.passed_on(&table.sql(), &other.to_string(), &passed_on);
                }
            }
        }
    }

    /// An object evaluates what it defines.
    fn evaluates(&mut self, indexed: &Indexed<'a>, id: &ObjectId, sql: &str, access: &Access) {
        let of = format!("the {id}");
        let functions = indexed.catalog.dependencies(id);
        for function in functions.filter(|it| it.kind == Kind::Function) {
            self.found
                .insert(Effect::calls(dotted(&function.path)).of(&of));
        }
        if id.kind == Kind::View {
            self.query(sql, access, &of);
        } else {
            self.query(sql, &Access::Reads, &of);
        }
    }

    /// A query or an expression is evaluated. What is written to a view is written to the tables that it shows.
    fn query(&mut self, sql: &str, access: &Access, of: &str) {
        self.found
            .extend(evaluated(sql).into_iter().map(|effect| effect.of(of)));
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
        if !self.known_type(name) {
            self.unmanaged("a cast to the type", name);
        }
    }

    /// Values become values of the type of this name, if it is known.
    fn known_type(&mut self, name: &str) -> bool {
        self.types.insert(name.to_owned());
        let made = &self.judge.made;
        let mut is_known = made.tables.contains(name) || made.types.contains(name);
        if self
            .seen
            .insert((format!("the made type {name}"), Access::Casts))
        {
            self.made_parts(name, &Access::Defaults);
        }
        for indexed in &self.judge.catalogs {
            if let Some(id) = indexed.named.get(name) {
                is_known = true;
                self.type_of_values(indexed, id);
            }
        }
        is_known
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
        let there = indexed.flat_map(|indexed| indexed.casts.iter().copied());
        let made = self.judge.made.casts.iter();
        for (from, to) in there.chain(made.map(|(from, to)| (from.as_str(), to.as_str()))) {
            if is_met(from) && is_met(to) {
                let what = format!("the cast of {from} to {to}");
                self.found
                    .insert(Effect::unknown(&what, format!("({from} AS {to})")));
            }
        }
    }
}

/// Whether a relation is one of PostgreSQL's own, which run no code when they are read. Nobody else makes one in `pg_catalog`,
/// which a name without a schema is of that begins so; superusers make what they like in `information_schema`.
fn is_of_the_server(name: &str) -> bool {
    static VIEWS: LazyLock<BTreeSet<&str>> = LazyLock::new(|| {
        include_str!("information_schema.txt")
            .split_whitespace()
            .collect()
    });
    match name.split_once('.') {
        Some(("information_schema", view)) => VIEWS.contains(view),
        Some((schema, _)) => schema == "pg_catalog",
        None => name.starts_with("pg_"),
    }
}

#[cfg(test)]
mod tests;
