//! The kinds of objects that forge manages, one folder each, and the contract that they fulfil.
//!
//! To add a kind: a folder with `introspect.sql` and `mod.rs`, a line in the list below, cases under `fixtures/cases`.

mod batching;
mod breakage;
mod casting;
mod contract;
mod counting;
mod filling;
mod glob;
mod hazard;
mod heirs;
mod id;
mod lock;
mod partitions;
mod rename;
mod risks;
mod rollout;
mod step;
mod stored;

pub use self::{
    batching::Batching,
    contract::{
        Answer, Aside, Attribute, Change, Claim, Comparison, Context, Difference, Follow, Fragment,
        HandedDown, ObjectKind, Passage, Reaction, Unfinished, Values, World, replace, shown,
        sorted,
    },
    counting::{Counter, Predecessor},
    glob::Glob,
    hazard::{Hazard, HazardKind},
    id::{Grantee, ObjectId},
    lock::Lock,
    rollout::Rollout,
    step::{Action, Effort, Mode, Phase, Step},
};

use serde::{Deserialize, Serialize};

use crate::{source::Access, sql::Ident};

/// How `pg_depend` names an object: the catalog's OID, the object's OID, and the column's number or zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    /// The OID of the system catalog.
    pub class: u32,
    /// The object's OID.
    pub object: u32,
    /// The column's number, or zero.
    pub sub: i32,
}

macro_rules! kinds {
    ($($module:ident $name:ident $noun:literal,)*) => {
        $(pub mod $module;)*

        /// A kind of object, in the order in which kinds come when nothing else decides.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Kind { $(#[doc = concat!("A ", $noun, ".")] $name,)* }

        /// An object of any kind: what a catalog is made of.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Object { $(#[doc = concat!("A ", $noun, ".")] $name($module::$name),)* }

        impl Kind {
            /// Every kind, in order.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The kind's name in English: `materialized view`.
            pub fn noun(self) -> &'static str {
                match self { $(Self::$name => $noun,)* }
            }

            /// The folder of the kind below `src/kinds`.
            pub fn folder(self) -> &'static str {
                match self { $(Self::$name => stringify!($module),)* }
            }

            /// The query that reads every object of the kind.
            pub fn introspect(self) -> &'static str {
                match self { $(Self::$name => <$module::$name as ObjectKind>::INTROSPECT,)* }
            }

            /// See [`ObjectKind::HAS_INDEX`].
            pub fn has_index(self) -> bool {
                match self { $(Self::$name => <$module::$name as ObjectKind>::HAS_INDEX,)* }
            }

            /// Makes an object of this kind of what a deserializer holds.
            pub fn read<'de, D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Object, D::Error> {
                match self { $(Self::$name => $module::$name::deserialize(deserializer).map(Object::$name),)* }
            }

            /// The names of the attributes, and how each decides equality.
            pub fn attributes(self) -> Vec<(&'static str, Comparison)> {
                match self {
                    $(Self::$name => <$module::$name as ObjectKind>::ATTRIBUTES
                        .iter().map(|attribute| (attribute.name, attribute.comparison)).collect(),)*
                }
            }
        }

        impl Object {
            /// The object's kind.
            pub fn kind(&self) -> Kind {
                match self { $(Self::$name(_) => Kind::$name,)* }
            }

            /// See [`ObjectKind::address`].
            pub fn address(&self, id: &ObjectId) -> String {
                match self { $(Self::$name(model) => model.address(id),)* }
            }

            /// See [`ObjectKind::create`].
            pub fn create(&self, id: &ObjectId, parts: &[Fragment], cx: &Context<'_>) -> Vec<Step> {
                match self { $(Self::$name(model) => model.create(id, parts, cx),)* }
            }

            /// See [`ObjectKind::drop`].
            pub fn drop(&self, id: &ObjectId, cx: &Context<'_>) -> Vec<Step> {
                match self { $(Self::$name(model) => ObjectKind::drop(model, id, cx),)* }
            }

            /// See [`ObjectKind::breaks`].
            pub fn breaks(live: Option<&Self>, desired: Option<&Self>, id: &ObjectId, cx: &Context<'_>) -> Option<String> {
                match live.or(desired)? {
                    $(Self::$name(_) => {
                        fn model(object: Option<&Object>) -> Option<&$module::$name> {
                            match object {
                                Some(Object::$name(model)) => Some(model),
                                _ => None,
                            }
                        }
                        let (live, desired) = (model(live), model(desired));
                        <$module::$name as ObjectKind>::breaks(&Passage { live, desired, id, cx })
                    })*
                }
            }

            /// See [`ObjectKind::hides_rows`].
            pub fn hides_rows(&self) -> bool {
                match self { $(Self::$name(model) => model.hides_rows(),)* }
            }

            /// See [`ObjectKind::arbitrates`].
            pub fn arbitrates(&self) -> Option<&[Ident]> {
                match self { $(Self::$name(model) => model.arbitrates(),)* }
            }

            /// See [`ObjectKind::fold`].
            pub fn fold(&self, id: &ObjectId, parts: &[Fragment], cx: &Context<'_>) -> Option<Fragment> {
                match self { $(Self::$name(model) => model.fold(id, parts, cx),)* }
            }

            /// See [`ObjectKind::SPLITS`].
            pub fn splits(&self) -> bool {
                match self { $(Self::$name(_) => <$module::$name as ObjectKind>::SPLITS,)* }
            }

            /// See [`ObjectKind::complete`].
            pub fn complete(&self, id: &ObjectId, cx: &Context<'_>) -> Vec<Step> {
                match self { $(Self::$name(model) => model.complete(id, cx),)* }
            }

            /// See [`ObjectKind::implied`].
            pub fn implied(&self, id: &ObjectId, cx: &Context<'_>) -> Option<Self> {
                match self { $(Self::$name(model) => model.implied(id, cx).map(Self::$name),)* }
            }

            /// See [`ObjectKind::holds_values`].
            pub fn holds_values(&self) -> bool {
                match self { $(Self::$name(model) => model.holds_values(),)* }
            }

            /// See [`ObjectKind::value_types`].
            pub fn value_types(&self) -> Vec<&str> {
                match self { $(Self::$name(model) => model.value_types(),)* }
            }

            /// See [`ObjectKind::needs_new_parent`].
            pub fn needs_new_parent(live: Option<&Self>, desired: &Self, id: &ObjectId, cx: &Context<'_>) -> bool {
                match desired {
                    $(Self::$name(desired) => {
                        let live = match live {
                            Some(Object::$name(model)) => Some(model),
                            _ => None,
                        };
                        let desired = Some(desired);
                        <$module::$name as ObjectKind>::needs_new_parent(&Passage { live, desired, id, cx })
                    })*
                }
            }

            /// See [`ObjectKind::carried`]. Nothing where the kinds differ.
            pub fn carried(&self, desired: &Self, id: &ObjectId, cx: &Context<'_>) -> Option<String> {
                match (self, desired) {
                    $((Self::$name(live), Self::$name(desired)) => live.carried(desired, id, cx),)*
                    _ => None,
                }
            }

            /// See [`ObjectKind::handed_down`].
            pub fn handed_down(&self) -> Option<HandedDown<'_>> {
                match self { $(Self::$name(model) => model.handed_down(),)* }
            }

            /// See [`ObjectKind::takes_null`].
            pub fn takes_null(&self) -> bool {
                match self { $(Self::$name(model) => model.takes_null(),)* }
            }

            /// See [`ObjectKind::restricts`].
            pub fn restricts(&self) -> Option<&str> {
                match self { $(Self::$name(model) => model.restricts(),)* }
            }

            /// See [`ObjectKind::has_fields`].
            pub fn has_fields(&self) -> bool {
                match self { $(Self::$name(model) => model.has_fields(),)* }
            }

            /// See [`ObjectKind::has_labels`].
            pub fn has_labels(&self) -> bool {
                match self { $(Self::$name(model) => model.has_labels(),)* }
            }

            /// See [`ObjectKind::loses`]. Nothing also where the kinds differ.
            pub fn loses(&self, desired: &Self, id: &ObjectId, cx: &Context<'_>) -> Option<String> {
                match (self, desired) {
                    $((Self::$name(live), Self::$name(desired)) => live.loses(desired, id, cx),)*
                    _ => None,
                }
            }

            /// See [`ObjectKind::holds_rows`].
            pub fn holds_rows(&self) -> bool {
                match self { $(Self::$name(model) => model.holds_rows(),)* }
            }

            /// See [`ObjectKind::declare`].
            pub fn declare(&mut self) {
                match self { $(Self::$name(model) => model.declare(),)* }
            }

            /// See [`ObjectKind::adopt`]. Nothing where the kinds differ.
            pub fn adopt(&mut self, live: &Self) {
                match (self, live) {
                    $((Self::$name(desired), Self::$name(live)) => desired.adopt(live),)*
                    _ => {}
                }
            }

            /// See [`ObjectKind::fill`]. `None` also where the kinds differ.
            pub fn fill(&self, desired: &Self, id: &ObjectId) -> Option<Step> {
                match (self, desired) {
                    $((Self::$name(live), Self::$name(desired)) => live.fill(desired, id),)*
                    _ => None,
                }
            }

            /// See [`ObjectKind::when_dislodged`].
            pub fn when_dislodged(&self, desired: Option<&Self>) -> Follow {
                match self {
                    $(Self::$name(model) => model.when_dislodged(match desired {
                        Some(Self::$name(desired)) => Some(desired),
                        _ => None,
                    }),)*
                }
            }

            /// See [`ObjectKind::when_detached`].
            pub fn when_detached(&self) -> Follow {
                match self { $(Self::$name(model) => model.when_detached(),)* }
            }

            /// See [`ObjectKind::repoint`]. `None` also where the kinds differ.
            pub fn repoint(&self, desired: &Self, id: &ObjectId, replaced: &ObjectId, cx: &Context<'_>) -> Option<Vec<Step>> {
                match (self, desired) {
                    $((Self::$name(live), Self::$name(desired)) => live.repoint(desired, id, replaced, cx),)*
                    _ => None,
                }
            }

            /// See [`ObjectKind::makes_cast`].
            pub fn makes_cast(&self, id: &ObjectId, cx: &Context<'_>) -> bool {
                match self { $(Self::$name(model) => model.makes_cast(id, cx),)* }
            }

            /// See [`ObjectKind::aside`]. `None` also where the kinds differ.
            pub fn aside(&self, desired: &Self, id: &ObjectId, cx: &Context<'_>) -> Option<Aside> {
                match (self, desired) {
                    $((Self::$name(live), Self::$name(desired)) => live.aside(desired, id, cx),)*
                    _ => None,
                }
            }

            /// See [`ObjectKind::outlive`]. `None` also where the kinds differ.
            pub fn outlive(&self, desired: &Self, id: &ObjectId, cx: &Context<'_>) -> Option<Vec<Step>> {
                match (self, desired) {
                    $((Self::$name(live), Self::$name(desired)) => live.outlive(desired, id, cx),)*
                    _ => None,
                }
            }

            /// See [`ObjectKind::make_way`].
            pub fn make_way(&self, id: &ObjectId, cx: &Context<'_>) -> Vec<Step> {
                match self { $(Self::$name(model) => model.make_way(id, cx),)* }
            }

            /// See [`ObjectKind::counter`].
            pub fn counter(&self, id: &ObjectId) -> Option<Counter> {
                match self { $(Self::$name(model) => model.counter(id),)* }
            }

            /// The object that this one goes with and can't be there before.
            pub fn needs_to_go_with(&self) -> Option<&ObjectId> {
                match self {
                    $(Self::$name(model) => model.goes_with()
                        .filter(|_| <$module::$name as ObjectKind>::NEEDS_WHAT_IT_GOES_WITH),)*
                }
            }

            /// See [`ObjectKind::goes_with`].
            pub fn goes_with(&self) -> Option<&ObjectId> {
                match self { $(Self::$name(model) => model.goes_with(),)* }
            }

            /// See [`ObjectKind::inherited_from`].
            pub fn inherited_from(&self) -> Option<&ObjectId> {
                match self { $(Self::$name(model) => model.inherited_from(),)* }
            }

            /// See [`ObjectKind::wholes`].
            pub fn wholes(&self) -> Vec<&ObjectId> {
                match self { $(Self::$name(model) => model.wholes(),)* }
            }

            /// See [`ObjectKind::LEAVES`].
            pub fn leaves(&self) -> bool {
                match self { $(Self::$name(_) => <$module::$name as ObjectKind>::LEAVES,)* }
            }

            /// See [`ObjectKind::holds_whole`].
            pub fn holds_whole(&self, id: &ObjectId) -> bool {
                match self { $(Self::$name(model) => model.holds_whole(id),)* }
            }

            /// See [`ObjectKind::reattach`]. Empty also where the kinds differ.
            pub fn reattach(&self, desired: &Self, id: &ObjectId, cx: &Context<'_>) -> Vec<Step> {
                match (self, desired) {
                    $((Self::$name(live), Self::$name(desired)) => live.reattach(desired, id, cx),)*
                    _ => Vec::new(),
                }
            }

            /// See [`ObjectKind::takes_along`].
            pub fn takes_along(&self) -> Vec<&str> {
                match self { $(Self::$name(model) => model.takes_along(),)* }
            }

            /// See [`ObjectKind::DROP_IS_SHOWN`].
            pub fn drop_is_shown(&self) -> bool {
                match self { $(Self::$name(_) => <$module::$name as ObjectKind>::DROP_IS_SHOWN,)* }
            }

            /// See [`ObjectKind::claims`].
            pub fn claims(&self, id: &ObjectId) -> Vec<Claim> {
                match self { $(Self::$name(model) => model.claims(id),)* }
            }

            /// See [`ObjectKind::adds_to`].
            pub fn adds_to(
                &self, id: &ObjectId, created: &ObjectId, model: &Object, role: &Ident,
            ) -> Option<(ObjectId, Object)> {
                match self { $(Self::$name(rule) => rule.adds_to(id, created, model, role),)* }
            }

            /// See [`ObjectKind::goes_without_saying`].
            pub fn goes_without_saying(&self, role: &Ident) -> bool {
                match self { $(Self::$name(model) => model.goes_without_saying(role),)* }
            }

            /// See [`ObjectKind::roles`].
            pub fn roles<'a>(&'a self, id: &'a ObjectId) -> Vec<&'a Ident> {
                match self { $(Self::$name(model) => model.roles(id),)* }
            }

            /// See [`ObjectKind::RULES_THE_FUTURE`].
            pub fn rules_the_future(&self) -> bool {
                match self { $(Self::$name(_) => <$module::$name as ObjectKind>::RULES_THE_FUTURE,)* }
            }

            /// See [`ObjectKind::privilege_class`].
            pub fn privilege_class(&self) -> Option<&'static str> {
                match self { $(Self::$name(model) => model.privilege_class(),)* }
            }

            /// See [`ObjectKind::unfinished`].
            pub fn unfinished(&self, id: &ObjectId) -> Option<Unfinished> {
                match self { $(Self::$name(model) => model.unfinished(id),)* }
            }

            /// See [`ObjectKind::ADDED_BY`].
            pub fn added_by(&self) -> &'static [&'static str] {
                match self { $(Self::$name(_) => <$module::$name as ObjectKind>::ADDED_BY,)* }
            }

            /// See [`ObjectKind::before_event_triggers`].
            pub fn before_event_triggers(&self, bodies: &str) -> Vec<Self> {
                match self {
                    $(Self::$name(model) => {
                        model.before_event_triggers(bodies).into_iter().map(Self::$name).collect()
                    })*
                }
            }

            /// See [`ObjectKind::index_name`].
            pub fn index_name(&self, id: &ObjectId) -> Option<String> {
                match self { $(Self::$name(model) => model.index_name(id),)* }
            }

            /// See [`ObjectKind::turn`].
            pub fn turn(&self) -> i32 {
                match self { $(Self::$name(model) => model.turn(),)* }
            }

            /// See [`ObjectKind::row_key`].
            pub fn row_key(&self) -> Option<&[Ident]> {
                match self { $(Self::$name(model) => model.row_key(),)* }
            }

            /// See [`ObjectKind::copied_columns`].
            pub fn copied_columns(&self) -> Option<&[Ident]> {
                match self { $(Self::$name(model) => model.copied_columns(),)* }
            }

            /// See [`ObjectKind::is_partitioned`].
            pub fn is_partitioned(&self) -> bool {
                match self { $(Self::$name(model) => model.is_partitioned(),)* }
            }

            /// See [`ObjectKind::string_body`].
            pub fn string_body(&self) -> Option<&str> {
                match self { $(Self::$name(model) => model.string_body(),)* }
            }

            /// See [`ObjectKind::when_accessed`].
            pub fn when_accessed(&self, id: &ObjectId, access: &Access) -> Option<Answer> {
                match self { $(Self::$name(model) => model.when_accessed(id, access),)* }
            }

            /// See [`ObjectKind::passed_on`].
            pub fn passed_on(&self, other: &ObjectId, access: &Access) -> Vec<Access> {
                match self { $(Self::$name(model) => model.passed_on(other, access),)* }
            }

            /// See [`ObjectKind::RUNS_FUNCTIONS`].
            pub fn runs_functions(&self) -> bool {
                match self { $(Self::$name(_) => <$module::$name as ObjectKind>::RUNS_FUNCTIONS,)* }
            }

            /// See [`ObjectKind::rename`].
            pub fn rename(&self, id: &ObjectId, new: &ObjectId) -> Option<Step> {
                match self { $(Self::$name(model) => model.rename(id, new),)* }
            }

            /// See [`ObjectKind::part_names`].
            pub fn part_names(&self) -> Vec<&str> {
                match self { $(Self::$name(model) => model.part_names(),)* }
            }

            /// See [`ObjectKind::rename_part`].
            pub fn rename_part(&self, id: &ObjectId, from: &str, to: &str) -> Option<Step> {
                match self { $(Self::$name(model) => model.rename_part(id, from, to),)* }
            }

            /// See [`ObjectKind::rename_along`]. Empty also where the kinds differ.
            pub fn rename_along(&self, desired: &Self, id: &ObjectId) -> Vec<Step> {
                match (self, desired) {
                    $((Self::$name(live), Self::$name(desired)) => live.rename_along(desired, id),)*
                    _ => Vec::new(),
                }
            }

            /// See [`ObjectKind::is_namesake`]. Never where the kinds differ.
            pub fn is_namesake(&self, id: &ObjectId, other: &Self, other_id: &ObjectId) -> bool {
                match (self, other) {
                    $((Self::$name(a), Self::$name(b)) => a.is_namesake(id, b, other_id),)*
                    _ => false,
                }
            }

            /// See [`ObjectKind::resembles`]. Never where the kinds differ.
            pub fn resembles(&self, created: &Self) -> bool {
                match (self, created) {
                    $((Self::$name(dropped), Self::$name(created)) => dropped.resembles(created),)*
                    _ => false,
                }
            }

            /// What the differences to `desired` mean; empty where the two are equal.
            ///
            /// # Panics
            /// If the two are of different kinds: an id names one kind.
            pub fn compare(&self, desired: &Self, id: &ObjectId, cx: &Context<'_>) -> Vec<(Difference, Reaction)> {
                match (self, desired) {
                    $((Self::$name(live), Self::$name(desired)) => contract_compare(live, desired, id, cx),)*
                    _ => panic!("`{id}` is of one kind in both catalogs"),
                }
            }

            /// The names of the attributes in which the two differ.
            pub fn differences(&self, other: &Self) -> Vec<&'static str> {
                match (self, other) {
                    $((Self::$name(a), Self::$name(b)) => <$module::$name as ObjectKind>::ATTRIBUTES
                        .iter().filter(|attribute| attribute.decides() && !(attribute.same)(a, b))
                        .map(|attribute| attribute.name).collect(),)*
                    _ => vec!["kind"],
                }
            }
        }
    };
}

kinds! {
    schema Schema "schema",
    extension Extension "extension",
    enumeration Enumeration "enum",
    domain Domain "domain",
    domain_constraint DomainConstraint "domain constraint",
    composite Composite "composite type",
    sequence Sequence "sequence",
    function Function "function",
    table Table "table",
    column Column "column",
    default Default "default",
    constraint Constraint "constraint",
    index Index "index",
    view View "view",
    materialized_view MaterializedView "materialized view",
    trigger Trigger "trigger",
    policy Policy "policy",
    owner Owner "owner",
    grant Grant "grant",
    default_privilege DefaultPrivilege "default privilege",
    comment Comment "comment",
}

fn contract_compare<K: ObjectKind>(
    live: &K,
    desired: &K,
    id: &ObjectId,
    cx: &Context<'_>,
) -> Vec<(Difference, Reaction)> {
    let change = Change {
        live,
        desired,
        id,
        cx,
    };
    K::ATTRIBUTES
        .iter()
        .filter(|attribute| attribute.decides() && !(attribute.same)(live, desired))
        .map(|attribute| {
            let difference = Difference {
                label: attribute.label,
                values: (attribute.show)(live)
                    .zip((attribute.show)(desired))
                    .filter(|(from, to)| from != to),
            };
            (difference, (attribute.on_change)(&change))
        })
        .collect()
}
