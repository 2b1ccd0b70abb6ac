//! An end that loses nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use crate::support::client::{head, open, read_head};
use crate::support::{Fake, get, pair, start, until};

const STREAM: &str =
    r#"{"model":"router-random-0","stream":true,"messages":[{"role":"user","content":"hi"}]}"#;

#[tokio::test(flavor = "multi_thread")]
async fn streams_are_finished() {
    let fake = Fake::start().await;
    let mut gateway = start(&pair(&fake, "gated")).await;
    let mut streams = Vec::new();
    for _ in 0..20 {
        streams.push(open(gateway.address, "/v1/chat/completions", STREAM, &[]).await.unwrap());
    }
    // A connection that is open and idle may send one more request.
    let mut idle = TcpStream::connect(gateway.address).await.unwrap();
    idle.write_all(head("GET", "/ready", &[], 0).as_bytes()).await.unwrap();
    let first = read_head(BufReader::new(idle)).await.unwrap();
    assert_eq!(first.reply.status, 200);
    gateway.stop();
    let address = gateway.address;
    until(async || TcpStream::connect(address).await.is_err()).await;
    fake.release(3 * 20);
    for stream in streams {
        let reply = stream.whole().await;
        assert!(reply.complete && reply.text().ends_with("data: [DONE]\n\n"));
    }
    gateway.stopped().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_never_ends_is_ended_after_the_grace() {
    let fake = Fake::start().await;
    let config = format!("{}\n[shutdown]\nlinger_ms = 0\ngrace_ms = 100", pair(&fake, "gated"));
    let gateway = start(&config).await;
    let mut stream = open(gateway.address, "/v1/chat/completions", STREAM, &[]).await.unwrap();
    assert!(stream.part().await.is_some());
    gateway.stopped().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn under_load_every_request_that_was_taken_is_answered() {
    let fake = Fake::start().await;
    let mut gateway = start(&pair(&fake, "ok")).await;
    let (address, answered) = (gateway.address, Arc::new(AtomicUsize::new(0)));
    let callers: Vec<_> = (0..16)
        .map(|_| {
            let answered = Arc::clone(&answered);
            tokio::spawn(async move {
                let mut lost = 0;
                // Until nobody listens any more.
                while let Ok(mut stream) = TcpStream::connect(address).await {
                    let request = head("POST", "/v1/chat/completions", &[], STREAM.len()) + STREAM;
                    let sent = stream.write_all(request.as_bytes()).await.is_ok();
                    let reply = if sent { read_head(BufReader::new(stream)).await } else { None };
                    let complete = match reply {
                        Some(reply) => reply.whole().await.complete,
                        None => false,
                    };
                    if complete {
                        answered.fetch_add(1, Ordering::SeqCst);
                    } else {
                        lost += 1;
                    }
                }
                lost
            })
        })
        .collect();
    until(async || answered.load(Ordering::SeqCst) > 100).await;
    gateway.stop();
    let mut lost = 0;
    for caller in callers {
        lost += caller.await.unwrap();
    }
    gateway.stopped().await;
    assert_eq!(lost, 0);
    assert_eq!(fake.seen().len(), answered.load(Ordering::SeqCst));
}

#[tokio::test(flavor = "multi_thread")]
async fn it_says_that_it_ends() {
    let fake = Fake::start().await;
    let config = format!("{}\n[shutdown]\nlinger_ms = 600000", pair(&fake, "ok"));
    let mut gateway = start(&config).await;
    assert_eq!(get(gateway.address, "/ready").await.status, 200);
    let mut kept = TcpStream::connect(gateway.address).await.unwrap();
    kept.write_all(head("GET", "/health", &[], 0).as_bytes()).await.unwrap();
    let mut kept = BufReader::new(kept);
    let mut byte = [0];
    tokio::io::AsyncReadExt::read_exact(&mut kept, &mut byte).await.unwrap();
    gateway.stop();
    let address = gateway.address;
    until(async || TcpStream::connect(address).await.is_err()).await;
    // Skips what is left of the first answer.
    let mut rest = vec![0; 4_096];
    let _ = tokio::io::AsyncReadExt::read(&mut kept, &mut rest).await.unwrap();
    kept.get_mut().write_all(head("GET", "/ready", &[], 0).as_bytes()).await.unwrap();
    let mut last = read_head(kept).await.unwrap();
    assert_eq!((last.reply.status, last.reply.header("connection")), (503, Some("close")));
    last.part().await;
    assert!(last.is_closed().await);
    gateway.stopped().await;
}
