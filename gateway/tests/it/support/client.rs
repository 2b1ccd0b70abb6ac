//! A client that sees every byte.

use std::net::SocketAddr;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

/// An answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// Whether the body ended as its head said.
    pub(crate) complete: bool,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {:?}", self.text()))
    }

    /// The message of an error in OpenAI's form.
    pub(crate) fn message(&self) -> String {
        self.json()["error"]["message"].as_str().unwrap().to_owned()
    }
}

/// A request whose answer is read part by part.
pub(crate) struct Open {
    stream: BufReader<TcpStream>,
    chunked: bool,
    length: Option<usize>,
    pub(crate) reply: Reply,
}

pub(crate) fn head(method: &str, path: &str, headers: &[(&str, &str)], length: usize) -> String {
    let mut head = format!("{method} {path} HTTP/1.1\r\nhost: gateway\r\ncontent-length: {length}\r\n");
    for (name, value) in headers {
        head.extend([name, ": ", value, "\r\n"]);
    }
    head + "\r\n"
}

/// Sends a request and reads the head of its answer; `None` if the connection ends before.
pub(crate) async fn open(
    address: SocketAddr,
    path: &str,
    body: &str,
    headers: &[(&str, &str)],
) -> Option<Open> {
    let mut stream = TcpStream::connect(address).await.ok()?;
    stream.write_all((head("POST", path, headers, body.len()) + body).as_bytes()).await.ok()?;
    read_head(BufReader::new(stream)).await
}

/// Reads the head of an answer.
pub(crate) async fn read_head(mut stream: BufReader<TcpStream>) -> Option<Open> {
    let mut line = String::new();
    stream.read_line(&mut line).await.ok()?;
    let status = line.split(' ').nth(1)?.parse().ok()?;
    let mut headers = Vec::new();
    loop {
        line.clear();
        stream.read_line(&mut line).await.ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        headers.push((name.to_lowercase(), value.to_owned()));
    }
    let reply = Reply { status, headers, body: Vec::new(), complete: false };
    let chunked = reply.header("transfer-encoding") == Some("chunked");
    let length = reply.header("content-length").map(|length| length.parse().unwrap());
    Some(Open { stream, chunked, length, reply })
}

impl Open {
    /// The next part of the body; `None` at its end, be it a good one or not.
    pub(crate) async fn part(&mut self) -> Option<Vec<u8>> {
        if !self.chunked {
            let mut body = vec![0; self.length.unwrap_or(0)];
            if self.reply.complete {
                return None;
            }
            self.reply.complete = self.stream.read_exact(&mut body).await.is_ok();
            return Some(body);
        }
        let mut line = String::new();
        self.stream.read_line(&mut line).await.ok()?;
        let length = usize::from_str_radix(line.trim_end(), 16).ok()?;
        let mut part = vec![0; length + 2];
        self.stream.read_exact(&mut part).await.ok()?;
        part.truncate(length);
        if length == 0 {
            self.reply.complete = true;
            return None;
        }
        Some(part)
    }

    /// The rest of the answer.
    pub(crate) async fn whole(mut self) -> Reply {
        while let Some(part) = self.part().await {
            self.reply.body.extend(part);
            if !self.chunked {
                break;
            }
        }
        self.reply
    }

    /// Whether the connection was ended after the answer.
    pub(crate) async fn is_closed(&mut self) -> bool {
        let mut byte = [0];
        matches!(self.stream.read(&mut byte).await, Ok(0) | Err(_))
    }
}

/// Posts a body.
pub(crate) async fn post(address: SocketAddr, path: &str, body: &str) -> Reply {
    post_with(address, path, body, &[]).await
}

pub(crate) async fn post_with(
    address: SocketAddr,
    path: &str,
    body: &str,
    headers: &[(&str, &str)],
) -> Reply {
    open(address, path, body, headers).await.expect("an answer").whole().await
}

pub(crate) async fn get(address: SocketAddr, path: &str) -> Reply {
    get_with(address, path, &[]).await
}

pub(crate) async fn get_with(address: SocketAddr, path: &str, headers: &[(&str, &str)]) -> Reply {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(head("GET", path, headers, 0).as_bytes()).await.unwrap();
    read_head(BufReader::new(stream)).await.expect("an answer").whole().await
}
