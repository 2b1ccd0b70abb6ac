//! `routellm serve` as a process: what it prints, what signals do, and that no prompt leaves a trace.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

const SECRET: &str = "correct-horse-battery-staple";

fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_routellm"));
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// An upstream that answers everything alike, and counts.
fn upstream() -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (address, count) = (listener.local_addr().unwrap(), Arc::new(AtomicUsize::new(0)));
    let counted = Arc::clone(&count);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let count = Arc::clone(&counted);
            thread::spawn(move || {
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                let mut writer = stream;
                while read(&mut reader).is_some() {
                    count.fetch_add(1, Ordering::SeqCst);
                    let answer =
                        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}";
                    if writer.write_all(answer.as_bytes()).is_err() {
                        return;
                    }
                }
            });
        }
    });
    (address, count)
}

/// Reads a head and its body; the first line of it.
fn read(reader: &mut impl BufRead) -> Option<String> {
    let (mut first, mut line, mut length) = (String::new(), String::new(), 0);
    reader.read_line(&mut first).ok().filter(|bytes| *bytes > 0)?;
    loop {
        line.clear();
        reader.read_line(&mut line).ok().filter(|bytes| *bytes > 0)?;
        if let Some(text) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = text.trim().parse().ok()?;
        }
        if line == "\r\n" {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(first)
}

fn configure(folder: &Path, upstream: SocketAddr) -> std::path::PathBuf {
    let path = folder.join("gateway.toml");
    let text = format!(
        "listen = \"127.0.0.1:0\"\n[upstreams.up]\nbase_url = \"http://{upstream}/v1\"\n[models.big]\nupstream = \"up\"\n\
         [models.small]\nupstream = \"up\"\n[routers.mine]\nstrong = \"big\"\nweak = \"small\"\n"
    );
    std::fs::write(&path, text).unwrap();
    path
}

fn serve(path: &Path) -> (Child, String) {
    let mut child = command().args(["--json", "serve"]).arg(path).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    let told: serde_json::Value = serde_json::from_str(&line).unwrap();
    (child, told["address"].as_str().unwrap().trim_start_matches("http://").to_owned())
}

#[cfg(unix)]
fn signal(child: &Child, name: &str) {
    let killed = Command::new("kill").args([&format!("-{name}"), &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
}

#[test]
fn a_wrong_file_is_told_with_its_key() {
    let folder = tempfile::tempdir().unwrap();
    let path = configure(folder.path(), "127.0.0.1:1".parse().unwrap());
    let good = command().args(["serve", "--check"]).arg(&path).output().unwrap();
    assert!(good.status.success() && String::from_utf8_lossy(&good.stdout).contains("mine"));
    let text = std::fs::read_to_string(&path).unwrap();
    for (more, key) in [
        ("\n[routers.x]\nstrong = \"big\"\nweak = \"nobody\"\n", "routers.x.weak"),
        ("\n[routers.x]\nstrong = \"big\"\nweak = \"small\"\nartifact = \"nowhere\"\n", "routers.x.artifact"),
        ("\n[keys.k]\nkey = { env = \"ROUTELLM_NO_SUCH_KEY\" }\n", "keys.k.key"),
        ("\n[limits]\nspeed = 3\n", "speed"),
    ] {
        std::fs::write(&path, format!("{text}{more}")).unwrap();
        let wrong = command().args(["serve", "--check"]).arg(&path).output().unwrap();
        let told = String::from_utf8_lossy(&wrong.stderr).into_owned();
        assert_eq!(wrong.status.code(), Some(1));
        assert!(told.contains(key) && told.contains("gateway.toml"), "{told}");
    }
    let none = command().arg("serve").output().unwrap();
    assert_eq!(none.status.code(), Some(2));
}

#[cfg(unix)]
#[test]
fn sigterm_under_load_loses_nothing_and_no_prompt_leaves_a_trace() {
    let folder = tempfile::tempdir().unwrap();
    let (upstream, count) = upstream();
    let (mut child, address) = serve(&configure(folder.path(), upstream));
    let body =
        format!(r#"{{"model":"router-mine-0.5","messages":[{{"role":"user","content":"{SECRET}"}}]}}"#);
    let request = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    let answered = Arc::new(AtomicUsize::new(0));
    let callers: Vec<_> = (0..8)
        .map(|_| {
            let (address, request, answered) = (address.clone(), request.clone(), Arc::clone(&answered));
            thread::spawn(move || {
                let mut lost = 0;
                // Until nobody listens any more.
                while let Ok(mut stream) = TcpStream::connect(&address) {
                    let sent = stream.write_all(request.as_bytes());
                    let reply = read(&mut BufReader::new(stream)).filter(|_| sent.is_ok());
                    if reply.is_some_and(|line| line.contains(" 200 ")) {
                        answered.fetch_add(1, Ordering::SeqCst);
                    } else {
                        lost += 1;
                    }
                }
                lost
            })
        })
        .collect();
    while answered.load(Ordering::SeqCst) < 50 {
        thread::yield_now();
    }
    // The configuration is read again under load, too.
    signal(&child, "HUP");
    while answered.load(Ordering::SeqCst) < 100 {
        thread::yield_now();
    }
    signal(&child, "TERM");
    // The log is read while it is written, so that it never has to wait.
    let mut log = String::new();
    child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
    let lost: i32 = callers.into_iter().map(|caller| caller.join().unwrap()).sum();
    assert!(child.wait().unwrap().success());
    assert_eq!(lost, 0);
    assert_eq!(answered.load(Ordering::SeqCst), count.load(Ordering::SeqCst));
    assert!(!log.contains(SECRET));
    let lines: Vec<serde_json::Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |event: &str| lines.iter().filter(|line| line["event"] == event).count();
    assert_eq!((of("reloaded"), of("stopping"), of("stopped")), (1, 1, 1));
    assert!(of("request") > 0);
    assert_eq!(lines.last().unwrap()["unfinished"], 0);
}

#[cfg(unix)]
#[test]
fn the_demo_needs_nothing() {
    let mut child = command().args(["--json", "serve", "--demo", "--listen", "127.0.0.1:0"]).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    let told: serde_json::Value = serde_json::from_str(&line).unwrap();
    let address = told["address"].as_str().unwrap().trim_start_matches("http://").to_owned();
    for (share, model) in [("1", "strong"), ("0", "weak")] {
        let body = format!(
            r#"{{"model":"router-demo-share-{share}","messages":[{{"role":"user","content":"hi"}}]}}"#
        );
        let mut stream = TcpStream::connect(&address).unwrap();
        let head = format!(
            "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all((head + &body).as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(
            answer.contains(&format!("x-routellm-model: {model}")) && answer.contains("You wrote: hi"),
            "{answer}"
        );
    }
    signal(&child, "TERM");
    assert!(child.wait().unwrap().success());
}
