//! A job as JSON, for programs in other languages.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{GoldTask, Job, JudgeTask, Task};
use crate::augment::answers::Answers;
use crate::augment::endpoint::Endpoint;
use crate::augment::extract::Extraction;
use crate::augment::gold::{Question, gold, gold_with};
use crate::augment::judge::{JudgeOptions, Pair};
use crate::augment::report::JudgeReport;
use crate::augment::step::RequestOptions;
use crate::calibrate::Sample;
use crate::candidates::Price;
use crate::files::{Json, from_text};
use crate::{Error, Result, Router};

/// Which job it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum JobKind {
    /// Votes of a judge.
    Judge,
    /// Gold rows.
    Gold,
}

/// Where a model answers, and what that costs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct EndpointSpec {
    /// Its address, or whatever tells it from others; it is part of the names that answers are kept under.
    pub address: String,
    /// USD per million tokens of the request.
    pub input: f64,
    /// USD per million tokens of the answer.
    pub output: f64,
    /// The most requests in any minute.
    #[serde(default)]
    pub requests_per_minute: Option<u64>,
    /// The most tokens in any minute.
    #[serde(default)]
    pub tokens_per_minute: Option<u64>,
    /// Whether an answer counts that says it is of another model.
    #[serde(default)]
    pub any_model: bool,
}

/// A job: what it works on, where models answer, and how requests are sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct JobSpec {
    /// Which job it is.
    pub kind: JobKind,
    /// The file of its rows: pairs, prompts or questions. A `.txt` has a prompt in each line.
    #[serde(default)]
    pub path: Option<PathBuf>,
    /// Its rows, instead of a file: objects as in the lines of a file, or texts, which are prompts.
    #[serde(default)]
    pub rows: Option<Vec<Json>>,
    /// The models that answer now: of a judge two or none.
    #[serde(default)]
    pub models: Vec<String>,
    /// Answers that are there: objects as in the lines of a file.
    #[serde(default)]
    pub answers: Vec<Json>,
    /// Files of answers that are there.
    #[serde(default)]
    pub answer_files: Vec<PathBuf>,
    /// How the judge is asked.
    #[serde(default)]
    pub judge: JudgeOptions,
    /// The most tokens of an answer; 1024 for a judge to read, 512 for gold rows.
    #[serde(default)]
    pub max_tokens: Option<u64>,
    /// What the field with the most tokens is called where gold rows are asked for; a judge has it among its options.
    #[serde(default)]
    pub max_tokens_name: Option<String>,
    /// What is said to models before each question of gold rows.
    #[serde(default)]
    pub system: Option<String>,
    /// How an answer is found: `letter`, `number`, `exact` or `regex`. Gold rows alone; without it grades are given.
    #[serde(default)]
    pub form: Option<String>,
    /// The expression of the form `regex`.
    #[serde(default)]
    pub pattern: Option<String>,
    /// How many prompts to pick; all without it.
    #[serde(default)]
    pub pick: Option<usize>,
    /// A router, `default` or a folder, near whose decision line prompts are picked.
    #[serde(default)]
    pub near: Option<PathBuf>,
    /// Where each model answers that is asked.
    #[serde(default)]
    pub endpoints: BTreeMap<String, EndpointSpec>,
    /// How requests are sent.
    #[serde(default)]
    pub requests: RequestOptions,
    /// The folder that keeps every answer, `.routellm-requests` without it.
    #[serde(default)]
    pub cache: Option<PathBuf>,
    /// Whether it is only to say what it will cost.
    #[serde(default)]
    pub estimate: bool,
}

/// A grade that a program has given: none for an answer that cannot be read.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Grade {
    id: String,
    model: String,
    score: Option<f64>,
}

impl JobSpec {
    /// Reads a specification.
    ///
    /// # Errors
    /// `InvalidArgument` for one of another form, with the name of what is wrong.
    pub fn from_json(bytes: &[u8]) -> Result<Self> {
        from_text("the job", bytes)
    }

    /// The rows of the job as lines, where it has them.
    fn lines(rows: &[Json]) -> String {
        rows.iter().flat_map(|row| [row.to_string(), "\n".to_owned()]).collect()
    }

    fn source(&self) -> Result<Result<&PathBuf, String>> {
        match (&self.path, &self.rows) {
            (Some(path), None) => Ok(Ok(path)),
            (None, Some(rows)) => Ok(Err(Self::lines(rows))),
            _ => {
                Err(Error::invalid_argument("the job has no rows, or both a file and rows: pass one of them"))
            }
        }
    }

    fn given(&self) -> Result<Answers> {
        let mut answers = Answers::new();
        self.answer_files.iter().try_for_each(|file| answers.read(file))?;
        answers.read_jsonl(Self::lines(&self.answers).as_bytes(), "answers")?;
        Ok(answers)
    }

    /// The prompts, which may be texts alone.
    fn prompts(&self) -> Result<Vec<String>> {
        if let Ok(path) = self.source()? {
            return super::read_prompts(path);
        }
        let rows = self.rows.as_deref().unwrap_or_default();
        let objects: Vec<String> = rows
            .iter()
            .map(|row| match row.value() {
                Value::String(text) => format!("{}\n", json!({ "prompt": text })),
                _ => format!("{row}\n"),
            })
            .collect();
        Ok(Sample::from_jsonl(objects.concat().as_bytes(), "prompts")?.prompts().to_vec())
    }

    /// What is to be done.
    ///
    /// # Errors
    /// `NotFound`, `Io` or `InvalidArgument` for the rows, with file or source, and line; what the router reports.
    pub fn task(&self) -> Result<Task> {
        let task = self.whole_task()?;
        match (self.pick, &self.near) {
            (Some(count), near) => {
                let router = near.as_ref().map(|path| open_near(path)).transpose()?;
                task.pick(count, router.as_ref(), self.requests.seed)
            }
            (None, Some(_)) => Err(Error::invalid_argument("near has no effect without pick; leave it out")),
            (None, None) => Ok(task),
        }
    }

    fn whole_task(&self) -> Result<Task> {
        let stray = |name: &str, of: &str| {
            Err(Error::invalid_argument(format!("{name} has no effect on a job of kind {of}; leave it out")))
        };
        let answers = self.given()?;
        match self.kind {
            JobKind::Judge => {
                for (name, there) in [
                    ("form", self.form.is_some()),
                    ("pattern", self.pattern.is_some()),
                    ("system", self.system.is_some()),
                    ("max_tokens_name", self.max_tokens_name.is_some()),
                ] {
                    if there {
                        return stray(name, "judge");
                    }
                }
                let task = if self.models.is_empty() {
                    let pairs = match self.source()? {
                        Ok(path) => Pair::read(path)?,
                        Err(lines) => Pair::from_jsonl(lines.as_bytes(), "pairs")?,
                    };
                    JudgeTask::of_pairs(self.judge.clone(), pairs)
                } else {
                    JudgeTask::of_prompts(self.judge.clone(), self.prompts()?, &self.models, answers)?
                };
                Ok(Task::Judge(task.answer_max_tokens(self.max_tokens.unwrap_or(1024))))
            }
            JobKind::Gold => {
                if self.judge != JudgeOptions::default() {
                    return stray("judge", "gold");
                }
                if let Some(form) = &self.form {
                    // A form that there is none of is told before anything is paid.
                    Extraction::named(form, self.pattern.as_deref())?.compile()?;
                }
                let questions = match self.source()? {
                    Ok(path) => Question::read(path)?,
                    Err(lines) => Question::from_jsonl(lines.as_bytes(), "questions")?,
                };
                let mut task = GoldTask::new(questions, self.models.clone());
                task.answers = answers;
                task.max_tokens = self.max_tokens.unwrap_or(task.max_tokens);
                task.system.clone_from(&self.system);
                if let Some(name) = &self.max_tokens_name {
                    task.max_tokens_name.clone_from(name);
                }
                Ok(Task::Gold(task))
            }
        }
    }

    /// The job, with what the journal says of earlier runs.
    ///
    /// # Errors
    /// As [`task`](Self::task) and [`Job::new`]; `InvalidArgument` without a budget where requests would be sent.
    pub fn job(&self, journal: &[u8]) -> Result<Job> {
        let task = self.task()?;
        let asks = !task.models().is_empty();
        if asks && self.requests.budget.is_none() && !self.estimate {
            return Err(Error::invalid_argument(
                "how much may it cost? Give a budget in USD; an estimate says what to expect",
            ));
        }
        let endpoint = |model: &str| -> Result<(String, Endpoint)> {
            let spec = self.endpoints.get(model).ok_or_else(|| {
                Error::invalid_argument(format!(
                    "no price of {model:?} is known; give it in USD per million tokens"
                ))
            })?;
            let mut endpoint =
                Endpoint::new(&spec.address, Price::new(spec.input, spec.output)).any_model(spec.any_model);
            endpoint.requests_per_minute = spec.requests_per_minute;
            endpoint.tokens_per_minute = spec.tokens_per_minute;
            Ok((model.to_owned(), endpoint))
        };
        let endpoints = task.models().into_iter().map(endpoint).collect::<Result<Vec<_>>>()?;
        let job = Job::new(task, endpoints, self.requests.clone(), journal)?;
        if !self.estimate {
            job.requests().refuse_batches()?;
        }
        Ok(job)
    }

    /// What has become of a job as JSON: `rows` to train on, what is to be known of them, and the `bill`. Gold rows without a
    /// `form` take `grades`, JSON: a list of `id`, `model` and `score` for every answer, null where one cannot be read.
    ///
    /// # Errors
    /// `InvalidArgument` for grades of another form, and what [`gold`] reports.
    pub fn result(&self, job: &Job, grades: Option<&[u8]>) -> Result<Json> {
        let mut told = match &job.task {
            Task::Judge(_) => {
                let judgements = job.judgements();
                let rows: Vec<Json> =
                    judgements.iter().map(|judgement| judgement.to_json().parse()).collect::<Result<_>>()?;
                json!({ "rows": rows, "report": JudgeReport::new(&judgements) })
            }
            Task::Gold(task) => {
                let report = match (&self.form, grades) {
                    (Some(form), _) => {
                        let rule = Extraction::named(form, self.pattern.as_deref())?.compile()?;
                        gold(&task.questions, job.answers(), &rule)?
                    }
                    (None, None) => {
                        return Err(Error::invalid_argument(
                            "how is an answer found? Give a form, letter, number, exact or regex, or a function",
                        ));
                    }
                    (None, Some(grades)) => {
                        let grades: Vec<Grade> = serde_json::from_slice(grades)
                            .map_err(|error| Error::invalid_argument(format!("grades: {error}")))?;
                        let known: HashMap<(String, String), Option<f64>> =
                            grades.into_iter().map(|grade| ((grade.id, grade.model), grade.score)).collect();
                        gold_with(&task.questions, job.answers(), |question, model, _| {
                            let key = (question.id.clone(), model.to_owned());
                            known.get(&key).copied().ok_or_else(|| {
                                Error::invalid_argument(format!(
                                    "question {}: no grade of the answer of {model}; grade every answer",
                                    question.id
                                ))
                            })
                        })?
                    }
                };
                let lines = report.table.to_jsonl();
                let rows: Vec<Json> = lines.lines().map(str::parse).collect::<Result<_>>()?;
                json!({ "rows": rows, "models": report.accuracy, "unparsed": report.unparsed, "missing": report.missing })
            }
        };
        told["bill"] = json!(job.bill());
        told["estimate"] = json!(job.estimate());
        told["failure"] = json!(job.failure());
        Json::of(&told)
    }

    /// The answers that are to be graded, JSON: a list of `id`, `prompt`, `right`, `model` and `answer`.
    ///
    /// # Errors
    /// None that a caller can bring about.
    pub fn to_grade(job: &Job) -> Result<Json> {
        let Task::Gold(task) = &job.task else { return Json::of(&[(); 0]) };
        let mut rows = Vec::new();
        for question in &task.questions {
            for model in job.answers().models() {
                if let Some(answer) = job.answers().get(model, &question.id, &question.prompt) {
                    rows.push(json!({"id": question.id, "prompt": question.prompt, "right": question.right,
                        "model": model, "answer": answer}));
                }
            }
        }
        Json::of(&rows)
    }
}

/// The router of a path; `default` is the one in the library, unless a folder is called so.
fn open_near(path: &Path) -> Result<Router> {
    if path.as_os_str() == "default" && !path.is_dir() {
        Router::default_router()
    } else {
        Router::open(path)
    }
}

impl EndpointSpec {
    /// An endpoint without limits.
    pub fn new(address: impl Into<String>, price: &Price) -> Self {
        Self {
            address: address.into(),
            input: price.input,
            output: price.output,
            requests_per_minute: None,
            tokens_per_minute: None,
            any_model: false,
        }
    }
}
