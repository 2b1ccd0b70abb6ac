//! Callers that send too much, too slowly, or from where they should not.

use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use crate::support::client::{get_with, head, open, read_head};
use crate::support::{Fake, get, pair, post, post_with, start, until};

const BODY: &str = r#"{"model":"router-random-0","messages":[{"role":"user","content":"hi"}]}"#;

fn limited(fake: &Fake, limits: &str) -> String {
    format!("{}\n[limits]\n{limits}", pair(fake, "ok"))
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_and_heads_have_a_limit() {
    let fake = Fake::start().await;
    let gateway = start(&limited(&fake, "body_bytes = 1000\nheader_bytes = 8192\nheaders = 20")).await;
    let large = BODY.replace("hi", &"x".repeat(2_000));
    let reply = post(gateway.address, "/v1/chat/completions", &large).await;
    assert!(reply.status == 413 && reply.message().contains("limits.body_bytes"));
    // A body that does not say its length is counted as it comes.
    let mut stream = TcpStream::connect(gateway.address).await.unwrap();
    let chunk = format!("{:x}\r\n{large}\r\n0\r\n\r\n", large.len());
    let chunked = "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n";
    stream.write_all((chunked.to_owned() + &chunk).as_bytes()).await.unwrap();
    assert_eq!(read_head(BufReader::new(stream)).await.unwrap().reply.status, 413);
    let long = "x".repeat(20_000);
    assert_eq!(get_with(gateway.address, "/health", &[("x-long", &long)]).await.status, 431);
    let many: Vec<(&str, &str)> = (0..40).map(|_| ("x-many", "1")).collect();
    assert_eq!(get_with(gateway.address, "/health", &many).await.status, 431);
    assert!(fake.seen().is_empty());
    assert_eq!(post(gateway.address, "/v1/chat/completions", BODY).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_heads_and_bodies_are_not_waited_for() {
    let fake = Fake::start().await;
    let gateway = start(&limited(&fake, "header_timeout_ms = 200\nbody_timeout_ms = 200")).await;
    // A byte now and then does not keep a connection.
    let mut loris = TcpStream::connect(gateway.address).await.unwrap();
    let sending = async {
        for byte in b"GET /health HTTP/1.1\r\nx-slow: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
            .iter()
            .cycle()
        {
            if loris.write_all(&[*byte]).await.is_err() {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    sending.await;
    let mut stream = TcpStream::connect(gateway.address).await.unwrap();
    stream.write_all(head("POST", "/v1/chat/completions", &[], 100).as_bytes()).await.unwrap();
    stream.write_all(b"{").await.unwrap();
    let reply = read_head(BufReader::new(stream)).await.unwrap().whole().await;
    assert!(reply.status == 408 && reply.message().contains("limits.body_timeout_ms"));
    assert_eq!(get(gateway.address, "/health").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_reads_nothing_is_left() {
    let fake = Fake::start().await;
    let gateway = start(&limited(&fake, "write_timeout_ms = 200")).await;
    let mut stream = TcpStream::connect(gateway.address).await.unwrap();
    // Answers pile up until no more of them can be written.
    let many = "GET /page.js HTTP/1.1\r\nhost: x\r\n\r\n".repeat(100);
    let sending = async { while stream.write_all(many.as_bytes()).await.is_ok() {} };
    sending.await;
    until(async || gateway.metric("routellm_connections").await == Some(1.0)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_beyond_the_limit_wait() {
    let fake = Fake::start().await;
    let gateway = start(&limited(&fake, "connections = 1")).await;
    let first = TcpStream::connect(gateway.address).await.unwrap();
    let mut first = BufReader::new(first);
    first.get_mut().write_all(head("GET", "/health", &[], 0).as_bytes()).await.unwrap();
    let mut byte = [0];
    first.read_exact(&mut byte).await.unwrap();
    let waiting = tokio::spawn(get(gateway.address, "/health"));
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished());
    drop(first);
    assert_eq!(waiting.await.unwrap().status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_others_may_not_call() {
    let fake = Fake::start().await;
    let gateway = start(&format!("origins = [\"https://chat.example\"]\n{}", pair(&fake, "ok"))).await;
    let from = async |origin: &str| {
        post_with(gateway.address, "/v1/chat/completions", BODY, &[("origin", origin)]).await.status
    };
    assert_eq!(from("https://chat.example").await, 200);
    // A name that is the host's, too, may be anybody's who made it lead here.
    for other in ["https://evil.example", "null", "http://gateway", "http://127.0.0.1"] {
        assert_eq!(from(other).await, 403, "{other}");
    }
    assert_eq!(fake.seen().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_request_is_told() {
    let fake = Fake::start().await;
    let gateway = start(&pair(&fake, "ok")).await;
    for body in ["", "[]", "{", "{\"model\":1}", "{\"messages\":[]}", "{\"model\":\"router-random-0\"}x"] {
        let reply = post(gateway.address, "/v1/chat/completions", body).await;
        assert_eq!(reply.status, 400, "{body}");
        assert_eq!(reply.json()["error"]["type"], "invalid_request_error");
    }
    assert!(fake.seen().is_empty());
    // A connection that breaks off in the middle of a body harms nobody.
    let mut stream = TcpStream::connect(gateway.address).await.unwrap();
    stream.write_all(head("POST", "/v1/chat/completions", &[], 100).as_bytes()).await.unwrap();
    drop(stream);
    assert!(open(gateway.address, "/v1/chat/completions", BODY, &[]).await.is_some());
}
