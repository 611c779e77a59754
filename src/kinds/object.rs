//! An object of any kind.

use std::any::Any;

use serde::{Deserialize, Serialize};

#[cfg(doc)]
use super::{Additions, Contents, Renaming, Replacement, Survival};
use super::{
    Answer, Aside, Change, Claim, Comparison, Context, Counter, Difference, Facts, Follow,
    Fragment, Kind, Model, ObjectId, ObjectKind, Passage, Profile, Reaction, Step, Unfinished,
    kind::each_kind,
};
use crate::{source::Access, sql::Ident};

macro_rules! objects {
    ($($module:ident $name:ident $noun:literal,)*) => {
        use super::{$($module,)*};

        /// An object of any kind: what a catalog is made of.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Object { $(#[doc = concat!("A ", $noun, ".")] $name($module::$name),)* }

        impl Object {
            /// The object, as kinds see each other's.
            pub fn model(&self) -> &dyn Model {
                match self { $(Self::$name(model) => model,)* }
            }

            /// See [`ObjectKind::facts`].
            pub fn facts(&self) -> Facts<'_> {
                match self { $(Self::$name(model) => ObjectKind::facts(model),)* }
            }

            /// An object of this kind.
            fn of(kind: Kind, model: Box<dyn Model>) -> Self {
                let model: Box<dyn Any> = model;
                match kind {
                    $(Kind::$name => Self::$name(*model.downcast().expect("the id names the model's kind")),)*
                }
            }

            /// What holds for every object of its kind.
            pub fn profile(&self) -> Profile {
                self.kind().profile()
            }

            /// The object's kind.
            pub fn kind(&self) -> Kind {
                match self { $(Self::$name(_) => Kind::$name,)* }
            }

            /// See [`ObjectKind::address`].
            pub fn address(&self, id: &ObjectId) -> String {
                match self { $(Self::$name(model) => ObjectKind::address(model, id),)* }
            }

            /// See [`ObjectKind::create`].
            pub fn create(&self, id: &ObjectId, parts: &[Fragment], cx: &Context<'_>) -> Vec<Step> {
                match self { $(Self::$name(model) => ObjectKind::create(model, id, parts, cx),)* }
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

            /// See [`ObjectKind::fold`].
            pub fn fold(&self, id: &ObjectId, parts: &[Fragment], cx: &Context<'_>) -> Option<Fragment> {
                match self { $(Self::$name(model) => ObjectKind::fold(model, id, parts, cx),)* }
            }

            /// See [`ObjectKind::complete`].
            pub fn complete(&self, id: &ObjectId, cx: &Context<'_>) -> Vec<Step> {
                match self { $(Self::$name(model) => ObjectKind::complete(model, id, cx),)* }
            }

            /// See [`ObjectKind::implied`].
            pub fn implied(&self, id: &ObjectId, cx: &Context<'_>) -> Option<Self> {
                match self { $(Self::$name(model) => ObjectKind::implied(model, id, cx).map(Self::$name),)* }
            }

            /// See [`Replacement::needs_new_parent`].
            pub fn needs_new_parent(live: Option<&Self>, desired: &Self, id: &ObjectId, cx: &Context<'_>) -> bool {
                match desired {
                    $(Self::$name(desired) => {
                        let live = match live {
                            Some(Object::$name(model)) => Some(model),
                            _ => None,
                        };
                        let desired = Some(desired);
                        (<$module::$name as ObjectKind>::REPLACEMENT.needs_new_parent)(&Passage { live, desired, id, cx })
                    })*
                }
            }

            /// See [`Replacement::carried`]. Nothing where the kinds differ.
            pub fn carried(&self, desired: &Self, id: &ObjectId, cx: &Context<'_>) -> Option<String> {
                match (self, desired) {
                    $((Self::$name(live), Self::$name(desired)) => (<$module::$name as ObjectKind>::REPLACEMENT.carried)(live, desired, id, cx),)*
                    _ => None,
                }
            }

            /// See [`Replacement::loses`]. Nothing also where the kinds differ.
            pub fn loses(&self, desired: &Self, id: &ObjectId, cx: &Context<'_>) -> Option<String> {
                match (self, desired) {
                    $((Self::$name(live), Self::$name(desired)) => (<$module::$name as ObjectKind>::REPLACEMENT.loses)(live, desired, id, cx),)*
                    _ => None,
                }
            }

            /// See [`Contents::declare`].
            pub fn declare(&mut self) {
                match self { $(Self::$name(model) => (<$module::$name as ObjectKind>::CONTENTS.declare)(model),)* }
            }

            /// See [`Contents::adopt`]. Nothing where the kinds differ.
            pub fn adopt(&mut self, live: &Self) {
                match (self, live) {
                    $((Self::$name(desired), Self::$name(live)) => (<$module::$name as ObjectKind>::CONTENTS.adopt)(desired, live),)*
                    _ => {}
                }
            }

            /// See [`Contents::fill`]. `None` also where the kinds differ.
            pub fn fill(&self, desired: &Self, id: &ObjectId) -> Option<Step> {
                match (self, desired) {
                    $((Self::$name(live), Self::$name(desired)) => (<$module::$name as ObjectKind>::CONTENTS.fill)(live, desired, id),)*
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

            /// See [`Replacement::repoint`]. `None` also where the kinds differ.
            pub fn repoint(&self, desired: &Self, id: &ObjectId, replaced: &ObjectId, cx: &Context<'_>) -> Option<Vec<Step>> {
                match (self, desired) {
                    $((Self::$name(live), Self::$name(desired)) => (<$module::$name as ObjectKind>::REPLACEMENT.repoint)(live, desired, id, replaced, cx),)*
                    _ => None,
                }
            }

            /// See [`Replacement::makes_cast`].
            pub fn makes_cast(&self, id: &ObjectId, cx: &Context<'_>) -> bool {
                match self { $(Self::$name(model) => (<$module::$name as ObjectKind>::REPLACEMENT.makes_cast)(model, id, cx),)* }
            }

            /// See [`Replacement::aside`]. `None` also where the kinds differ.
            pub fn aside(&self, desired: &Self, id: &ObjectId, cx: &Context<'_>) -> Option<Aside> {
                match (self, desired) {
                    $((Self::$name(live), Self::$name(desired)) => (<$module::$name as ObjectKind>::REPLACEMENT.aside)(live, desired, id, cx),)*
                    _ => None,
                }
            }

            /// See [`Survival::outlive`]. `None` also where the kinds differ.
            pub fn outlive(&self, desired: &Self, id: &ObjectId, cx: &Context<'_>) -> Option<Vec<Step>> {
                match (self, desired) {
                    $((Self::$name(live), Self::$name(desired)) => (<$module::$name as ObjectKind>::SURVIVAL.outlive)(live, desired, id, cx),)*
                    _ => None,
                }
            }

            /// See [`Replacement::make_way`].
            pub fn make_way(&self, id: &ObjectId, cx: &Context<'_>) -> Vec<Step> {
                match self { $(Self::$name(model) => match <$module::$name as ObjectKind>::REPLACEMENT.make_way {
                        Some(make_way) => make_way(model, id, cx),
                        None => ObjectKind::drop(model, id, cx),
                    },)* }
            }

            /// See [`ObjectKind::counter`].
            pub fn counter(&self, id: &ObjectId) -> Option<Counter> {
                match self { $(Self::$name(model) => ObjectKind::counter(model, id),)* }
            }

            /// The object that this one goes with and can't be there before.
            pub fn needs_to_go_with(&self) -> Option<&ObjectId> {
                self.facts().goes_with.filter(|_| self.profile().needs_what_it_goes_with)
            }

            /// See [`Survival::reattach`]. Empty also where the kinds differ.
            pub fn reattach(&self, desired: &Self, id: &ObjectId, cx: &Context<'_>) -> Vec<Step> {
                match (self, desired) {
                    $((Self::$name(live), Self::$name(desired)) => (<$module::$name as ObjectKind>::SURVIVAL.reattach)(live, desired, id, cx),)*
                    _ => Vec::new(),
                }
            }

            /// See [`ObjectKind::claims`].
            pub fn claims(&self, id: &ObjectId) -> Vec<Claim> {
                match self { $(Self::$name(model) => ObjectKind::claims(model, id),)* }
            }

            /// See [`Additions::adds_to`].
            pub fn adds_to(&self, id: &ObjectId, created: &ObjectId, model: &Object, role: &Ident) -> Option<(ObjectId, Object)> {
                let class = model.facts().privilege_class;
                let (id, added) = match self {
                    $(Self::$name(rule) => (<$module::$name as ObjectKind>::ADDITIONS.adds_to)(rule, id, created, class, role),)*
                }?;
                let added = Self::of(id.kind, added);
                Some((id, added))
            }

            /// See [`Additions::is_implied`].
            pub fn is_implied(&self, role: &Ident) -> bool {
                match self { $(Self::$name(model) => (<$module::$name as ObjectKind>::ADDITIONS.is_implied)(model, role),)* }
            }

            /// See [`ObjectKind::roles`].
            pub fn roles<'a>(&'a self, id: &'a ObjectId) -> Vec<&'a Ident> {
                match self { $(Self::$name(model) => ObjectKind::roles(model, id),)* }
            }

            /// See [`ObjectKind::unfinished`].
            pub fn unfinished(&self, id: &ObjectId) -> Option<Unfinished> {
                match self { $(Self::$name(model) => ObjectKind::unfinished(model, id),)* }
            }

            /// See [`Additions::before_event_triggers`].
            pub fn before_event_triggers(&self, bodies: &str) -> Vec<Self> {
                match self {
                    $(Self::$name(model) => {
                        (<$module::$name as ObjectKind>::ADDITIONS.before_event_triggers)(model, bodies).into_iter().map(Self::$name).collect()
                    })*
                }
            }

            /// See [`ObjectKind::when_accessed`].
            pub fn when_accessed(&self, id: &ObjectId, access: &Access) -> Option<Answer> {
                match self { $(Self::$name(model) => ObjectKind::when_accessed(model, id, access),)* }
            }

            /// See [`ObjectKind::passed_on`].
            pub fn passed_on(&self, other: &ObjectId, access: &Access) -> Vec<Access> {
                match self { $(Self::$name(model) => ObjectKind::passed_on(model, other, access),)* }
            }

            /// See [`Renaming::rename`].
            pub fn rename(&self, id: &ObjectId, new: &ObjectId) -> Option<Step> {
                match self { $(Self::$name(model) => (<$module::$name as ObjectKind>::RENAMING.rename)(model, id, new),)* }
            }

            /// See [`Renaming::part_names`].
            pub fn part_names(&self) -> Vec<&str> {
                match self { $(Self::$name(model) => (<$module::$name as ObjectKind>::RENAMING.part_names)(model),)* }
            }

            /// See [`Renaming::rename_part`].
            pub fn rename_part(&self, id: &ObjectId, from: &str, to: &str) -> Option<Step> {
                match self { $(Self::$name(model) => (<$module::$name as ObjectKind>::RENAMING.rename_part)(model, id, from, to),)* }
            }

            /// See [`Renaming::rename_along`]. Empty also where the kinds differ.
            pub fn rename_along(&self, desired: &Self, id: &ObjectId) -> Vec<Step> {
                match (self, desired) {
                    $((Self::$name(live), Self::$name(desired)) => (<$module::$name as ObjectKind>::RENAMING.rename_along)(live, desired, id),)*
                    _ => Vec::new(),
                }
            }

            /// See [`Renaming::is_namesake`]. Never where the kinds differ.
            pub fn is_namesake(&self, id: &ObjectId, other: &Self, other_id: &ObjectId) -> bool {
                match (self, other) {
                    $((Self::$name(a), Self::$name(b)) => match <$module::$name as ObjectKind>::RENAMING.is_namesake {
                        Some(is_namesake) => is_namesake(a, id, b, other_id),
                        None => agree(a, b),
                    },)*
                    _ => false,
                }
            }

            /// See [`Renaming::resembles`]. Never where the kinds differ.
            pub fn resembles(&self, created: &Self) -> bool {
                match (self, created) {
                    $((Self::$name(dropped), Self::$name(created)) => (<$module::$name as ObjectKind>::RENAMING.resembles)(dropped, created),)*
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

        impl Kind {
            /// What holds for every object of the kind.
            pub fn profile(self) -> Profile {
                match self { $(Self::$name => <$module::$name as ObjectKind>::PROFILE,)* }
            }

            /// The query that reads every object of the kind.
            pub fn introspect(self) -> &'static str {
                match self { $(Self::$name => <$module::$name as ObjectKind>::INTROSPECT,)* }
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
    };
}

each_kind!(objects);

/// Whether the two agree in every attribute that decides.
fn agree<K: ObjectKind>(one: &K, other: &K) -> bool {
    K::ATTRIBUTES
        .iter()
        .all(|attribute| !attribute.decides() || (attribute.same)(one, other))
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
