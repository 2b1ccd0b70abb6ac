//! `routellm judge`.

use std::path::PathBuf;

use clap::Args;
use routellm_core::Result;
use routellm_core::augment::{
    Answers, Bill, JudgeMode, JudgeOptions, JudgeReport, JudgeTask, Judgement, Pair, Task, read_prompts,
};
use serde_json::json;

use crate::gold::{picked, write};
use crate::output::Output;
use crate::remote::{Remote, Work, check_complete};

/// Have a model judge the answers of two others, as votes to train on.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  routellm judge pairs.jsonl --judge gpt-4o --price gpt-4o=2.5,10 --estimate\n  \
    routellm judge prompts.txt --model big --model small --judge big --prices prices.json --estimate"
)]
pub(crate) struct Judge {
    /// Pairs: rows of `prompt`, `model_a`, `model_b`, `answer_a`, `answer_b` and, where people have voted, `winner`. With --model or
    /// --answers prompts alone.
    file: PathBuf,
    /// The model that judges.
    #[arg(long = "judge", value_name = "MODEL")]
    by: String,
    /// pairwise, in both orders; or score, 1 to 10.
    #[arg(long, default_value = "pairwise", value_parser = mode)]
    mode: JudgeMode,
    /// How often it is asked the same: more than once tells how much it agrees with itself.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    samples: u32,
    /// How freely it answers.
    #[arg(long, default_value_t = 0.0, conflicts_with = "no_temperature")]
    temperature: f64,
    /// Leave that to the endpoint: models that think take no temperature.
    #[arg(long)]
    no_temperature: bool,
    /// The most tokens of a verdict.
    #[arg(long, value_name = "N", default_value_t = 1024)]
    max_tokens: u64,
    /// A model that answers, given twice; it answers now where --answers has nothing of it.
    #[arg(long = "model", value_name = "MODEL")]
    models: Vec<String>,
    /// Answers: rows of `model`, `answer` and the `prompt`. Repeatable.
    #[arg(long, value_name = "FILE", requires = "models")]
    answers: Vec<PathBuf>,
    /// The most tokens of an answer.
    #[arg(long, value_name = "N", default_value_t = 1024)]
    answer_max_tokens: u64,
    /// The file to write: votes of a judge, JSON lines.
    #[arg(long, value_name = "FILE", required_unless_present = "estimate")]
    out: Option<PathBuf>,
    /// Take so many prompts, which differ more than by chance.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pick: Option<u32>,
    /// Pick near the decision line of this router: `default` or a folder.
    #[arg(long, value_name = "ROUTER", requires = "pick")]
    near: Option<PathBuf>,
    #[command(flatten)]
    remote: Remote,
}

fn mode(text: &str) -> Result<JudgeMode> {
    JudgeMode::named(text)
}

impl Judge {
    fn task(&self) -> Result<Task> {
        let options = self.options();
        let task = if self.models.is_empty() {
            JudgeTask::of_pairs(options, Pair::read(&self.file)?)
        } else {
            let mut answers = Answers::new();
            self.answers.iter().try_for_each(|file| answers.read(file))?;
            JudgeTask::of_prompts(options, read_prompts(&self.file)?, &self.models, answers)?
        };
        Ok(Task::Judge(task.answer_max_tokens(self.answer_max_tokens)))
    }

    fn options(&self) -> JudgeOptions {
        let mut options = JudgeOptions::new()
            .model(self.by.clone())
            .mode(self.mode)
            .samples(self.samples)
            .max_tokens(self.max_tokens)
            .max_tokens_name(self.remote.max_tokens_name.clone());
        options.temperature = (!self.no_temperature).then_some(self.temperature);
        options
    }

    pub(crate) fn run(self, output: &mut Output) -> Result<()> {
        let mut work = self.remote.open(picked(self.task()?, self.pick, self.near.as_deref())?)?;
        self.remote.tell(work.job.estimate(), output)?;
        if self.remote.estimate {
            return Ok(());
        }
        work.run()?;
        let job = &work.job;
        self.finish(&job.judgements(), &job.bill(), job.failure(), output)
    }

    /// Writes what was judged, and says how far to trust it.
    fn finish(
        &self,
        judgements: &[Judgement],
        bill: &Bill,
        why: Option<&str>,
        output: &mut Output,
    ) -> Result<()> {
        if let Some(out) = &self.out {
            let lines: Vec<String> = judgements.iter().map(|judgement| judgement.to_json() + "\n").collect();
            write(out, &lines.concat())?;
        }
        let report = JudgeReport::new(judgements);
        if output.is_json() {
            output.json_line(&json!({ "report": report, "bill": bill, "out": self.out }))?;
        } else {
            tell(&report, output)?;
            output.facts(&Work::facts(bill))?;
            if let Some(out) = &self.out {
                output.facts(&[("out", out.display().to_string())])?;
            }
        }
        output.finish()?;
        check_complete(bill, why)
    }
}

fn tell(report: &JudgeReport, output: &mut Output) -> Result<()> {
    let percent = |share: Option<f64>| {
        share.map_or_else(|| "unknown".to_owned(), |share| format!("{:.1} %", share * 100.0))
    };
    let mut facts = vec![
        ("judged", format!("{} of {} pairs", report.judged, report.pairs)),
        ("unparsed", format!("{} verdicts", report.unparsed)),
        ("ties", percent(report.tie_rate)),
    ];
    if report.both_orders > 0 {
        facts.push(("same in both orders", percent(report.order_consistency)));
        facts.push(("always the first", percent(report.prefers_first)));
        facts.push(("always the second", percent(report.prefers_second)));
    }
    if report.self_consistency.is_some() {
        facts.push(("agrees with itself", percent(report.self_consistency)));
    }
    if let Some(human) = &report.human {
        let kappa = human.kappa.map_or_else(String::new, |kappa| format!(", kappa {kappa:.3}"));
        facts.push((
            "agrees with people",
            format!(
                "{} of {} pairs, {} of {} without ties{kappa}",
                percent(Some(human.agreement)),
                human.pairs,
                percent(human.agreement_without_ties),
                human.pairs_without_ties
            ),
        ));
    }
    output.facts(&facts)
}
