//! From 500 prompts and two endpoints to an evaluated, calibrated router, by four commands; and what is left of it when the
//! judge dies, the disk is full or a command is killed.
//!
//! The judge answers as GPT-4 has: by the recorded verdicts on OASST, and the recorded scores of MT-Bench. What the two models
//! answer is made up.

mod endpoint;

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use endpoint::{Deed, Server, kill, last, usd};

/// What GPT-4 has said of each prompt: the winner when the strong model's answer came first, and when it came second.
type Verdicts = HashMap<String, [&'static str; 2]>;

/// The models of the recorded verdicts that `big` and `small` stand for.
const OASST: [&str; 2] = ["gpt-3.5", "13b-guanaco"];
const MT_BENCH: [&str; 2] = ["gpt-4-1106-preview", "mistralai/Mixtral-8x7B-Instruct-v0.1"];

fn rows(path: &Path) -> Vec<Value> {
    fs::read_to_string(path).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The folder of recorded data; nothing without it, which a run that demands everything refuses.
fn shared() -> Option<PathBuf> {
    let path = std::env::var_os("ROUTELLM_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared"), PathBuf::from)
        .join("data");
    if path.exists() {
        return Some(path);
    }
    assert!(
        std::env::var_os("ROUTELLM_REQUIRE_ALL").is_none_or(|all| all != "1"),
        "{} is not there",
        path.display()
    );
    eprintln!("skipped: {} is not there", path.display());
    None
}

/// `count` prompts, and what was said of them.
fn recorded(data: &Path, count: usize) -> (Vec<String>, Verdicts) {
    let (mut prompts, mut verdicts) = (Vec::new(), Verdicts::new());
    let scores = rows(&data.join("routellm-evals/mt_bench/judgements.jsonl"));
    for question in rows(&data.join("routellm-evals/mt_bench/question.jsonl")) {
        let score = |model: &str| {
            let of = |row: &&Value| {
                row["question_id"] == question["question_id"] && row["turn"] == 1 && row["model"] == model
            };
            scores.iter().find(of).unwrap()["score"].as_f64().unwrap()
        };
        let (big, small) = (score(MT_BENCH[0]), score(MT_BENCH[1]));
        let winner = if big > small {
            "big"
        } else if big < small {
            "small"
        } else {
            "tie"
        };
        let prompt = question["turns"][0].as_str().unwrap().to_owned();
        prompts.push(prompt.clone());
        verdicts.insert(prompt, [winner; 2]);
    }
    for row in rows(&data.join("judge/oasst_gpt4_judge.jsonl")) {
        let (a, b) = (row["model_a"].as_str().unwrap(), row["model_b"].as_str().unwrap());
        let prompt = row["prompt"].as_str().unwrap();
        if prompts.len() == count || [a, b] != [OASST[1], OASST[0]] || verdicts.contains_key(prompt) {
            continue;
        }
        let said: Vec<&'static str> = row["verdicts"]
            .as_array()
            .unwrap()
            .iter()
            .map(|verdict| match verdict.as_str().unwrap() {
                "model_a" => "small",
                "model_b" => "big",
                _ => "tie",
            })
            .collect();
        // The recorded orders are (a, b) and (b, a): the strong model is second, then first.
        let both = [said[said.len() - 1], said[0]];
        prompts.push(prompt.to_owned());
        verdicts.insert(prompt.to_owned(), both);
    }
    assert_eq!(prompts.len(), count);
    (prompts, verdicts)
}

/// What the judge says, by the answers that it sees and what was recorded of their prompt.
fn verdict(body: &Value, verdicts: &Verdicts) -> String {
    let text = body["messages"][1]["content"].as_str().unwrap();
    let prompt = text.strip_prefix("[User Question]\n").unwrap();
    let at = prompt.find("\n\n[The Start of Assistant A's Answer]\n").unwrap();
    let answers = &prompt[at..];
    let big_first = answers.find("answer of big").unwrap() < answers.find("answer of small").unwrap();
    let said = verdicts[&prompt[..at]][usize::from(!big_first)];
    let verdict = match said {
        "tie" => "C",
        "big" if big_first => "A",
        "small" if !big_first => "A",
        _ => "B",
    };
    format!("I have read both. [[{verdict}]]")
}

fn manner(verdicts: &Arc<Verdicts>) -> impl Fn(&Value, usize) -> Deed + Send + Sync + 'static {
    let verdicts = verdicts.clone();
    move |body, _| {
        let prompt = body["messages"][0]["content"].as_str().unwrap();
        Deed::Say(match body["model"].as_str().unwrap() {
            "judge" => verdict(body, &verdicts),
            model => format!("The answer of {model} to {} letters.", prompt.len()),
        })
    }
}

/// A person's folder: prompts, and nothing else.
struct Place {
    folder: tempfile::TempDir,
    prompts: usize,
    verdicts: Arc<Verdicts>,
}

impl Place {
    fn new(data: &Path, count: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (prompts, verdicts) = recorded(data, count);
        let lines = endpoint::lines(prompts.iter().map(|prompt| json!({ "prompt": prompt })));
        fs::write(folder.path().join("prompts.jsonl"), lines).unwrap();
        Self { folder, prompts: count, verdicts: Arc::new(verdicts) }
    }

    /// The four commands, which `docs/labels.md` has too.
    fn commands(server: &Server) -> [Vec<String>; 4] {
        let text =
            fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/labels.md")).unwrap();
        let (_, script) = text.split_once("```sh four\n").unwrap();
        let (script, _) = script.split_once("\n```").unwrap();
        let script = script.replace("\\\n", " ");
        let commands: Vec<Vec<String>> = script
            .lines()
            .map(|line| {
                let words = line.split_whitespace().skip(1);
                words.map(|word| word.replace("https://api.example.com/v1", &server.address)).collect()
            })
            .collect();
        commands.try_into().unwrap()
    }

    /// A server of the two models and the judge, at the prices of `docs/labels.md`.
    fn server(manner: impl Fn(&Value, usize) -> Deed + Send + Sync + 'static) -> Server {
        let server = Server::start(manner);
        for (model, input, output) in [("big", 2.5, 10.0), ("small", 0.2, 0.8), ("judge", 2.0, 8.0)] {
            server.price(model, input, output);
        }
        server
    }

    fn command(&self, arguments: &[String]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_routellm"));
        self.prepare(&mut command);
        command.args(arguments);
        command
    }

    fn prepare(&self, command: &mut Command) {
        command.current_dir(self.folder.path()).stdin(Stdio::null()).env("KEY", "sk-mine");
        for name in ["http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"] {
            command.env_remove(name);
        }
    }

    fn run(&self, arguments: &[String]) -> Output {
        self.command(arguments).output().unwrap()
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.folder.path().join(name)).unwrap()
    }

    /// All was judged as it was recorded; what was billed is on the bill.
    fn check_votes(&self) {
        let votes = rows(&self.folder.path().join("votes.jsonl"));
        assert_eq!(votes.len(), self.prompts);
        for vote in votes {
            let recorded = self.verdicts[vote["prompt"].as_str().unwrap()];
            let said: Vec<&str> = vote["verdicts"]
                .as_array()
                .unwrap()
                .iter()
                .map(|verdict| match verdict.as_str().unwrap() {
                    "model_a" => "big",
                    "model_b" => "small",
                    tie => tie,
                })
                .collect();
            assert_eq!(said, recorded, "{vote}");
        }
    }
}

fn told(done: &Output) -> String {
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout.clone()).unwrap()
}

fn with_json(arguments: &[String]) -> Vec<String> {
    [arguments, &["--json".to_owned()]].concat()
}

#[test]
fn four_commands_make_an_evaluated_calibrated_router() {
    let Some(data) = shared() else { return };
    let place = Place::new(&data, 500);
    let server = Place::server(manner(&place.verdicts));
    let [judge, split, train, eval] = Place::commands(&server);
    let bill = told(&place.run(&judge));
    // The bill, as it is printed.
    println!("{bill}");
    for line in ["answered", "2000 of 2000 requests", "spent", "0.", " USD"] {
        assert!(bill.contains(line), "{bill}");
    }
    place.check_votes();
    let (came, billed) = {
        let seen = server.seen.lock().unwrap();
        assert!(seen.keys.iter().all(|key| key.as_deref() == Some("Bearer sk-mine")));
        (seen.came.values().sum::<usize>(), seen.billed)
    };
    assert_eq!(came, 2000);
    // Asked again, it is told and paid no more.
    let again = last(&place.run(&with_json(&judge)));
    assert!(
        (usd(&again["bill"]["spent_usd"]) - billed).abs() < 1e-9 && again["bill"]["sent"] == 0,
        "{again}"
    );
    told(&place.run(&split));
    told(&place.run(&train));
    let report = told(&place.run(&eval));
    println!("{report}");
    let report: Value = serde_json::from_str(&place.read("report/report.json")).unwrap();
    assert!(place.folder.path().join("report/report.html").exists());
    // It is evaluated on prompts that it has not learned from.
    let prompts = |name: &str| -> BTreeSet<String> {
        let rows = rows(&place.folder.path().join(name));
        rows.iter().map(|row| row["prompt"].as_str().unwrap().to_owned()).collect()
    };
    let (learned, held_out) = (prompts("parts/train.jsonl"), prompts("parts/held_out.jsonl"));
    assert!(learned.is_disjoint(&held_out) && held_out.len() > 60, "{}", held_out.len());
    let text = report.to_string();
    assert!(text.contains("apgr"), "{text}");
    // It is calibrated on all of the person's prompts: half of them go to the strong model if that is asked for.
    let route = ["route", "-r", "my-router", "--strong-share", "0.5", "--json"].map(str::to_owned);
    let mut child = place.command(&route);
    let list: String = rows(&place.folder.path().join("prompts.jsonl"))
        .iter()
        .map(|row| row["prompt"].as_str().unwrap().replace('\n', " ") + "\n")
        .collect();
    let file = place.folder.path().join("plain.txt");
    fs::write(&file, list).unwrap();
    let decided = told(&child.stdin(fs::File::open(file).unwrap()).output().unwrap());
    let strong = decided.lines().filter(|line| line.contains("\"side\":\"strong\"")).count();
    let share = strong as f64 / decided.lines().count() as f64;
    assert!((0.35..0.65).contains(&share), "{share}");
}

#[test]
fn a_judge_that_dies_costs_what_was_in_flight() {
    let Some(data) = shared() else { return };
    let place = Place::new(&data, 60);
    let honest = manner(&place.verdicts);
    let (left, alive) = (Arc::new(AtomicUsize::new(45)), Arc::new(AtomicUsize::new(0)));
    let (counted, revived) = (left.clone(), alive.clone());
    let server = Place::server(move |body, nth| {
        let judge = body["model"] == "judge" && revived.load(Ordering::SeqCst) == 0;
        // It dies in the middle: connections break off, with the bill.
        if judge
            && counted.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_err()
        {
            return Deed::Status(503, "", "down".to_owned());
        }
        honest(body, nth)
    });
    let [judge, ..] = Place::commands(&server);
    let done = place.run(&[&judge[..], &["--tries", "2"].map(str::to_owned)].concat());
    assert_eq!(done.status.code(), Some(1));
    let error = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(error.contains("failures in a row") && error.contains("run the same again"), "{error}");
    // What was judged is there already, and the rest follows when it is back.
    let half = rows(&place.folder.path().join("votes.jsonl"));
    assert!(half.iter().any(|vote| vote["winner"].is_string()));
    alive.store(1, Ordering::SeqCst);
    let again = last(&place.run(&with_json(&judge)));
    place.check_votes();
    let seen = server.seen.lock().unwrap();
    assert!(seen.answered.values().all(|count| *count == 1), "paid twice");
    assert!((usd(&again["bill"]["spent_usd"]) - seen.billed).abs() < 1e-9, "{again}");
}

#[test]
fn a_command_that_is_killed_is_run_again() {
    let Some(data) = shared() else { return };
    let place = Place::new(&data, 200);
    let honest = manner(&place.verdicts);
    let server = Place::server(move |body, nth| match honest(body, nth) {
        Deed::Say(text) => Deed::Slow(2, text),
        other => other,
    });
    let [judge, split, train, eval] = Place::commands(&server);
    // Models answer, then the judge.
    for answers in [60, 300, 450, 750] {
        let child = place.command(&judge).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        while server.seen.lock().unwrap().answered.len() < answers {
            thread::sleep(Duration::from_millis(1));
        }
        kill(child);
    }
    let done = last(&place.run(&with_json(&judge)));
    place.check_votes();
    let (came, twice) = {
        let seen = server.seen.lock().unwrap();
        assert!(seen.billed <= usd(&done["bill"]["spent_usd"]) + usd(&done["bill"]["uncertain_usd"]) + 1e-12);
        (seen.came.len(), seen.came.values().map(|count| count - 1).sum::<usize>())
    };
    let interrupted = done["bill"]["interrupted"].as_u64().unwrap() as usize;
    assert!(came == 800 && twice <= interrupted && interrupted <= 4 * 8, "{came} {twice} {interrupted}");
    // The other commands pay nothing; killed wherever it be, they do it again.
    for command in [&split, &train, &eval] {
        for wait in [0, 3, 15] {
            let child = place.command(command).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
            thread::sleep(Duration::from_millis(wait));
            kill(child);
        }
        told(&place.run(command));
    }
    assert_eq!(server.seen.lock().unwrap().came.values().sum::<usize>(), came + twice);
}

#[cfg(unix)]
#[test]
fn a_full_disk_stops_before_anything_is_paid_that_cannot_be_kept() {
    let Some(data) = shared() else { return };
    let place = Place::new(&data, 200);
    let server = Place::server(manner(&place.verdicts));
    let [judge, split, train, eval] = Place::commands(&server);
    let full = |blocks: usize, arguments: &[String]| {
        // No file grows beyond so many blocks; the signal for it is ignored, as for any error of a full disk.
        let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"");
        let mut command = Command::new("sh");
        place.prepare(&mut command);
        command.args(["-c", &script, env!("CARGO_BIN_EXE_routellm")]).args(arguments).output().unwrap()
    };
    let mut stopped = 0;
    for blocks in [0, 4, 24, 60] {
        let before = server.seen.lock().unwrap().answered.len();
        let done = full(blocks, &judge);
        if done.status.success() {
            continue;
        }
        stopped += 1;
        let error = String::from_utf8_lossy(&done.stderr).into_owned();
        assert!(error.contains("File too large"), "{error}");
        let after = server.seen.lock().unwrap().answered.len();
        assert!(blocks > 0 || after == before, "nothing can be kept, and {} were paid", after - before);
    }
    assert!(stopped >= 3, "{stopped}");
    let done = last(&place.run(&with_json(&judge)));
    place.check_votes();
    {
        let seen = server.seen.lock().unwrap();
        let twice: usize = seen.came.values().map(|count| count - 1).sum();
        // Eight are in flight at most when the disk is full.
        assert!(twice <= stopped * 8, "{twice}");
        assert!(seen.billed <= usd(&done["bill"]["spent_usd"]) + usd(&done["bill"]["uncertain_usd"]) + 1e-12);
    }
    for command in [&split, &train, &eval] {
        let done = full(0, command);
        assert_eq!(done.status.code(), Some(1), "{command:?}");
        told(&place.run(command));
    }
}
