//! A job with its journal on the disk, for programs that have a client of their own.

use std::path::Path;

use super::spec::JobSpec;
use super::{Job, Step};
use crate::augment::bill::Bill;
use crate::augment::disk::Journal;
use crate::augment::reply::Reply;
use crate::augment::step::Received;
use crate::files::Json;
use crate::{Error, Result};

/// The folder of the journal where a specification names none.
const CACHE: &str = ".routellm-requests";

/// A job whose journal is kept: what is to be sent is on the disk by then.
///
/// If the journal cannot be written, nothing more is sent, what is in flight is waited for, and [`result`](Self::result) says
/// why.
#[derive(Debug)]
pub struct JobRun {
    spec: JobSpec,
    job: Job,
    journal: Option<Journal>,
    failed: Option<Error>,
}

impl JobRun {
    /// Opens the journal of the job and begins it, or goes on with it. An estimate opens nothing.
    ///
    /// # Errors
    /// As [`JobSpec::job`], `Io` for the journal, and `ResourceExhausted` while another process has it open.
    pub fn open(spec: JobSpec) -> Result<Self> {
        let folder = spec.cache.clone().unwrap_or_else(|| CACHE.into());
        let folder: &Path = &folder;
        if spec.estimate || spec.models.is_empty() && spec.kind == super::JobKind::Gold {
            let job = spec.job(&Journal::peek(folder)?)?;
            return Ok(Self { spec, job, journal: None, failed: None });
        }
        // What is wrong with the job is told before a folder is made.
        spec.job(b"")?;
        let (mut journal, known) = Journal::open(folder)?;
        let job = spec.job(&known)?;
        journal.cut(job.journal_bytes())?;
        Ok(Self { spec, job, journal: Some(journal), failed: None })
    }

    /// The job.
    pub fn job(&self) -> &Job {
        &self.job
    }

    fn keep(&mut self, line: &str) -> bool {
        let Some(journal) = &mut self.journal else { return true };
        if self.failed.is_some() {
            return false;
        }
        match journal.append(line) {
            Ok(()) => true,
            Err(error) => {
                self.failed = Some(error);
                self.job.stop();
                false
            }
        }
    }

    /// What to do at this time, in milliseconds of a clock. What it says to send is in the journal already.
    ///
    /// # Errors
    /// None that a caller can bring about.
    pub fn next(&mut self, now_ms: u64) -> Result<Step> {
        loop {
            let step = self.job.next(now_ms)?;
            let Step::Send(out) = &step else { return Ok(step) };
            if self.keep(&out.journal) {
                return Ok(step);
            }
            let why = self.failed.as_ref().map_or_else(String::new, ToString::to_string);
            self.job.receive(out.attempt, &Reply::NotSent(why), now_ms)?;
        }
    }

    /// Hands over what came back for an attempt, and keeps it.
    ///
    /// # Errors
    /// None that a caller can bring about.
    pub fn receive(&mut self, attempt: u64, reply: &Reply, now_ms: u64) -> Result<Received> {
        let received = self.job.receive(attempt, reply, now_ms)?;
        if let Some(line) = &received.journal {
            self.keep(line);
        }
        Ok(received)
    }

    /// Sends nothing more. What is in flight is still waited for: it is paid for.
    pub fn stop(&mut self) {
        self.job.stop();
    }

    /// Lets go of the journal, so that another program can use its folder. Nothing can be kept from then on.
    pub fn close(&mut self) {
        self.journal = None;
    }

    /// The bill so far.
    pub fn bill(&self) -> Bill {
        self.job.bill()
    }

    /// The answers that are to be graded, as [`JobSpec::to_grade`] gives them.
    ///
    /// # Errors
    /// As there.
    pub fn to_grade(&self) -> Result<Json> {
        JobSpec::to_grade(&self.job)
    }

    /// What has become of the job, as [`JobSpec::result`] gives it; of an estimate only that.
    ///
    /// # Errors
    /// As there, and why the journal could not be written.
    pub fn result(&mut self, grades: Option<&[u8]>) -> Result<Json> {
        if let Some(error) = self.failed.take() {
            return Err(error.context(
                "nothing more was sent, because the journal cannot be written; make room and run it again",
            ));
        }
        if self.spec.estimate {
            return Json::of(&serde_json::json!({ "estimate": self.job.estimate() }));
        }
        self.spec.result(&self.job, grades)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::augment::Outcome;

    fn spec(folder: &Path, budget: &str) -> JobSpec {
        let text = format!(
            r#"{{"kind": "judge", "rows": ["a", "b"], "models": ["x", "y"], "judge": {{"model": "j"}},
            "answers": [{{"model": "x", "prompt": "a", "answer": "given"}}], "cache": {:?},
            "endpoints": {{"x": {{"address": "e", "input": 1, "output": 2}}, "y": {{"address": "e", "input": 1, "output": 2}},
            "j": {{"address": "f", "input": 1, "output": 2}}}}, "requests": {{"budget": {budget:?}}}}}"#,
            folder.display().to_string()
        );
        JobSpec::from_json(text.as_bytes()).unwrap()
    }

    /// Answers everything until it is finished, or as often as is said; gives the models that were asked.
    fn drive(run: &mut JobRun, most: usize) -> Vec<String> {
        let mut asked = Vec::new();
        while let Step::Send(out) = run.next(0).unwrap() {
            let model = run.job().model(out.endpoint).unwrap().to_owned();
            // Each model answers with its name, and the judge with a tie.
            let text = if model == "j" { "[[C]]" } else { &model };
            let body = format!(r#"{{"choices": [{{"message": {{"content": "{text}"}}}}]}}"#);
            asked.push(model);
            if asked.len() > most {
                break;
            }
            run.receive(out.attempt, &Reply::http(200, None, body), 0).unwrap();
        }
        asked
    }

    #[test]
    fn a_job_in_json_is_kept_and_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let mut first = JobRun::open(spec(folder.path(), "1")).unwrap();
        // One answer is given; three are asked for, and then four verdicts.
        assert_eq!(first.job().estimate().requests, 7);
        assert_eq!(drive(&mut first, 2), ["x", "y", "y"]);
        let busy = JobRun::open(spec(folder.path(), "1")).unwrap_err();
        assert!(busy.message().contains("another program is using it"), "{busy}");
        drop(first);
        let mut second = JobRun::open(spec(folder.path(), "1")).unwrap();
        assert_eq!(second.bill().interrupted, 1);
        assert_eq!(drive(&mut second, 9).len(), 5);
        let told = second.result(None).unwrap();
        let read = |pointer: &str| told.get(pointer).unwrap().to_string();
        assert_eq!((read("/rows/0/winner"), read("/report/judged")), ("\"tie\"".to_owned(), "2".to_owned()));
        assert_eq!(
            (read("/bill/sent"), read("/bill/answered"), read("/failure")),
            ("5".into(), "7".into(), "null".into())
        );
        drop(second);
        let mut estimate = spec(folder.path(), "1");
        estimate.estimate = true;
        let mut third = JobRun::open(estimate).unwrap();
        assert_eq!(third.result(None).unwrap().get("/estimate/cached").unwrap().to_string(), "7");
        assert!(
            (0..3).all(|number| matches!(third.job().requests().outcome(number), Some(Outcome::Answered(_))))
        );
    }

    #[test]
    fn what_is_wrong_is_said_before_a_folder_is_made() {
        let folder = tempfile::tempdir().unwrap();
        let cache = folder.path().join("cache");
        let mut without = spec(&cache, "1");
        without.requests.budget = None;
        assert!(JobRun::open(without).unwrap_err().message().contains("how much may it cost"));
        let mut unpriced = spec(&cache, "1");
        unpriced.endpoints.remove("y");
        assert!(JobRun::open(unpriced).unwrap_err().message().contains("no price of \"y\""));
        let mut alone = spec(&cache, "1");
        alone.models.pop();
        assert!(JobRun::open(alone).unwrap_err().message().contains("two models are compared"));
        assert!(!cache.exists());
        assert!(
            JobSpec::from_json(br#"{"kind": "judge", "row": []}"#).unwrap_err().message().contains("row")
        );
    }

    #[test]
    fn gold_rows_are_graded_by_a_rule_or_by_what_is_given() {
        let text = |more: &str| {
            format!(
                r#"{{"kind": "gold", "rows": [{{"id": 1, "prompt": "1 + 1?", "answer": 2}}], {more}
            "answers": [{{"model": "x", "id": 1, "answer": "2"}}, {{"model": "y", "id": 1, "answer": "It is 3."}}]}}"#
            )
        };
        let mut run =
            JobRun::open(JobSpec::from_json(text(r#""form": "number","#).as_bytes()).unwrap()).unwrap();
        assert_eq!(run.next(0).unwrap(), Step::Finished);
        assert_eq!(run.result(None).unwrap().get("/rows/0/y").unwrap().to_string(), "0.0");
        let mut run = JobRun::open(JobSpec::from_json(text("").as_bytes()).unwrap()).unwrap();
        assert_eq!(run.next(0).unwrap(), Step::Finished);
        let answers = run.to_grade().unwrap();
        assert_eq!(answers.get("/1/right").unwrap().to_string(), "\"2\"");
        let grades =
            br#"[{"id": "1", "model": "x", "score": 0.5}, {"id": "1", "model": "y", "score": null}]"#;
        let told = run.result(Some(grades)).unwrap();
        assert_eq!(told.get("/rows/0/x").unwrap().to_string(), "0.5");
        assert_eq!(told.get("/unparsed/0/model").unwrap().to_string(), "\"y\"");
        assert!(run.result(Some(b"[]")).unwrap_err().message().contains("grade every answer"));
        assert!(run.result(None).unwrap_err().message().contains("Give a form"));
    }
}
