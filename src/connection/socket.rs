//! The byte stream to one server, and how to see that the server is done with it.

use std::{io, net::SocketAddr, os::fd::AsFd as _, time::Duration};

use camino::{Utf8Path, Utf8PathBuf};
use socket2::SockRef;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite},
    net::{TcpSocket, TcpStream, UnixStream, lookup_host},
    time::timeout,
};

use super::{keepalive::Keepalive, options::Host};
use crate::shown;

/// A stream of either family.
pub(super) type Stream = Box<dyn Transport>;

/// What a connection needs of a stream.
pub(super) trait Transport: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Transport for T {}

/// One address of a host.
#[derive(Debug, Clone)]
pub(super) enum Address {
    /// An internet address.
    Internet(SocketAddr),
    /// The path of a socket.
    Socket(Utf8PathBuf),
}

/// An open stream.
pub(super) struct Socket {
    /// Where the bytes go.
    pub(super) stream: Stream,
    /// Where it leads.
    pub(super) address: Address,
    /// The same socket, for waiting on its end.
    pub(super) ending: Ending,
}

/// Why there is no stream.
#[derive(Debug)]
pub(super) enum NoSocket {
    /// The name service doesn't know the host.
    UnknownName(io::Error),
    /// It can't be the name of a host, so the name service isn't asked: it would be told a password.
    NoName,
    /// Nothing listens there, or there is no way there.
    Failed(io::Error),
    /// Nothing answered in time.
    TimedOut,
}

/// A second handle on a connection's socket.
///
/// A connection that is closed here still has a process on the server for a moment, which keeps `DROP DATABASE` waiting.
/// The kernel ends the stream when that process has gone.
#[derive(Debug)]
pub(super) enum Ending {
    Internet(std::net::TcpStream),
    Socket(std::os::unix::net::UnixStream),
}

impl Socket {
    /// Tries the addresses of a host in turn. The limit holds for each, since a name may have one that leads nowhere.
    pub(super) async fn open(
        host: &Host,
        keepalive: Keepalive,
        limit: Duration,
    ) -> Result<Self, NoSocket> {
        if let Some(path) = host.socket() {
            return Self::open_address(&Address::Socket(path), keepalive, limit).await;
        }
        let addresses: Vec<SocketAddr> = match host.address {
            Some(address) => vec![(address, host.port).into()],
            None if !shown::is_host(&host.host) => return Err(NoSocket::NoName),
            None => timeout(limit, lookup_host((host.host.as_str(), host.port)))
                .await
                .map_err(|_| NoSocket::TimedOut)?
                .map_err(NoSocket::UnknownName)?
                .collect(),
        };
        let mut failure = None;
        for address in addresses {
            match Self::open_address(&Address::Internet(address), keepalive, limit).await {
                Ok(socket) => return Ok(socket),
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        Err(failure.unwrap_or_else(|| {
            NoSocket::UnknownName(io::Error::new(io::ErrorKind::NotFound, "it has no address"))
        }))
    }

    /// Connects to one address.
    pub(super) async fn open_address(
        address: &Address,
        keepalive: Keepalive,
        limit: Duration,
    ) -> Result<Self, NoSocket> {
        let opening = async {
            match address {
                Address::Internet(address) => Self::internet(*address, keepalive).await,
                Address::Socket(path) => Self::socket(path).await,
            }
        };
        timeout(limit, opening)
            .await
            .map_err(|_| NoSocket::TimedOut)?
            .map_err(NoSocket::Failed)
    }

    async fn internet(address: SocketAddr, keepalive: Keepalive) -> io::Result<Self> {
        let socket = match address {
            SocketAddr::V4(_) => TcpSocket::new_v4()?,
            SocketAddr::V6(_) => TcpSocket::new_v6()?,
        };
        keepalive.set(&SockRef::from(&socket))?;
        let stream = socket.connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            ending: Ending::Internet(stream.as_fd().try_clone_to_owned()?.into()),
            stream: Box::new(stream),
            address: Address::Internet(address),
        })
    }

    async fn socket(path: &Utf8Path) -> io::Result<Self> {
        let stream = UnixStream::connect(path).await?;
        Ok(Self {
            ending: Ending::Socket(stream.as_fd().try_clone_to_owned()?.into()),
            stream: Box::new(stream),
            address: Address::Socket(path.to_owned()),
        })
    }
}

impl Ending {
    /// Another handle that cuts the connection; sockets of this machine have none, since nothing stands between.
    pub(super) fn cut(&self) -> Option<std::net::TcpStream> {
        match self {
            Self::Internet(stream) => stream.try_clone().ok(),
            Self::Socket(_) => None,
        }
    }

    /// Waits until the server's process has gone. The stream itself must have been closed for writing.
    pub(super) async fn wait(self) {
        let stream: io::Result<Stream> = match self {
            Self::Internet(stream) => {
                TcpStream::from_std(stream).map(|stream| Box::new(stream) as Stream)
            }
            Self::Socket(stream) => {
                UnixStream::from_std(stream).map(|stream| Box::new(stream) as Stream)
            }
        };
        let Ok(mut stream) = stream else {
            return;
        };
        let mut rest = [0; 512];
        while matches!(stream.read(&mut rest).await, Ok(1..)) {}
    }
}
