//! Files need each other one way.

use std::collections::{BTreeMap, BTreeSet};

use syn::{Attribute, Item, Path, UseTree, visit::Visit};

use crate::sources::{files, text};

/// Where something stands in the crate: `connection`, `session`, `Session`.
type Place = Vec<String>;

/// A module of the crate, which is a file.
#[derive(Default)]
struct Module {
    file: String,
    place: Place,
    /// The names of what stands in it.
    items: BTreeSet<String>,
    /// The modules inside it.
    modules: BTreeSet<String>,
    /// The names that it hands on, with where they lead.
    hands_on: BTreeMap<String, Place>,
    /// What it names of the crate, as it is written.
    named: Vec<Place>,
}

/// A circle of files can't be read, moved or understood piece by piece. What the files of a folder share stands in a file of its
/// own, and the folder's `mod.rs` only hands names on.
#[test]
fn files_need_each_other_one_way() {
    let modules: BTreeMap<Place, Module> = files("src", "rs")
        .into_iter()
        .filter(|file| file != "src/main.rs")
        .map(|file| {
            let module = Module::read(&file);
            (module.place.clone(), module)
        })
        .collect();
    let needs: BTreeMap<&str, BTreeSet<&str>> = modules
        .values()
        .map(|module| {
            let named = module.named.iter();
            let files = named.filter_map(|place| file_of(place, &modules));
            let others = files.filter(|file| *file != module.file);
            (module.file.as_str(), others.collect())
        })
        .collect();
    let circles: Vec<String> = needs
        .keys()
        .filter(|file| reached(file, &needs).contains(**file))
        .map(|file| {
            let back = |other: &&&str| reached(other, &needs).contains(*file);
            let others: Vec<&str> = needs[file].iter().filter(back).copied().collect();
            format!("{file} needs {}", others.join(", "))
        })
        .collect();
    assert!(
        needs.len() > 300 && needs.values().map(BTreeSet::len).sum::<usize>() > 1000,
        "the files are found, and what they need"
    );
    assert!(
        circles.is_empty(),
        "these files need each other in circles:\n{}",
        circles.join("\n")
    );
}

/// What a file needs, directly or not.
fn reached<'a>(file: &str, needs: &BTreeMap<&'a str, BTreeSet<&'a str>>) -> BTreeSet<&'a str> {
    let mut found = BTreeSet::new();
    let mut waiting: Vec<&str> = needs[file].iter().copied().collect();
    while let Some(next) = waiting.pop() {
        if found.insert(next) {
            waiting.extend(needs[next].iter().copied());
        }
    }
    found
}

/// The file in which something stands, whoever hands its name on.
fn file_of<'a>(place: &[String], modules: &'a BTreeMap<Place, Module>) -> Option<&'a str> {
    let inside = (0..=place.len())
        .rev()
        .find(|length| modules.contains_key(&place[..*length]))?;
    let module = &modules[&place[..inside]];
    let Some(name) = place.get(inside) else {
        return Some(&module.file);
    };
    match module.hands_on.get(name) {
        Some(further) if !module.items.contains(name) => {
            let further: Place = further
                .iter()
                .chain(&place[inside + 1..])
                .cloned()
                .collect();
            file_of(&further, modules)
        }
        _ => Some(&module.file),
    }
}

impl Module {
    fn read(file: &str) -> Self {
        let below = file.trim_start_matches("src/").trim_end_matches(".rs");
        let mut place: Place = below.split('/').map(ToOwned::to_owned).collect();
        place.pop_if(|last| last == "mod" || last == "lib");
        let mut module = Self {
            file: file.to_owned(),
            place,
            ..Self::default()
        };
        let parsed = syn::parse_file(&text(file))
            .unwrap_or_else(|error| panic!("{file} is not Rust: {error}"));
        let items = parsed.items.into_iter();
        let items: Vec<Item> = items.filter(|item| !is_of_tests(item)).collect();
        for item in &items {
            if let Item::Mod(inner) = item
                && inner.content.is_none()
            {
                module.modules.insert(inner.ident.to_string());
            } else {
                module.items.extend(name_of(item));
            }
        }
        for item in &items {
            module.visit_item(item);
        }
        module
    }

    /// Where a path of this file leads, if that is in the crate.
    fn resolved(&self, path: &[String]) -> Option<Place> {
        let (first, rest) = path.split_first()?;
        let mut place = match first.as_str() {
            "crate" => Place::new(),
            "self" => self.place.clone(),
            "super" => self.place[..self.place.len().checked_sub(1)?].to_vec(),
            own if self.modules.contains(own) => [&self.place[..], &[own.to_owned()]].concat(),
            _ => return None,
        };
        for part in rest {
            if part == "super" {
                place.pop();
            } else if part != "self" {
                place.push(part.clone());
            }
        }
        Some(place)
    }

    fn names(&mut self, path: &[String]) {
        self.named.extend(self.resolved(path));
    }

    /// Takes note of the paths of a `use`, and of the names that it hands on.
    fn uses(&mut self, tree: &UseTree, before: &[String], is_public: bool) {
        let with = |name: &syn::Ident| [before, &[name.to_string()]].concat();
        match tree {
            UseTree::Path(path) => self.uses(&path.tree, &with(&path.ident), is_public),
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.uses(tree, before, is_public);
                }
            }
            UseTree::Name(name) => self.takes(&with(&name.ident), None, is_public),
            UseTree::Rename(rename) => {
                self.takes(&with(&rename.ident), Some(&rename.rename), is_public);
            }
            UseTree::Glob(_) => self.names(before),
        }
    }

    fn takes(&mut self, path: &[String], rename: Option<&syn::Ident>, is_public: bool) {
        let Some(place) = self.resolved(path) else {
            return;
        };
        let name = rename.map_or_else(
            || path.iter().rfind(|part| *part != "self").cloned(),
            |name| Some(name.to_string()),
        );
        // Also a private one: a child may take it from its parent.
        if let Some(name) = name {
            self.hands_on.insert(name, place.clone());
        }
        // What is only handed on isn't needed.
        if !is_public {
            self.named.push(place);
        }
    }
}

impl Visit<'_> for Module {
    fn visit_item(&mut self, item: &Item) {
        if !is_of_tests(item) {
            syn::visit::visit_item(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &syn::ItemUse) {
        let is_public = !matches!(item.vis, syn::Visibility::Inherited);
        self.uses(&item.tree, &[], is_public);
    }

    fn visit_path(&mut self, path: &Path) {
        let parts: Vec<String> = path
            .segments
            .iter()
            .map(|it| it.ident.to_string())
            .collect();
        if parts.len() > 1 {
            self.names(&parts);
        }
        syn::visit::visit_path(self, path);
    }
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "tests are written as these items"
)]
fn is_of_tests(item: &Item) -> bool {
    let attributes: &[Attribute] = match item {
        Item::Mod(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => return false,
    };
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute
                .parse_args::<syn::Ident>()
                .is_ok_and(|condition| condition == "test")
    })
}

/// The name of what an item declares.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "syn may add items, which declare no name"
)]
fn name_of(item: &Item) -> Option<String> {
    let name = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Macro(item) => item.ident.as_ref()?,
        Item::Mod(item) => &item.ident,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::Type(item) => &item.ident,
        _ => return None,
    };
    Some(name.to_string())
}
