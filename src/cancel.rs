//! The user's wish to stop, and how urgent it is.

use std::sync::Arc;

use tokio::sync::watch;

/// How urgently the user wants to stop: each further signal is more urgent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Urgency {
    /// Not at all.
    #[default]
    None,
    /// After the running step.
    Soon,
    /// In the middle of the running statement.
    Now,
    /// Without waiting for anything.
    AtOnce,
}

/// A token that tells every part of a command when the user wants to stop. Clones share it.
#[derive(Debug, Clone)]
pub struct Cancel(Arc<watch::Sender<Urgency>>);

impl Cancel {
    /// A token that nobody has asked to stop yet.
    pub fn new() -> Self {
        Self(Arc::new(watch::Sender::new(Urgency::None)))
    }

    /// Asks to stop, more urgently than before.
    pub fn escalate(&self) -> Urgency {
        self.0.send_modify(|urgency| {
            *urgency = match *urgency {
                Urgency::None => Urgency::Soon,
                Urgency::Soon => Urgency::Now,
                Urgency::Now | Urgency::AtOnce => Urgency::AtOnce,
            };
        });
        self.urgency()
    }

    /// How urgently the user wants to stop.
    pub fn urgency(&self) -> Urgency {
        *self.0.borrow()
    }

    /// Waits until the user wants to stop at least this urgently.
    pub async fn reached(&self, urgency: Urgency) {
        let mut changes = self.0.subscribe();
        let waited = changes.wait_for(|current| *current >= urgency).await;
        waited.expect("the sender is part of `self`, so it outlives the wait");
    }
}

impl Default for Cancel {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[test]
    fn urgency_grows() {
        let cancel = Cancel::new();
        let shared = cancel.clone();
        assert_eq!(cancel.urgency(), Urgency::None);
        assert_eq!(cancel.reached(Urgency::Soon).now_or_never(), None);
        assert_eq!(shared.escalate(), Urgency::Soon);
        assert_eq!(cancel.reached(Urgency::Soon).now_or_never(), Some(()));
        assert_eq!(cancel.reached(Urgency::Now).now_or_never(), None);
        assert_eq!(shared.escalate(), Urgency::Now);
        assert_eq!(shared.escalate(), Urgency::AtOnce);
        assert_eq!(shared.escalate(), Urgency::AtOnce);
        assert_eq!(cancel.reached(Urgency::AtOnce).now_or_never(), Some(()));
    }
}
