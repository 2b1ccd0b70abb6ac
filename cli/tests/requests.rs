//! `routellm judge` and `routellm gold` against a server of models that misbehaves.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

/// What the server has seen: of each body, how often it came, and how often it was answered in full.
#[derive(Default)]
struct Seen {
    came: BTreeMap<String, usize>,
    answered: BTreeMap<String, usize>,
    /// USD that it has billed.
    billed: f64,
    now: usize,
    most_at_once: usize,
    keys: Vec<Option<String>>,
}

/// How a server treats the n-th time that it sees a body.
type Manner = dyn Fn(&Value, usize) -> Deed + Send + Sync;

enum Deed {
    /// It answers with this text.
    Say(String),
    /// As that, after some milliseconds.
    Slow(u64, String),
    /// A status, with headers, and a body.
    Status(u16, &'static str, String),
    /// It bills the request, and the body is cut off; its length says so.
    Half,
    /// It bills the request, and the body is whole and no JSON.
    Broken,
    /// It bills the request, and closes the connection.
    Reset,
    /// It answers, and says that it is another model.
    Other,
    /// A refusal.
    Refuse,
}

struct Server {
    address: String,
    seen: Arc<Mutex<Seen>>,
}

/// USD per token, in and out, that the tests say.
const PRICE: (f64, f64) = (2.0e-6, 8.0e-6);

impl Server {
    fn start(manner: impl Fn(&Value, usize) -> Deed + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}/v1", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Seen::default()));
        let (kept, manner) = (seen.clone(), Arc::new(manner));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (seen, manner) = (kept.clone(), manner.clone());
                thread::spawn(move || {
                    // A client that is killed is no concern of the server's.
                    let _ = serve(stream, &seen, &*manner);
                });
            }
        });
        Self { address, seen }
    }

    fn billed(&self) -> f64 {
        self.seen.lock().unwrap().billed
    }
}

fn serve(mut stream: TcpStream, seen: &Mutex<Seen>, manner: &Manner) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let (mut length, mut key, mut line) = (0, None, String::new());
    reader.read_line(&mut line)?;
    assert!(line.starts_with("POST /v1/chat/completions "), "{line}");
    loop {
        line.clear();
        reader.read_line(&mut line)?;
        let header = line.trim();
        if header.is_empty() {
            break;
        }
        let (name, value) = header.split_once(':').unwrap();
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.trim().parse().unwrap(),
            "authorization" => key = Some(value.trim().to_owned()),
            _ => {}
        }
    }
    let mut bytes = vec![0; length];
    reader.read_exact(&mut bytes)?;
    let text = String::from_utf8(bytes).unwrap();
    let body: Value = serde_json::from_str(&text).unwrap();
    let nth = {
        let mut seen = seen.lock().unwrap();
        seen.keys.push(key.clone());
        seen.now += 1;
        seen.most_at_once = seen.most_at_once.max(seen.now);
        let came = seen.came.entry(text.clone()).or_default();
        *came += 1;
        *came
    };
    let deed = manner(&body, nth);
    if let Deed::Slow(wait, _) = &deed {
        thread::sleep(Duration::from_millis(*wait));
    }
    let words = |text: &str| text.split_whitespace().count();
    let prompt: usize = body["messages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|message| words(message["content"].as_str().unwrap()))
        .sum();
    let reply = |text: Value, refusal: Value, model: &Value| {
        let output = text.as_str().map_or(3, words);
        let usage = json!({"prompt_tokens": prompt, "completion_tokens": output});
        let usd = prompt as f64 * PRICE.0 + output as f64 * PRICE.1;
        let body = json!({"id": "x", "model": model, "usage": usage, "choices": [
            {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text, "refusal": refusal}}]});
        (body.to_string(), usd)
    };
    let (status, headers, sent, usd) = match &deed {
        Deed::Say(text) | Deed::Slow(_, text) => {
            let (sent, usd) = reply(json!(text), Value::Null, &body["model"]);
            (200, "", sent, usd)
        }
        Deed::Status(status, headers, text) => {
            (*status, *headers, text.replace("$KEY", key.as_deref().unwrap_or("")), 0.0)
        }
        Deed::Other => {
            let (sent, usd) = reply(json!("[[A]]"), Value::Null, &json!("somebody-else"));
            (200, "", sent, usd)
        }
        Deed::Refuse => {
            let (sent, usd) = reply(Value::Null, json!("I cannot help with that."), &body["model"]);
            (200, "", sent, usd)
        }
        Deed::Half | Deed::Broken | Deed::Reset => {
            let (sent, usd) = reply(json!("[[A]]"), Value::Null, &body["model"]);
            (200, "", sent, usd)
        }
    };
    {
        let mut seen = seen.lock().unwrap();
        seen.now -= 1;
        seen.billed += usd;
        if matches!(deed, Deed::Say(_) | Deed::Slow(..) | Deed::Refuse) {
            *seen.answered.entry(text).or_default() += 1;
        }
    }
    let head = |length: usize| {
        format!(
            "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n{headers}\r\n"
        )
    };
    match deed {
        Deed::Reset => Ok(()),
        Deed::Half => write!(stream, "{}{}", head(sent.len()), &sent[..sent.len() / 2]),
        Deed::Broken => write!(stream, "{}{}", head(sent.len() / 2), &sent[..sent.len() / 2]),
        _ => write!(stream, "{}{sent}", head(sent.len())),
    }
}

fn lines(rows: impl Iterator<Item = Value>) -> String {
    rows.map(|row| format!("{row}\n")).collect::<Vec<_>>().concat()
}

fn command(folder: &Path, server: &Server, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_routellm"));
    command.args(arguments).args(["--endpoint", &server.address]).current_dir(folder).stdin(Stdio::null());
    // A proxy of the machine knows nothing of the server.
    for name in
        ["http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "OPENAI_API_KEY"]
    {
        command.env_remove(name);
    }
    command
}

fn run(folder: &Path, server: &Server, arguments: &[&str]) -> Output {
    command(folder, server, arguments).output().unwrap()
}

/// The last line of JSON that a command printed.
fn last(done: &Output) -> Value {
    let text = String::from_utf8_lossy(&done.stdout);
    let line = text.lines().last().unwrap_or_else(|| panic!("{}", String::from_utf8_lossy(&done.stderr)));
    serde_json::from_str(line).unwrap()
}

/// Pairs whose better answer says so.
fn pairs(folder: &Path, count: usize) {
    let pair = |i: usize| {
        let (a, b) = if i.is_multiple_of(3) { ("good", "poor") } else { ("poor", "good") };
        json!({"id": i, "prompt": format!("question {i}"), "model_a": "big", "model_b": "small", "answer_a": a,
            "answer_b": b, "winner": if i.is_multiple_of(3) { "model_a" } else { "model_b" }})
    };
    fs::write(folder.join("pairs.jsonl"), lines((0..count).map(pair))).unwrap();
}

/// What an honest judge says of a pair.
fn verdict(body: &Value) -> String {
    let text = body["messages"][1]["content"].as_str().unwrap();
    let (good, poor) = (text.find("good").unwrap(), text.find("poor").unwrap());
    (if good < poor { "Clear. [[A]]" } else { "Clear. [[B]]" }).to_owned()
}

const JUDGE: [&str; 10] = [
    "judge",
    "pairs.jsonl",
    "--judge",
    "j",
    "--price",
    "j=2,8",
    "--max-tokens",
    "20",
    "--out",
    "judged.jsonl",
];

fn with<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&JUDGE[..], more].concat()
}

fn usd(value: &Value) -> f64 {
    value.as_str().unwrap().parse().unwrap()
}

#[test]
fn a_judge_that_misbehaves_is_asked_until_it_answers() {
    let folder = tempfile::tempdir().unwrap();
    pairs(folder.path(), 24);
    let tried = Mutex::new(HashMap::new());
    let server = Server::start(move |body, nth| {
        let mut tried = tried.lock().unwrap();
        let next = tried.len();
        let number = *tried.entry(body.to_string()).or_insert(next);
        if nth > 1 {
            return Deed::Say(verdict(body));
        }
        match number % 8 {
            0 => Deed::Status(429, "Retry-After: 1\r\n", "{}".to_owned()),
            1 => Deed::Status(500, "", "sorry".to_owned()),
            2 => Deed::Half,
            3 => Deed::Broken,
            4 => Deed::Reset,
            5 => Deed::Slow(300, verdict(body)),
            _ => Deed::Say(verdict(body)),
        }
    });
    let done = run(folder.path(), &server, &with(&["--budget", "1", "--json"]));
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let told = last(&done);
    assert_eq!(told["report"]["judged"], 24);
    assert_eq!(told["report"]["human"]["agreement"], 1.0);
    assert_eq!(told["report"]["order_consistency"], 1.0);
    let bill = &told["bill"];
    assert!(bill["retries"].as_u64().unwrap() >= 25, "{bill}");
    let (spent, maybe) = (usd(&bill["spent_usd"]), usd(&bill["uncertain_usd"]));
    assert!(maybe > 0.0 && server.billed() <= spent + maybe + 1e-12 && spent + maybe <= 1.0, "{bill}");
    let seen = server.seen.lock().unwrap();
    assert_eq!(seen.came.len(), 48);
    assert!(seen.answered.values().all(|count| *count == 1));
    assert!(seen.most_at_once <= 8);
    // Every row is one that a training reads.
    let rows = fs::read_to_string(folder.path().join("judged.jsonl")).unwrap();
    for (i, row) in rows.lines().enumerate() {
        let row: Value = serde_json::from_str(row).unwrap();
        let winner = if i.is_multiple_of(3) { "model_a" } else { "model_b" };
        assert_eq!((&row["winner"], &row["verdicts"]), (&json!(winner), &json!([winner, winner])));
    }
    drop(seen);
    // Again: nothing is sent.
    let done = run(folder.path(), &server, &with(&["--budget", "1", "--json"]));
    assert_eq!(last(&done)["bill"]["sent"], 0);
    assert_eq!(
        server.seen.lock().unwrap().came.values().sum::<usize>(),
        48 + bill["retries"].as_u64().unwrap() as usize
    );
}

#[test]
fn the_budget_holds_and_more_of_it_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    pairs(folder.path(), 20);
    let server = Server::start(|body, _| Deed::Say(verdict(body)));
    let estimate = run(folder.path(), &server, &with(&["--estimate", "--json"]));
    let estimate = last(&estimate)["estimate"].clone();
    assert_eq!(estimate["requests"], 40);
    assert!(
        server.seen.lock().unwrap().came.is_empty() && !folder.path().join(".routellm-requests").exists()
    );
    let mut answered = 0;
    for budget in ["0.005", "0.01", "1"] {
        let done = run(folder.path(), &server, &with(&["--budget", budget, "--json"]));
        let bill = last(&done)["bill"].clone();
        assert!(server.billed() <= budget.parse::<f64>().unwrap());
        assert!((usd(&bill["spent_usd"]) - server.billed()).abs() < 1e-9, "{bill}");
        let now = bill["answered"].as_u64().unwrap();
        assert!(now > answered, "{bill}");
        answered = now;
        let all = now == 40;
        assert_eq!(done.status.success(), all);
        assert_eq!(String::from_utf8_lossy(&done.stderr).contains("the budget did not reach for"), !all);
    }
    assert_eq!(answered, 40);
    assert!(server.billed() <= usd(&estimate["most_usd"]));
}

#[test]
fn refusals_and_other_models_are_no_verdicts() {
    let folder = tempfile::tempdir().unwrap();
    pairs(folder.path(), 4);
    let server = Server::start(|body, _| {
        let text = body["messages"][1]["content"].as_str().unwrap();
        match text {
            text if text.contains("question 0") => Deed::Refuse,
            text if text.contains("question 1") => Deed::Other,
            text if text.contains("question 2") => Deed::Say("[[A]] or [[B]]".to_owned()),
            _ => Deed::Say(verdict(body)),
        }
    });
    let done = run(folder.path(), &server, &with(&["--budget", "1", "--json"]));
    let told = last(&done);
    assert_eq!((&told["report"]["judged"], &told["report"]["unparsed"]), (&json!(1), &json!(4)));
    assert_eq!((&told["report"]["unanswered"], &told["bill"]["failed"]), (&json!(2), &json!(2)));
    assert!(String::from_utf8_lossy(&done.stderr).contains("somebody-else"));
    assert_eq!(told["bill"]["sent"], 8);
    assert!((usd(&told["bill"]["spent_usd"]) - server.billed()).abs() < 1e-9);
}

#[test]
fn a_key_is_sent_and_never_printed() {
    let folder = tempfile::tempdir().unwrap();
    pairs(folder.path(), 1);
    let server = Server::start(|_, _| {
        Deed::Status(401, "", r#"{"error": {"message": "Incorrect API key provided: $KEY"}}"#.to_owned())
    });
    let done = command(folder.path(), &server, &with(&["--budget", "1", "--key-env", "MY_KEY"]))
        .env("MY_KEY", "sk-secret")
        .output()
        .unwrap();
    assert_eq!(done.status.code(), Some(1));
    let journal = fs::read_to_string(folder.path().join(".routellm-requests/journal.jsonl")).unwrap();
    for text in [String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr), journal.into()]
    {
        assert!(!text.contains("sk-secret"), "{text}");
    }
    assert!(String::from_utf8_lossy(&done.stderr).contains("Incorrect API key"));
    let seen = server.seen.lock().unwrap();
    assert!(seen.keys.iter().all(|key| key.as_deref() == Some("Bearer sk-secret")));
    let done = run(folder.path(), &server, &with(&["--budget", "1", "--key-env", "NO_SUCH_KEY"]));
    assert!(String::from_utf8_lossy(&done.stderr).contains("NO_SUCH_KEY holds no key"));
}

fn kill(mut child: Child) {
    // SIGKILL on Unix.
    let _ = child.kill();
    let _ = child.wait();
}

#[test]
fn a_run_that_is_killed_pays_nothing_twice_but_what_was_in_flight() {
    let folder = tempfile::tempdir().unwrap();
    pairs(folder.path(), 40);
    let server = Server::start(|body, _| Deed::Slow(20, verdict(body)));
    let arguments = with(&["--budget", "1", "--json", "--concurrency", "4"]);
    for answers in [7, 19, 40, 62] {
        let child = command(folder.path(), &server, &arguments).stdout(Stdio::null()).spawn().unwrap();
        while server.seen.lock().unwrap().answered.len() < answers {
            thread::sleep(Duration::from_millis(1));
        }
        kill(child);
    }
    let done = run(folder.path(), &server, &arguments);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let told = last(&done);
    assert_eq!(told["report"]["judged"], 40);
    let seen = server.seen.lock().unwrap();
    let twice: usize = seen.came.values().map(|count| count - 1).sum();
    let interrupted = told["bill"]["interrupted"].as_u64().unwrap() as usize;
    assert!(twice <= interrupted && interrupted <= 4 * 4, "{twice} {interrupted}");
    let bill = &told["bill"];
    assert!(seen.billed <= usd(&bill["spent_usd"]) + usd(&bill["uncertain_usd"]) + 1e-12, "{bill}");
}

#[test]
fn an_endpoint_that_dies_ends_the_work_and_keeps_what_was_paid() {
    let folder = tempfile::tempdir().unwrap();
    pairs(folder.path(), 30);
    let server = Server::start(|body, _| Deed::Say(verdict(body)));
    let done = run(folder.path(), &server, &with(&["--budget", "0.012", "--json"]));
    let before = last(&done)["bill"]["answered"].as_u64().unwrap();
    assert!(before > 0 && before < 60);
    // Nobody listens there, and the answers that are kept are those of another address.
    let dead = Server { address: "http://127.0.0.1:9/v1".to_owned(), seen: Arc::default() };
    let done = run(folder.path(), &dead, &with(&["--budget", "1", "--json", "--tries", "2"]));
    assert_eq!(done.status.code(), Some(1));
    let error = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(error.contains("failures in a row") && error.contains("run the same again"), "{error}");
    let done = run(folder.path(), &server, &with(&["--budget", "1", "--json"]));
    assert!(done.status.success());
    assert_eq!(server.seen.lock().unwrap().came.values().sum::<usize>(), 60);
}

#[test]
fn two_models_answer_and_are_judged() {
    let folder = tempfile::tempdir().unwrap();
    let prompts: Vec<String> = (0..6).map(|i| format!("question {i}\n")).collect();
    fs::write(folder.path().join("prompts.txt"), prompts.concat()).unwrap();
    let server = Server::start(|body, _| {
        Deed::Say(match body["model"].as_str().unwrap() {
            "big" => "good".to_owned(),
            "small" => "poor".to_owned(),
            _ => verdict(body),
        })
    });
    let arguments = [
        "judge",
        "prompts.txt",
        "--model",
        "big",
        "--model",
        "small",
        "--judge",
        "j",
        "--price",
        "j=2,8",
        "--price",
        "big=2,8",
        "--price",
        "small=2,8",
        "--max-tokens",
        "20",
        "--answer-max-tokens",
        "30",
        "--budget",
        "1",
        "--out",
        "judged.jsonl",
        "--json",
    ];
    let done = run(folder.path(), &server, &arguments);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let told = last(&done);
    assert_eq!((&told["report"]["judged"], &told["bill"]["sent"]), (&json!(6), &json!(24)));
    let rows = fs::read_to_string(folder.path().join("judged.jsonl")).unwrap();
    assert_eq!(rows.matches(r#""winner":"model_a""#).count(), 6);
    // The estimate was made before the answers were there.
    let first: Value =
        serde_json::from_str(String::from_utf8_lossy(&done.stdout).lines().next().unwrap()).unwrap();
    assert_eq!(first["estimate"]["requests"], 24);
    assert!(usd(&told["bill"]["spent_usd"]) <= usd(&first["estimate"]["usd"]));
}

#[test]
fn gold_rows_are_made_of_answers_of_now_and_graded_by_a_command() {
    let folder = tempfile::tempdir().unwrap();
    let question = |i: usize| json!({"id": i, "prompt": format!("{i} + 1?"), "answer": (i + 1).to_string()});
    fs::write(folder.path().join("sums.jsonl"), lines((0..10).map(question))).unwrap();
    let server = Server::start(|body, _| {
        let text = body["messages"][0]["content"].as_str().unwrap();
        let number: usize = text.split(' ').next().unwrap().parse().unwrap();
        Deed::Say(match body["model"].as_str().unwrap() {
            "big" => format!("It is {}.", number + 1),
            _ if number == 3 => "I do not know.".to_owned(),
            _ if number.is_multiple_of(2) => format!("#### {}", number + 1),
            _ => "#### 0".to_owned(),
        })
    });
    let arguments = [
        "gold",
        "sums.jsonl",
        "--form",
        "number",
        "--model",
        "big",
        "--model",
        "small",
        "--price",
        "big=2,8",
        "--price",
        "small=2,8",
        "--budget",
        "1",
        "--max-tokens",
        "20",
        "--out",
        "gold.jsonl",
        "--json",
    ];
    let done = run(folder.path(), &server, &arguments);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let told = last(&done);
    assert_eq!(told["models"][0], json!({"model": "big", "accuracy": 1.0, "unparsed": 0}));
    assert_eq!(told["models"][1], json!({"model": "small", "accuracy": 0.5, "unparsed": 1}));
    assert_eq!(told["unparsed"][0]["id"], "3");
    let rows = fs::read_to_string(folder.path().join("gold.jsonl")).unwrap();
    assert_eq!(rows.lines().count(), 10);
    // A command of the user's: what is right is what has "is" in it; another status than 0 and 1 cannot be read.
    let answer = |i: usize| {
        let (model, text) = if i.is_multiple_of(2) { ("x", "it is") } else { ("y", "no") };
        json!({"id": i / 2, "model": model, "answer": text})
    };
    fs::write(folder.path().join("said.jsonl"), lines((0..20).map(answer))).unwrap();
    let graded = |command: &str| {
        let arguments = [
            "gold",
            "sums.jsonl",
            "--form",
            "command",
            "--command",
            command,
            "--answers",
            "said.jsonl",
            "--out",
            "graded.jsonl",
            "--json",
        ];
        last(&run(folder.path(), &server, &arguments))["models"].clone()
    };
    if cfg!(unix) {
        let models = graded("grep -q '\"answer\":\"it is\"'");
        assert_eq!((&models[0]["accuracy"], &models[1]["accuracy"]), (&json!(1.0), &json!(0.0)));
        assert_eq!(graded("exit 3")[0], json!({"model": "x", "accuracy": 0.0, "unparsed": 10}));
    }
}
