//! What goes over a connection, as far as it takes to know whether an answer is due.
//!
//! Each message of the client that ends in ReadyForQuery — a startup, Query, Sync — is a question, and each ReadyForQuery is
//! an answer (PostgreSQL docs: 55.7 Message Formats).

use std::{
    io,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard},
    task::{Context, Poll},
    time::{Duration, Instant},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::tls::{ChannelBinding, TlsStream};

/// The code of a request for TLS, where a startup has its version.
const TLS_REQUEST: [u8; 4] = 80_877_103_u32.to_be_bytes();

/// Whether an answer is due, and since when nothing has moved.
#[derive(Debug)]
pub(super) struct Pulse(Mutex<Beat>);

#[derive(Debug, Clone, Copy)]
struct Beat {
    asked: u64,
    answered: u64,
    moved: Instant,
    heard: Instant,
}

impl Pulse {
    pub(super) fn new() -> Arc<Self> {
        let now = Instant::now();
        Arc::new(Self(Mutex::new(Beat {
            asked: 0,
            answered: 0,
            moved: now,
            heard: now,
        })))
    }

    /// How long an answer has been due while nothing moved in either direction; `None` if none is due.
    pub(super) fn silent_for(&self) -> Option<Duration> {
        let beat = self.beat();
        (beat.asked > beat.answered).then(|| beat.moved.elapsed())
    }

    /// Since when nothing has been heard.
    pub(super) fn last_heard(&self) -> Instant {
        self.beat().heard
    }

    fn beat(&self) -> MutexGuard<'_, Beat> {
        self.0
            .lock()
            .expect("nothing panics while it holds the pulse")
    }
}

/// A stream whose messages are counted.
pub(super) struct Counted<S> {
    stream: S,
    pulse: Arc<Pulse>,
    sent: Messages,
    received: Messages,
}

impl<S> Counted<S> {
    pub(super) fn new(stream: S, pulse: Arc<Pulse>) -> Self {
        Self {
            stream,
            pulse,
            sent: Messages::new(Part::Startup),
            received: Messages::new(Part::Message),
        }
    }

    fn note_sent(&mut self, bytes: &[u8]) {
        let (mut asked, mut wants_tls) = (0, false);
        self.sent.read(bytes, |begin| match begin {
            Begin::TlsRequest => wants_tls = true,
            Begin::Startup | Begin::Message(b'Q' | b'S') => asked += 1,
            Begin::Message(_) | Begin::Answer(_) => {}
        });
        if wants_tls {
            self.received.part = Part::Answer;
        }
        let mut beat = self.pulse.beat();
        beat.asked += asked;
        beat.moved = Instant::now();
    }

    fn note_received(&mut self, bytes: &[u8]) {
        let (mut answered, mut has_tls) = (0, false);
        self.received.read(bytes, |begin| match begin {
            Begin::Answer(answer) => has_tls = answer == b'S',
            Begin::Message(b'Z') => answered += 1,
            Begin::Message(_) | Begin::Startup | Begin::TlsRequest => {}
        });
        if has_tls {
            // What follows is for the stream above to count.
            self.sent.part = Part::Opaque;
            self.received.part = Part::Opaque;
        }
        let mut beat = self.pulse.beat();
        beat.answered += answered;
        beat.moved = Instant::now();
        beat.heard = beat.moved;
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Counted<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        let read = &buffer.filled()[before..];
        if !read.is_empty() {
            self.note_received(read);
        }
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Counted<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(context, bytes);
        if let Poll::Ready(Ok(count)) = polled {
            self.note_sent(&bytes[..count]);
        }
        polled
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

impl<S: TlsStream + Unpin> TlsStream for Counted<S> {
    fn channel_binding(&self) -> ChannelBinding {
        self.stream.channel_binding()
    }
}

/// The messages of one direction.
#[derive(Debug)]
struct Messages {
    part: Part,
    /// The beginning of a message, as far as it is there.
    head: Vec<u8>,
    /// What is left of its body.
    rest: usize,
}

/// What comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// A message without a type: length, code.
    Startup,
    /// The one byte that answers a request for TLS.
    Answer,
    /// A message: type, length.
    Message,
    /// What can't be read.
    Opaque,
}

/// The beginning of something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Begin {
    Startup,
    TlsRequest,
    Answer(u8),
    Message(u8),
}

impl Messages {
    fn new(part: Part) -> Self {
        Self {
            part,
            head: Vec::new(),
            rest: 0,
        }
    }

    fn read(&mut self, bytes: &[u8], mut tell: impl FnMut(Begin)) {
        let mut bytes = bytes;
        while let Some((&byte, behind)) = bytes.split_first() {
            if self.part == Part::Opaque {
                return;
            }
            if self.rest > 0 {
                let skipped = self.rest.min(bytes.len());
                self.rest -= skipped;
                bytes = &bytes[skipped..];
                continue;
            }
            bytes = behind;
            self.head.push(byte);
            let length = |at: usize| -> usize {
                let length = self.head.get(at..at + 4).map(<[u8; 4]>::try_from);
                length.map_or(0, |it| u32::from_be_bytes(it.expect("four bytes")) as usize)
            };
            let begun = match (self.part, self.head.len()) {
                (Part::Answer, _) => {
                    self.part = Part::Message;
                    Begin::Answer(byte)
                }
                (Part::Message, 5) => {
                    self.rest = length(1).saturating_sub(4);
                    Begin::Message(self.head[0])
                }
                (Part::Startup, 8) => {
                    self.rest = length(0).saturating_sub(8);
                    if self.head[4..] == TLS_REQUEST {
                        Begin::TlsRequest
                    } else {
                        self.part = Part::Message;
                        Begin::Startup
                    }
                }
                (Part::Message | Part::Startup | Part::Opaque, _) => continue,
            };
            self.head.clear();
            tell(begun);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: u8, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(body.len() + 4).unwrap().to_be_bytes();
        [&[kind][..], &length, body].concat()
    }

    fn startup() -> Vec<u8> {
        let code = 196_608_u32.to_be_bytes();
        [&13_u32.to_be_bytes()[..], &code, b"user\0"].concat()
    }

    fn tls_request() -> Vec<u8> {
        [&8_u32.to_be_bytes()[..], &TLS_REQUEST].concat()
    }

    /// What is due after these, in pieces of any size.
    fn due(conversation: &[(bool, Vec<u8>)]) -> u64 {
        let mut due = Vec::new();
        for size in [1, 3, 7, 1000] {
            let mut counted = Counted::new((), Pulse::new());
            for (is_sent, bytes) in conversation {
                for piece in bytes.chunks(size) {
                    if *is_sent {
                        counted.note_sent(piece);
                    } else {
                        counted.note_received(piece);
                    }
                }
            }
            let beat = *counted.pulse.beat();
            assert_eq!(
                counted.pulse.silent_for().is_some(),
                beat.asked > beat.answered
            );
            due.push(beat.asked - beat.answered);
        }
        due.dedup();
        assert_eq!(due.len(), 1, "{due:?}");
        due[0]
    }

    #[test]
    fn answers_that_are_due() {
        let ready = || (false, message(b'Z', b"I"));
        let login = || {
            vec![
                (true, startup()),
                (false, message(b'R', b"\0\0\0\0")),
                ready(),
            ]
        };
        let after = |more: Vec<(bool, Vec<u8>)>| [login(), more].concat();
        assert_eq!(due(&[(true, startup())]), 1);
        assert_eq!(due(&login()), 0);
        let query = || (true, message(b'Q', b"SELECT 'QSZ'\0"));
        assert_eq!(due(&after(vec![query()])), 1);
        assert_eq!(
            due(&after(vec![query(), (false, message(b'D', b"ZZZZZ"))])),
            1
        );
        assert_eq!(due(&after(vec![query(), ready()])), 0);
        // Several on the wire at once.
        let extended = [
            message(b'P', b"\0S\0"),
            message(b'E', b""),
            message(b'S', b""),
        ];
        let extended = || (true, extended.concat());
        assert_eq!(
            due(&after(vec![query(), extended(), extended(), ready()])),
            2
        );
        assert_eq!(due(&after(vec![(true, message(b'X', b""))])), 0);
    }

    #[test]
    fn with_and_without_tls() {
        let refused = [(true, tls_request()), (false, b"N".to_vec())];
        let asked = [(true, startup())];
        assert_eq!(due(&[&refused[..], &asked].concat()), 1);
        // Nobody reads what is encrypted.
        let taken = [(true, tls_request()), (false, b"S".to_vec())];
        let noise = [(true, message(b'Q', b"")), (false, message(b'Z', b""))];
        assert_eq!(due(&[&taken[..], &noise[..1]].concat()), 0);
    }
}
