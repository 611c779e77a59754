//! Names of the objects that statements define and need.

use std::fmt;

use crate::sql::Ident;

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident in $namespace:ident = $words:literal,)*) => {
        /// What sort of object a name stands for.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Sort { $($(#[$doc])* $kind,)* }

        impl Sort {
            /// The group of objects in which a name of this sort must be unique.
            pub fn namespace(self) -> Namespace {
                match self { $(Self::$kind => Namespace::$namespace,)* }
            }

            /// The words for it in a sentence.
            pub fn words(self) -> &'static str {
                match self { $(Self::$kind => $words,)* }
            }
        }
    };
}

kinds! {
    /// A schema.
    Schema in Schema = "schema",
    /// An extension.
    Extension in Extension = "extension",
    /// A table, whatever its persistence or partitioning.
    Table in Relation = "table",
    /// A foreign table.
    ForeignTable in Relation = "foreign table",
    /// A view.
    View in Relation = "view",
    /// A materialized view.
    MaterializedView in Relation = "materialized view",
    /// An index.
    Index in Relation = "index",
    /// A sequence.
    Sequence in Relation = "sequence",
    /// A composite type, which is a relation as well.
    CompositeType in Relation = "composite type",
    /// Anything that a relation's name may stand for.
    Relation in Relation = "relation",
    /// An enum, a range, a base type or a shell.
    Type in Type = "type",
    /// A domain.
    Domain in Type = "domain",
    /// A function.
    Function in Routine = "function",
    /// A procedure.
    Procedure in Routine = "procedure",
    /// An aggregate.
    Aggregate in Routine = "aggregate",
    /// Anything that a routine's name may stand for.
    Routine in Routine = "routine",
    /// An operator.
    Operator in Operator = "operator",
    /// An operator class; the member is the access method.
    OperatorClass in OperatorClass = "operator class",
    /// An operator family; the member is the access method.
    OperatorFamily in OperatorFamily = "operator family",
    /// A collation.
    Collation in Collation = "collation",
    /// An encoding conversion.
    Conversion in Conversion = "conversion",
    /// A text search configuration.
    TextSearchConfiguration in TextSearchConfiguration = "text search configuration",
    /// A text search dictionary.
    TextSearchDictionary in TextSearchDictionary = "text search dictionary",
    /// A text search parser.
    TextSearchParser in TextSearchParser = "text search parser",
    /// A text search template.
    TextSearchTemplate in TextSearchTemplate = "text search template",
    /// Extended statistics.
    Statistics in Statistics = "statistics object",
    /// A procedural language.
    Language in Language = "language",
    /// An access method.
    AccessMethod in AccessMethod = "access method",
    /// A foreign-data wrapper.
    ForeignDataWrapper in ForeignDataWrapper = "foreign-data wrapper",
    /// A foreign server.
    Server in Server = "server",
    /// A publication.
    Publication in Publication = "publication",
    /// A subscription.
    Subscription in Subscription = "subscription",
    /// An event trigger.
    EventTrigger in EventTrigger = "event trigger",
    /// A trigger; the name is its table's, the member its own. Rules, policies and constraints are named alike.
    Trigger in Trigger = "trigger",
    /// A rule.
    Rule in Rule = "rule",
    /// A row security policy.
    Policy in Policy = "policy",
    /// A constraint of a table or domain.
    Constraint in Constraint = "constraint",
    /// A column of a relation, or an attribute of a composite type.
    Column in Column = "column",
    /// A label of an enum.
    EnumValue in EnumValue = "enum value",
    /// Whatever makes rows of a table unique, which foreign keys to it rest on.
    Key in Key = "key",
}

/// A group of objects in which names must be unique.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "each is described where a sort is put into it")]
pub enum Namespace {
    Schema,
    Extension,
    Relation,
    Type,
    Routine,
    Operator,
    OperatorClass,
    OperatorFamily,
    Collation,
    Conversion,
    TextSearchConfiguration,
    TextSearchDictionary,
    TextSearchParser,
    TextSearchTemplate,
    Statistics,
    Language,
    AccessMethod,
    ForeignDataWrapper,
    Server,
    Publication,
    Subscription,
    EventTrigger,
    Trigger,
    Rule,
    Policy,
    Constraint,
    Column,
    EnumValue,
    Key,
}

/// The name of one object, as far as a statement's text tells it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Symbol {
    /// What it is.
    pub sort: Sort,
    /// The schema it is in: in a definition always known, in a reference only where the text qualifies the name.
    pub schema: Option<Ident>,
    /// Its name, or for a part of something that thing's name.
    pub name: Ident,
    /// The name of a part: a column, a constraint, a trigger, an enum's value.
    pub member: Option<Ident>,
    /// The argument types of a routine or operator, as written; kept once, as names are.
    pub arguments: Option<Ident>,
}

impl Symbol {
    /// A name without schema, member and arguments.
    pub fn new(sort: Sort, name: impl AsRef<str>) -> Self {
        Self::named(sort, Ident::new(name))
    }

    /// The same of a name that is there, whose text it shares.
    pub fn named(sort: Sort, name: Ident) -> Self {
        Self {
            sort,
            schema: None,
            name,
            member: None,
            arguments: None,
        }
    }

    /// Puts it into a schema; an empty name is none.
    #[must_use]
    pub fn within(mut self, schema: &str) -> Self {
        self.schema = (!schema.is_empty()).then(|| Ident::new(schema));
        self
    }

    /// Makes it a part of what it named.
    #[must_use]
    pub fn member(mut self, member: impl AsRef<str>) -> Self {
        self.member = Some(Ident::new(member));
        self
    }

    /// Adds the argument types.
    #[must_use]
    pub fn with_arguments(mut self, arguments: String) -> Self {
        self.arguments = Some(Ident::new(arguments));
        self
    }

    /// The sort's namespace.
    pub fn namespace(&self) -> Namespace {
        self.sort.namespace()
    }

    /// The dotted name, without the sort.
    pub fn dotted(&self) -> String {
        crate::sql::dotted(
            self.schema
                .iter()
                .chain([&self.name])
                .chain(self.member.iter()),
        )
    }
}

impl fmt::Display for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.dotted())?;
        match &self.arguments {
            Some(arguments) => write!(f, "({})", arguments.as_str()),
            None => Ok(()),
        }
    }
}
