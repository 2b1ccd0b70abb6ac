//! How fast the gateway is, on this machine alone: a fake upstream, the gateway and the callers in one process, over loopback.
//!
//! ```text
//! cargo run --release -p routellm-gateway --example load [REQUESTS] [STREAMS]
//! ```
//!
//! It prints decisions per second (`/v1/route`) beside `/health`, then what the gateway adds to the latency of the upstream at
//! 1,000 requests per second, then concurrent streams, then what memory does. Work is counted, so that it ends.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Callers side by side.
const CALLERS: usize = 16;
/// Requests per second where latency is measured.
const RATE: usize = 1_000;

const ANSWER: &str = r#"{"id":"x","object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":10,"completion_tokens":1}}"#;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse::<usize>());
    let requests = arguments.next().transpose()?.unwrap_or(20_000);
    let streams = arguments.next().transpose()?.unwrap_or(1_000);
    let upstream = upstream()?;
    let gateway = gateway(upstream)?;
    let prompt =
        "Explain in a few sentences how a hash table resolves collisions, and when chaining is better. "
            .repeat(6);
    let chat =
        format!(r#"{{"model":"router-load-share-0.5","messages":[{{"role":"user","content":"{prompt}"}}]}}"#);
    let health = head("GET", "/health", 0);
    let route = head("POST", "/v1/route", chat.len()) + &chat;
    let complete = head("POST", "/v1/chat/completions", chat.len()) + &chat;

    // Everything is warm before anything is measured.
    flood(gateway, &health, requests / 10)?;
    flood(gateway, &route, requests / 10)?;
    let of_health = flood(gateway, &health, requests)?;
    let of_route = flood(gateway, &route, requests)?;
    println!("/health              {of_health:>9.0} requests/s with {CALLERS} callers");
    println!(
        "/v1/route            {of_route:>9.0} requests/s, {:.0} % of /health",
        100.0 * of_route / of_health
    );

    let direct = paced(upstream, &complete, requests.min(10 * RATE))?;
    let through = paced(gateway, &complete, requests.min(10 * RATE))?;
    for (name, share) in [("p50", 0.5), ("p99", 0.99)] {
        let (direct, through) = (quantile(&direct, share), quantile(&through, share));
        println!(
            "{name} at {RATE}/s        {:>9.3} ms through the gateway, {:.3} ms without, {:.3} ms added",
            through * 1e3,
            direct * 1e3,
            (through - direct) * 1e3
        );
    }

    let stream = chat.replacen('{', "{\"stream\":true,", 1);
    let stream = head("POST", "/v1/chat/completions", stream.len()) + &stream;
    let begun = Instant::now();
    let finished = concurrent(gateway, &stream, streams)?;
    println!(
        "streams              {finished:>9} of {streams} finished side by side in {:.1} s",
        begun.elapsed().as_secs_f64()
    );

    let before = memory();
    let of_chat = flood(gateway, &complete, requests)?;
    let middle = memory();
    flood(gateway, &complete, requests)?;
    println!("/v1/chat/completions {of_chat:>9.0} requests/s with {CALLERS} callers");
    println!(
        "memory               {before:>9} KiB before, {middle} after {requests}, {} after {} requests",
        memory(),
        2 * requests
    );
    Ok(())
}

/// Resident memory of this process in KiB; 0 where the system does not tell.
fn memory() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

fn head(method: &str, path: &str, length: usize) -> String {
    format!(
        "{method} {path} HTTP/1.1\r\nhost: load\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n"
    )
}

/// An upstream that answers at once, or with ten events a tenth of a second apart.
fn upstream() -> std::io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // A connection that breaks off harms nobody else.
            let serving = move || drop(serve(stream));
            let _ = thread::Builder::new().stack_size(128 << 10).spawn(serving);
        }
    });
    Ok(address)
}

fn serve(stream: TcpStream) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut writer = stream;
    loop {
        let Some(length) = length_of_head(&mut reader)? else { return Ok(()) };
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        if !body.starts_with(b"{\"stream\":true") {
            let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length";
            writer.write_all(format!("{head}: {}\r\n\r\n{ANSWER}", ANSWER.len()).as_bytes())?;
            continue;
        }
        writer.write_all(
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n",
        )?;
        for i in 0..10 {
            let event = format!("data: {{\"chunk\": {i}}}\n\n");
            writer.write_all(format!("{:x}\r\n{event}\r\n", event.len()).as_bytes())?;
            thread::sleep(Duration::from_millis(100));
        }
        writer.write_all(b"0\r\n\r\n")?;
    }
}

/// Reads a head, and tells the length of what follows; nothing at the end of a connection.
fn length_of_head(reader: &mut impl BufRead) -> std::io::Result<Option<usize>> {
    let (mut line, mut length) = (String::new(), 0);
    loop {
        line.clear();
        if reader.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        let line = line.trim_end().to_ascii_lowercase();
        if line.is_empty() {
            return Ok(Some(length));
        }
        if let Some(text) = line.strip_prefix("content-length:") {
            length = text.trim().parse().map_err(std::io::Error::other)?;
        }
    }
}

fn gateway(upstream: SocketAddr) -> Result<SocketAddr, Box<dyn std::error::Error>> {
    let folder = std::env::temp_dir().join(format!("routellm-load-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let path = folder.join("gateway.toml");
    let config = format!(
        "listen = \"127.0.0.1:0\"\n[log]\nrequests = false\n[upstreams.up]\nbase_url = \"http://{upstream}/v1\"\n\
         [models.big]\nupstream = \"up\"\n[models.small]\nupstream = \"up\"\n[routers.load]\nstrong = \"big\"\nweak = \"small\"\n"
    );
    std::fs::write(&path, config)?;
    let (send, receive) = std::sync::mpsc::channel();
    thread::spawn(move || {
        let served = routellm_gateway::serve(&path, |address| {
            // Whoever waits for it is there until it comes.
            let _ = send.send(address);
        });
        if let Err(fault) = served {
            eprintln!("{fault}");
        }
    });
    Ok(receive.recv()?)
}

/// A caller with a connection of its own.
struct Caller {
    reader: BufReader<TcpStream>,
    writer: TcpStream,
    body: Vec<u8>,
}

impl Caller {
    fn new(address: SocketAddr) -> std::io::Result<Self> {
        let writer = TcpStream::connect(address)?;
        writer.set_nodelay(true)?;
        Ok(Self { reader: BufReader::new(writer.try_clone()?), writer, body: Vec::new() })
    }

    fn ask(&mut self, request: &str) -> std::io::Result<()> {
        self.writer.write_all(request.as_bytes())?;
        let length = length_of_head(&mut self.reader)?.ok_or(std::io::ErrorKind::UnexpectedEof)?;
        self.body.resize(length, 0);
        self.reader.read_exact(&mut self.body)?;
        if self.body.starts_with(b"{\"error\"") {
            return Err(std::io::Error::other(String::from_utf8_lossy(&self.body).into_owned()));
        }
        Ok(())
    }
}

/// Requests per second of callers that ask as fast as they are answered.
fn flood(address: SocketAddr, request: &str, requests: usize) -> std::io::Result<f64> {
    let begun = Instant::now();
    let each = (requests / CALLERS).max(1);
    thread::scope(|scope| {
        let callers: Vec<_> = (0..CALLERS)
            .map(|_| {
                scope.spawn(move || {
                    let mut caller = Caller::new(address)?;
                    (0..each).try_for_each(|_| caller.ask(request))
                })
            })
            .collect();
        callers
            .into_iter()
            .try_for_each(|caller| caller.join().map_err(|_| std::io::Error::other("a caller broke"))?)
    })?;
    Ok((each * CALLERS) as f64 / begun.elapsed().as_secs_f64())
}

/// Latencies in seconds, sorted, of requests at a steady rate, from the moment at which each was due.
fn paced(address: SocketAddr, request: &str, requests: usize) -> std::io::Result<Vec<f64>> {
    let each = (requests / CALLERS).max(1);
    let pause = Duration::from_secs_f64(CALLERS as f64 / RATE as f64);
    let begun = Instant::now() + Duration::from_millis(50);
    let mut all = thread::scope(|scope| {
        let callers: Vec<_> = (0..CALLERS)
            .map(|number| {
                scope.spawn(move || {
                    let mut caller = Caller::new(address)?;
                    let mut latencies = Vec::with_capacity(each);
                    let first = begun + pause.mul_f64(number as f64 / CALLERS as f64);
                    for i in 0..each {
                        let due = first + pause * i as u32;
                        thread::sleep(due.saturating_duration_since(Instant::now()));
                        caller.ask(request)?;
                        latencies.push(due.elapsed().as_secs_f64());
                    }
                    Ok::<_, std::io::Error>(latencies)
                })
            })
            .collect();
        let mut all = Vec::new();
        for caller in callers {
            all.extend(caller.join().map_err(|_| std::io::Error::other("a caller broke"))??);
        }
        Ok::<_, std::io::Error>(all)
    })?;
    all.sort_by(f64::total_cmp);
    Ok(all)
}

fn quantile(sorted: &[f64], share: f64) -> f64 {
    let last = sorted.len().saturating_sub(1);
    sorted.get((last as f64 * share).round() as usize).copied().unwrap_or(f64::NAN)
}

/// How many of so many streams that run side by side come to their end.
fn concurrent(address: SocketAddr, request: &str, streams: usize) -> std::io::Result<usize> {
    let finished = Arc::new(AtomicUsize::new(0));
    let mut threads = Vec::new();
    for _ in 0..streams {
        let (finished, request) = (Arc::clone(&finished), request.to_owned());
        let read = move || -> std::io::Result<()> {
            let mut stream = TcpStream::connect(address)?;
            stream.write_all(request.as_bytes())?;
            let (mut reader, mut last) = (BufReader::new(stream), String::new());
            // The chunk of length 0 ends a stream.
            while last != "0\r\n" {
                last.clear();
                if reader.read_line(&mut last)? == 0 {
                    return Ok(());
                }
            }
            finished.fetch_add(1, Ordering::Relaxed);
            Ok(())
        };
        threads.push(thread::Builder::new().stack_size(128 << 10).spawn(read)?);
    }
    for thread in threads {
        // What did not finish is not counted.
        let _ = thread.join();
    }
    Ok(finished.load(Ordering::Relaxed))
}
