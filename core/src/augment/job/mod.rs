//! A job as a whole: which requests it takes, one stage after the other, and what becomes of their answers.
//!
//! As [`Requests`], which it steps, it opens no socket, file or clock: the command drives it over HTTP, Python and Node by
//! whatever client the program has, and all of them keep one journal of one form.

mod gold;
mod judge;
mod run;
mod spec;

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use serde_json::json;

use super::answers::Answers;
use super::batch::Batch;
use super::bill::{Bill, Estimate};
use super::endpoint::Endpoint;
use super::gold::Question;
use super::judge::{JudgeOptions, Judgement, Pair};
use super::pick::pick;
use super::reply::Reply;
use super::request::ChatRequest;
use super::requests::Requests;
use super::step::{Outcome, Received, RequestOptions, Step};
use crate::calibrate::Sample;
use crate::files::sha256_hex;
use crate::{Error, Result, Router};

pub use gold::GoldTask;
pub use judge::JudgeTask;
pub use run::JobRun;
pub use spec::{EndpointSpec, JobKind, JobSpec};

/// What a job is for.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Task {
    /// Votes of a judge.
    Judge(JudgeTask),
    /// Answers to questions whose right answers are known.
    Gold(GoldTask),
}

impl Task {
    /// The models that requests will go to, each once: those need an endpoint.
    pub fn models(&self) -> Vec<&str> {
        let mut models: Vec<&str> = match self {
            Self::Judge(task) => {
                let judge = std::iter::once(task.options.model.as_str());
                judge.chain(task.open().into_iter().map(|(model, _)| model)).collect()
            }
            Self::Gold(task) => task.open().into_iter().map(|(model, _)| model).collect(),
        };
        let mut seen = HashSet::new();
        models.retain(|model| seen.insert(*model));
        models
    }

    /// Keeps so many prompts, which [`pick`] picks, and what belongs to them, in the order that they had.
    ///
    /// # Errors
    /// As [`pick`].
    pub fn pick(mut self, count: usize, router: Option<&Router>, seed: u64) -> Result<Self> {
        let mut prompts: Vec<&str> = match &self {
            Self::Judge(task) => task.texts(),
            Self::Gold(task) => task.questions.iter().map(|question| question.prompt.as_str()).collect(),
        };
        let mut seen = HashSet::new();
        prompts.retain(|prompt| seen.insert(*prompt));
        let kept: HashSet<String> =
            pick(&prompts, count, router, seed)?.into_iter().map(|place| prompts[place].to_owned()).collect();
        match &mut self {
            Self::Judge(task) => task.keep(&kept),
            Self::Gold(task) => task.questions.retain(|question| kept.contains(&question.prompt)),
        }
        Ok(self)
    }

    /// Everything that makes it another job.
    fn identity(&self) -> serde_json::Value {
        match self {
            Self::Judge(task) => task.identity(),
            Self::Gold(task) => task.identity(),
        }
    }
}

/// The prompts of a file: a `.txt` has one in each line, any other file one in each row.
///
/// # Errors
/// `NotFound` or `Io` for the file, `InvalidArgument` for a malformed row, with file and line.
pub fn read_prompts(path: impl AsRef<Path>) -> Result<Vec<String>> {
    let path = path.as_ref();
    if path.extension().is_some_and(|ending| ending == "txt") {
        let text = fs::read_to_string(path).map_err(|error| Error::io(path, error))?;
        return Ok(text.lines().filter(|line| !line.trim().is_empty()).map(str::to_owned).collect());
    }
    Ok(Sample::read(path)?.prompts().to_vec())
}

/// What is being done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Models answer.
    Answers,
    /// The judge reads what they answered.
    Verdicts,
}

/// A request for an answer: its number, the model, and the id of its prompt.
type Asked = (usize, String, String);

/// A job on its way.
///
/// ```
/// use routellm_core::augment::{Endpoint, Job, JudgeOptions, JudgeTask, Pair, Reply, RequestOptions, Step, Task};
/// use routellm_core::candidates::Price;
///
/// let pair = Pair::new("1", "Hello?", ("big", "Hello!"), ("small", "Go away."));
/// let task = Task::Judge(JudgeTask::of_pairs(JudgeOptions::new().model("j".to_owned()), vec![pair]));
/// let endpoints = vec![("j".to_owned(), Endpoint::new("https://api.example.com/v1", Price::new(2.5, 10.0)))];
/// let mut job = Job::new(task, endpoints, RequestOptions::new().budget("1".parse()?), b"")?;
/// assert_eq!(job.estimate().requests, 2);
/// while let Step::Send(out) = job.next(0)? {
///     let first = out.body.find("Hello!").unwrap() < out.body.find("Go away.").unwrap();
///     let said = if first { "[[A]]" } else { "[[B]]" };
///     let body = format!(r#"{{"choices": [{{"message": {{"content": "{said}"}}}}]}}"#);
///     job.receive(out.attempt, &Reply::http(200, None, body), 0)?;
/// }
/// assert_eq!(job.judgements()[0].vote().unwrap().winner.name(), "model_a");
/// # Ok::<(), routellm_core::Error>(())
/// ```
#[derive(Debug)]
pub struct Job {
    task: Task,
    endpoints: Vec<String>,
    requests: Requests,
    estimate: Estimate,
    stage: Stage,
    asked: Vec<Asked>,
    answers: Answers,
    /// The pairs with the numbers of their requests.
    judged: Vec<(Pair, Vec<usize>)>,
}

impl Job {
    /// A job, the endpoint of each model that is asked, and what the journal says of earlier runs.
    ///
    /// # Errors
    /// `InvalidArgument` for a task that cannot be, a model without endpoint, and what [`Requests::new`] reports.
    pub fn new(
        task: Task,
        endpoints: Vec<(String, Endpoint)>,
        options: RequestOptions,
        journal: &[u8],
    ) -> Result<Self> {
        let addresses: Vec<(&str, &str)> =
            endpoints.iter().map(|(model, endpoint)| (model.as_str(), endpoint.address.as_str())).collect();
        let identity = json!([task.identity(), addresses]).to_string();
        let name = &sha256_hex(identity.as_bytes())[..16];
        let (names, lanes): (Vec<String>, Vec<Endpoint>) = endpoints.into_iter().unzip();
        let answers = match &task {
            Task::Judge(task) => task.answers.clone(),
            Task::Gold(task) => task.answers.clone(),
        };
        let mut job = Self {
            requests: Requests::new(options.clone(), lanes.clone(), name, journal)?,
            task,
            endpoints: names,
            estimate: Estimate::default(),
            stage: Stage::Answers,
            asked: Vec::new(),
            answers,
            judged: Vec::new(),
        };
        let asked = job.answer_requests()?;
        let mut spare = Requests::new(options, lanes, name, journal)?;
        for (request, model, id) in asked {
            spare.add(request.clone())?;
            let number = job.requests.add(request)?;
            job.asked.push((number, model, id));
        }
        job.collect()?;
        job.expect_verdicts(&mut spare)?;
        job.estimate = spare.estimate();
        Ok(job)
    }

    /// The model of an endpoint, by its number.
    pub fn model(&self, endpoint: usize) -> Option<&str> {
        self.endpoints.get(endpoint).map(String::as_str)
    }

    /// The number of the endpoint of a model.
    fn endpoint(&self, model: &str) -> Result<usize> {
        self.endpoints.iter().position(|known| known == model).ok_or_else(|| {
            Error::invalid_argument(format!("{model:?} has no endpoint; say where it answers, and its price"))
        })
    }

    /// The requests for answers that are not there yet, each with its model and the id of its prompt.
    fn answer_requests(&self) -> Result<Vec<(ChatRequest, String, String)>> {
        let mut made = Vec::new();
        let mut add = |model: &str, id: &str, request: ChatRequest| -> Result<()> {
            made.push((request.endpoint(self.endpoint(model)?), model.to_owned(), id.to_owned()));
            Ok(())
        };
        match &self.task {
            Task::Judge(task) => {
                for (model, prompts) in task.open() {
                    prompts.iter().try_for_each(|(id, text)| add(model, id, task.request(model, text)))?;
                }
            }
            Task::Gold(task) => {
                for (model, questions) in task.open() {
                    questions.iter().try_for_each(|Question { id, prompt, .. }| {
                        add(model, id, task.request(model, prompt))
                    })?;
                }
            }
        }
        Ok(made)
    }

    /// The options of the judge, and where it answers.
    fn judge(&self, task: &JudgeTask) -> Result<JudgeOptions> {
        Ok(task.options.clone().endpoint(self.endpoint(&task.options.model)?))
    }

    /// Adds requests for the verdicts as they can be expected, to an estimate.
    fn expect_verdicts(&self, spare: &mut Requests) -> Result<()> {
        let Task::Judge(task) = &self.task else { return Ok(()) };
        let options = self.judge(task)?;
        for pair in task.pairs(&self.answers, true) {
            for request in options.requests(&pair)? {
                spare.add(request)?;
            }
        }
        Ok(())
    }

    /// Takes over what models have answered by now.
    fn collect(&mut self) -> Result<()> {
        for (number, model, id) in &self.asked {
            if let Some(Outcome::Answered(answer)) = self.requests.outcome(*number) {
                self.answers.add(model, id, &answer.text)?;
            }
        }
        Ok(())
    }

    /// Goes on to the next stage; false if there is none.
    fn advance(&mut self) -> Result<bool> {
        if self.stage == Stage::Verdicts {
            return Ok(false);
        }
        self.collect()?;
        self.stage = Stage::Verdicts;
        let Task::Judge(task) = &self.task else { return Ok(false) };
        let options = self.judge(task)?;
        for pair in task.pairs(&self.answers, false) {
            let requests = options.requests(&pair)?;
            let numbers = requests.into_iter().map(|request| self.requests.add(request));
            let numbers = numbers.collect::<Result<Vec<_>>>()?;
            self.judged.push((pair, numbers));
        }
        Ok(true)
    }

    /// What to do at this time, as [`Requests::next`] says; `Finished` after the last stage.
    ///
    /// # Errors
    /// None that a caller can bring about.
    pub fn next(&mut self, now_ms: u64) -> Result<Step> {
        loop {
            match self.requests.next(now_ms)? {
                Step::Finished if self.advance()? => {}
                step => return Ok(step),
            }
        }
    }

    /// Hands over what came back for an attempt, as [`Requests::receive`] takes it.
    ///
    /// # Errors
    /// None that a caller can bring about.
    pub fn receive(&mut self, attempt: u64, reply: &Reply, now_ms: u64) -> Result<Received> {
        self.requests.receive(attempt, reply, now_ms)
    }

    /// Sends nothing more. What is in flight is still waited for: it is paid for.
    pub fn stop(&mut self) {
        self.requests.stop();
    }

    /// How many bytes of the journal are whole lines. Cut the rest off before another line is written.
    pub fn journal_bytes(&self) -> usize {
        self.requests.journal_bytes()
    }

    /// The requests, of this stage and those before.
    pub fn requests(&self) -> &Requests {
        &self.requests
    }

    /// Notes that attempts go out as a batch, as [`Requests::note_batch`] does.
    ///
    /// # Errors
    /// As there.
    pub fn note_batch(&mut self, batch: Batch) -> Result<String> {
        self.requests.note_batch(batch)
    }

    /// What it will cost, as it was known before anything was sent: answers that are not there yet are taken to be as long as
    /// they may be.
    pub fn estimate(&self) -> &Estimate {
        &self.estimate
    }

    /// What is being done: `answers` or `verdicts`.
    pub fn stage(&self) -> &'static str {
        match self.stage {
            Stage::Answers => "answers",
            Stage::Verdicts => "verdicts",
        }
    }

    /// The bill so far.
    pub fn bill(&self) -> Bill {
        self.requests.bill()
    }

    /// Why the first request that has failed has no answer; `None` if none has.
    pub fn failure(&self) -> Option<&str> {
        let numbers = 0..self.requests.progress().0;
        numbers.into_iter().find_map(|number| match self.requests.outcome(number) {
            Some(Outcome::Failed(why)) => Some(why.as_str()),
            _ => None,
        })
    }

    /// What models have answered: those that were given, and those that were asked.
    pub fn answers(&self) -> &Answers {
        &self.answers
    }

    /// The questions of gold rows; none of a judge.
    pub fn questions(&self) -> &[Question] {
        match &self.task {
            Task::Judge(_) => &[],
            Task::Gold(task) => &task.questions,
        }
    }

    /// What the judge has said so far, pair by pair; none of gold rows.
    pub fn judgements(&self) -> Vec<Judgement> {
        let Task::Judge(task) = &self.task else { return Vec::new() };
        let answer = |number: &usize| match self.requests.outcome(*number) {
            Some(Outcome::Answered(answer)) => Some(answer),
            _ => None,
        };
        let judged = self.judged.iter();
        judged
            .map(|(pair, numbers)| {
                let answers: Vec<_> = numbers.iter().map(answer).collect();
                task.options.judgement(pair.clone(), &answers)
            })
            .collect()
    }
}
