//! Percent-encoding of what stands in a connection URL.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What is encoded in a name. A star has no meaning in a URL: `***` stands for what is not shown.
const NAME: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'*');

/// What is encoded in a value that no path follows: a list of hosts, a folder.
const LIST: &AsciiSet = &NAME.remove(b'/').remove(b',').remove(b':');

/// Encodes everything in a name that has a meaning in a URL.
pub(super) fn encoded_name(name: &str) -> String {
    utf8_percent_encode(name, NAME).to_string()
}

/// The same of a parameter's value, in which `/`, `,` and `:` have none.
pub(super) fn encoded_value(value: &str) -> String {
    utf8_percent_encode(value, LIST).to_string()
}

/// The text that was encoded. As in libpq, and other than in the crate, a `%` that two digits do not follow is an error, and so
/// is a zero byte.
pub(super) fn decoded(text: &str) -> Option<String> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
            let value = digit(bytes.next())? * 16 + digit(bytes.next())?;
            decoded.push(u8::try_from(value).ok().filter(|&byte| byte != 0)?);
        } else {
            decoded.push(byte);
        }
    }
    String::from_utf8(decoded).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encoding_and_decoding_agree() {
        fn check(text: &str, name: &str, value: &str) {
            assert_eq!(encoded_name(text), name);
            assert_eq!(encoded_value(text), value);
            for encoded in [name, value] {
                assert_eq!(decoded(encoded).as_deref(), Some(text));
            }
        }
        check("shop_1-2.3~4", "shop_1-2.3~4", "shop_1-2.3~4");
        check("a b/c@d,e", "a%20b%2Fc%40d%2Ce", "a%20b/c%40d,e");
        check("größe***", "gr%C3%B6%C3%9Fe***", "gr%C3%B6%C3%9Fe***");
    }

    #[test]
    fn what_is_not_encoded_text() {
        for text in ["%", "%4", "%4x", "%00", "%ff"] {
            assert_eq!(decoded(text), None, "{text}");
        }
    }
}
