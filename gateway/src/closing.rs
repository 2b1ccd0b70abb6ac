//! Closing a listener without losing who is already at the door.
//!
//! A listener that is closed resets the connections that the system has taken for it and that nobody accepted yet. So on Linux it
//! first stops taking new ones: a filter drops packets that begin a connection, so that what was begun is finished, accepted and
//! served. Whoever comes later tries again by itself, and is refused when the listener is closed.

use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;

/// How long a connection that was begun may take to be there.
const BEGUN: Duration = Duration::from_millis(100);

/// Takes the connections that were begun, and closes the listener.
pub(crate) async fn close(listener: TcpListener, mut take: impl FnMut(TcpStream)) {
    take_no_more(&listener);
    let until = Instant::now() + BEGUN;
    while let Ok(accepted) = tokio::time::timeout_at(until, listener.accept()).await {
        if let Ok((stream, _)) = accepted {
            take(stream);
        }
    }
}

/// Lets the system drop what begins a connection: TCP with SYN and without ACK.
#[cfg(target_os = "linux")]
fn take_no_more(listener: &TcpListener) {
    use socket2::{SockFilter, SockRef};
    let program = [
        // The byte with the flags of TCP, and of those SYN and ACK.
        SockFilter::new(0x30, 0, 0, 13),
        SockFilter::new(0x54, 0, 0, 0x12),
        // SYN alone is dropped, and everything else passes.
        SockFilter::new(0x15, 0, 1, 0x02),
        SockFilter::new(0x06, 0, 0, 0),
        SockFilter::new(0x06, 0, 0, u32::MAX),
    ];
    // Where it is not allowed, connections of the last moment are lost, as they would be without it.
    let _ = SockRef::from(listener).attach_filter(&program);
}

#[cfg(not(target_os = "linux"))]
fn take_no_more(_: &TcpListener) {}
