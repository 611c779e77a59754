//! Cancelling what runs on a session.

use std::time::Duration;

use tokio::time::timeout;
use tokio_postgres::{CancelToken, NoTls};

use super::{
    failure,
    keepalive::Keepalive,
    options::Host,
    socket::{Address, Socket},
    tls::Connector,
};
use crate::diagnostic::Result;

/// Cancels what runs on a session, over a connection of its own with the same security.
#[derive(Clone)]
pub struct Canceller {
    pub(super) token: CancelToken,
    pub(super) host: Host,
    pub(super) address: Address,
    pub(super) connector: Option<Connector>,
    pub(super) keepalive: Keepalive,
    pub(super) limit: Duration,
}

impl Canceller {
    /// Asks the server to cancel, and waits until it has passed the request on. The statement may have ended by itself.
    pub async fn cancel(&self) -> Result<()> {
        let cancelling = async {
            let socket = Socket::open_address(&self.address, self.keepalive, self.limit)
                .await
                .map_err(|error| failure::unreachable(&self.host, &error, self.limit))?;
            let sent = match &self.connector {
                None => self.token.cancel_query_raw(socket.stream, NoTls).await,
                Some(connector) => {
                    let handshake = connector.for_host(&self.host.host);
                    self.token.cancel_query_raw(socket.stream, handshake).await
                }
            };
            sent.map_err(|error| failure::server_error(&error))?;
            socket.ending.wait().await;
            Ok(())
        };
        timeout(self.limit, cancelling)
            .await
            .unwrap_or_else(|_| Err(failure::timed_out(&self.host, self.limit)))
    }
}
