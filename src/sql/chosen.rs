//! The names that PostgreSQL chooses by itself (`makeObjectName` and `ChooseIndexName` in its source).

use super::Ident;

/// The longest identifier, in bytes: `NAMEDATALEN` less the terminator.
const LONGEST: usize = 63;

/// `table_columns_label`, shortened as PostgreSQL shortens it: the longer of the first two parts gives way.
pub fn chosen_name(table: &str, columns: &[Ident], label: &str) -> Ident {
    let mut addition = String::new();
    for column in columns {
        if addition.len() >= LONGEST {
            break;
        }
        if !addition.is_empty() {
            addition.push('_');
        }
        addition.push_str(column.as_str());
    }
    let overhead = label.len() + 1 + usize::from(!addition.is_empty());
    let (mut first, mut second) = (table.len(), addition.len());
    while first + second + overhead > LONGEST {
        if first > second {
            first -= 1;
        } else {
            second -= 1;
        }
    }
    let mut name = clip(table, first).to_string();
    if !addition.is_empty() {
        name.push('_');
        name.push_str(clip(&addition, second));
    }
    Ident::new(format!("{name}_{label}"))
}

/// The name of an object's old self, which stands aside until it is dropped.
pub fn aside_name(name: &Ident) -> Ident {
    const MARK: &str = "__forge_old";
    Ident::new(format!(
        "{}{MARK}",
        clip(name.as_str(), LONGEST - MARK.len())
    ))
}

/// The longest beginning of at most so many bytes that ends with a whole character.
fn clip(text: &str, bytes: usize) -> &str {
    let mut end = bytes.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices() {
        fn check(table: &str, columns: &[&str], label: &str, name: &str) {
            let columns: Vec<Ident> = columns.iter().map(|&column| column.into()).collect();
            assert_eq!(chosen_name(table, &columns, label).as_str(), name);
        }
        check("orders", &["placed_at"], "idx", "orders_placed_at_idx");
        check("orders", &["a", "b"], "key", "orders_a_b_key");
        check("orders", &[], "pkey", "orders_pkey");
        check(
            &"t".repeat(60),
            &["c"],
            "idx",
            &format!("{}_c_idx", "t".repeat(57)),
        );
    }
}
