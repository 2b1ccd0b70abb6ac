//! `routellm gold`.

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use clap::Args;
use routellm_core::augment::{Answers, Extraction, GoldReport, GoldTask, Question, Task, gold, gold_with};
use routellm_core::{Error, ErrorKind, Result, Router};
use serde_json::json;

use crate::output::Output;
use crate::remote::{Remote, Work, check_complete};

/// Make gold rows of questions with known answers, and of what two or more models answer.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  routellm gold questions.jsonl --form letter --answers answers.jsonl --out labels.jsonl\n  \
    routellm gold questions.jsonl --model big --model small --prices prices.json --estimate"
)]
pub(crate) struct Gold {
    /// Questions: rows of `prompt`, the right `answer` and, where there are options, `choices`.
    questions: PathBuf,
    /// How an answer is found: letter, number, exact, regex or command.
    #[arg(long, value_name = "FORM", default_value = "letter")]
    form: String,
    /// The expression of the form regex; its first group is the answer.
    #[arg(long, value_name = "REGEX")]
    pattern: Option<String>,
    /// The command of the form command, which gets a JSON object of `prompt`, `right`, `model` and `answer`: status 0 is right, 1
    /// is wrong, any other cannot be read. It runs what models wrote: in a sandbox of yours, please.
    #[arg(long, value_name = "COMMAND")]
    command: Option<String>,
    /// Seconds that the command may take.
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    command_timeout: u64,
    /// Answers: rows of `model`, `answer` and the `id` or the `prompt` of the question. Repeatable.
    #[arg(long, value_name = "FILE")]
    answers: Vec<PathBuf>,
    /// A model that answers now, repeatable.
    #[arg(long = "model", value_name = "MODEL")]
    models: Vec<String>,
    /// The most tokens of an answer.
    #[arg(long, value_name = "N", default_value_t = 512)]
    max_tokens: u64,
    /// How answers are to be written, said to models before each question.
    #[arg(long, value_name = "TEXT")]
    system: Option<String>,
    /// The file to write: gold rows, JSON lines.
    #[arg(long, value_name = "FILE", required_unless_present = "estimate")]
    out: Option<PathBuf>,
    /// The file for answers that cannot be read, JSON lines; they count as wrong.
    #[arg(long, value_name = "FILE")]
    unparsed: Option<PathBuf>,
    /// Take so many prompts, which differ more than by chance.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pick: Option<u32>,
    /// Pick near the decision line of this router: `default` or a folder.
    #[arg(long, value_name = "ROUTER", requires = "pick")]
    near: Option<PathBuf>,
    #[command(flatten)]
    remote: Remote,
}

/// Writes a file under another name until it is whole.
pub(crate) fn write(path: &Path, text: &str) -> Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(".part");
    let part = path.with_file_name(name);
    fs::write(&part, text).and_then(|()| fs::rename(&part, path)).map_err(|error| {
        let _ = fs::remove_file(&part);
        Error::io(path, error)
    })
}

/// The task with the prompts that `--pick` picks.
pub(crate) fn picked(task: Task, count: Option<u32>, near: Option<&Path>) -> Result<Task> {
    let Some(count) = count else { return Ok(task) };
    let router = near.map(|path| {
        if path.as_os_str() == "default" && !path.is_dir() {
            Router::default_router()
        } else {
            Router::open(path)
        }
    });
    task.pick(count as usize, router.transpose()?.as_ref(), 0)
}

impl Gold {
    pub(crate) fn run(self, output: &mut Output) -> Result<()> {
        let rule = match (self.form.as_str(), &self.command) {
            ("command", Some(_)) => None,
            ("command", None) => return Err(invalid("the form command needs --command")),
            (form, Some(_)) => {
                return Err(invalid(&format!("--command has no effect on the form {form}; leave it out")));
            }
            (form, None) => Some(Extraction::named(form, self.pattern.as_deref())?.compile()?),
        };
        let questions = Question::read(&self.questions)?;
        let mut answers = Answers::new();
        self.answers.iter().try_for_each(|file| answers.read(file))?;
        if self.models.is_empty() && self.remote.estimate {
            return Err(invalid("there is nothing to estimate without a --model that answers now"));
        }
        let mut task = GoldTask::new(questions, self.models.clone());
        (task.answers, task.max_tokens, task.system) = (answers, self.max_tokens, self.system.clone());
        task.max_tokens_name.clone_from(&self.remote.max_tokens_name);
        let task = picked(Task::Gold(task), self.pick, self.near.as_deref())?;
        let mut work = self.remote.open(task)?;
        if !self.models.is_empty() {
            self.remote.tell(work.job.estimate(), output)?;
            if self.remote.estimate {
                return Ok(());
            }
            work.run()?;
        }
        let (questions, answers, why) = (work.job.questions(), work.job.answers(), work.job.failure());
        let bill = (!self.models.is_empty()).then(|| work.job.bill());
        let report = match (&rule, &self.command) {
            (Some(rule), _) => gold(questions, answers, rule)?,
            (None, command) => {
                let command = command.as_deref().unwrap_or_default();
                let limit = Duration::from_secs(self.command_timeout);
                gold_with(questions, answers, |question, model, text| {
                    let row = json!({"id": question.id, "prompt": question.prompt, "right": question.right,
                        "model": model, "answer": text});
                    graded(command, &row.to_string(), limit)
                })?
            }
        };
        if let Some(out) = &self.out {
            write(out, &report.table.to_jsonl())?;
        }
        if let Some(path) = &self.unparsed {
            let lines = report.unparsed.iter().map(|row| format!("{}\n", json!(row)));
            write(path, &lines.collect::<Vec<_>>().concat())?;
        }
        self.say(&report, bill.as_ref(), output)?;
        bill.map_or(Ok(()), |bill| check_complete(&bill, why))
    }

    fn say(
        &self,
        report: &GoldReport,
        bill: Option<&routellm_core::augment::Bill>,
        output: &mut Output,
    ) -> Result<()> {
        if output.is_json() {
            return output.json_line(&json!({
                "rows": report.table.rows.len(), "models": report.accuracy, "unparsed": report.unparsed,
                "missing": report.missing, "bill": bill, "out": self.out,
            }));
        }
        let models = report.accuracy.iter().map(|model| {
            vec![model.model.clone(), format!("{:.4}", model.accuracy), model.unparsed.to_string()]
        });
        output.table(&["model", "right", "unparsed"], models.collect())?;
        output.line("")?;
        let mut facts = vec![("rows", report.table.rows.len().to_string())];
        if !report.missing.is_empty() {
            facts.push(("left out", format!("{} answers are missing", report.missing.len())));
        }
        facts.extend(bill.map(Work::facts).unwrap_or_default());
        facts.extend(self.out.as_ref().map(|out| ("out", out.display().to_string())));
        output.facts(&facts)?;
        // All of them are in the JSON, and in the file of --unparsed.
        for row in report.unparsed.iter().take(10) {
            let text: String =
                row.text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(60).collect();
            output.line(&format!("unparsed  {} {}: {text}", row.id, row.model))?;
        }
        Ok(())
    }
}

fn invalid(message: &str) -> Error {
    Error::new(ErrorKind::InvalidArgument, message)
}

/// What a command says of an answer: status 0 is right, 1 is wrong, anything else cannot be read.
fn graded(command: &str, row: &str, limit: Duration) -> Result<Option<f64>> {
    let failed = |error| Error::io(Path::new(command), error);
    let mut child = Command::new(if cfg!(windows) { "cmd" } else { "sh" })
        .args([if cfg!(windows) { "/C" } else { "-c" }, command])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    if let Some(mut stdin) = child.stdin.take() {
        // A command need not read what it does not want to know.
        let _ = stdin.write_all(row.as_bytes());
    }
    // What it complains about must not fill a pipe that nobody empties.
    let complaints = child.stderr.take().map(|mut stderr| {
        std::thread::spawn(move || {
            let mut text = String::new();
            let _ = stderr.read_to_string(&mut text);
            text
        })
    });
    let began = Instant::now();
    loop {
        if let Some(status) = child.try_wait().map_err(failed)? {
            if matches!(status.code(), Some(126 | 127)) {
                let said = complaints.and_then(|thread| thread.join().ok()).unwrap_or_default();
                return Err(invalid(&format!("the command {command:?} cannot be run: {}", said.trim())));
            }
            return Ok(match status.code() {
                Some(0) => Some(1.0),
                Some(1) => Some(0.0),
                _ => None,
            });
        }
        if began.elapsed() > limit {
            let _ = child.kill();
            let _ = child.wait();
            return Ok(None);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}
