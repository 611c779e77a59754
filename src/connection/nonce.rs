//! Values that nobody can guess.

use std::fmt::Write as _;

use rustls::crypto::ring;

/// A value that nobody can guess.
pub(crate) fn nonce() -> String {
    let mut bytes = [0; 16];
    ring::default_provider()
        .secure_random
        .fill(&mut bytes)
        .expect("the system has randomness");
    bytes.iter().fold(String::new(), |mut nonce, byte| {
        write!(nonce, "{byte:02x}").expect("writing to a String can't fail");
        nonce
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nonces_differ() {
        assert_ne!(nonce(), nonce());
        assert_eq!(nonce().len(), 32);
    }
}
