//! How two states of a database differ, for people.

use std::fmt::Write as _;

use super::Context;
use crate::{
    drift::Group,
    report::{Role, difference},
};

/// An object in two states, with its definition in both; `before` and `after` name the states.
pub(super) fn section(
    context: &Context<'_>,
    group: &Group,
    before_name: &str,
    after_name: &str,
) -> String {
    let paint = context.reporter.data_paint();
    let mut text = String::new();
    let mut line = |line: String| writeln!(text, "{line}").expect("writing to a String can't fail");
    for difference in &group.differences {
        let head = format!("{} {}", difference.object, difference.change.as_str());
        line(paint.text(Role::Strong, head).to_string());
        for attribute in &difference.attributes {
            let (before, after) = (&attribute.before, &attribute.after);
            if !before.contains('\n') && !after.contains('\n') {
                line(format!("  {}: {before} → {after}", attribute.name));
            }
        }
    }
    if group.before.is_some() || group.after.is_some() {
        text += &difference::unified(
            &difference::Sides {
                before_name,
                before: group.before.as_deref().unwrap_or_default(),
                after_name,
                after: group.after.as_deref().unwrap_or_default(),
            },
            paint,
        );
    }
    text.push('\n');
    text
}
