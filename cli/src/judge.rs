//! `routellm judge`.

use std::path::PathBuf;

use clap::Args;
use routellm_core::augment::{
    Answers, Bill, ChatRequest, Completion, JudgeMode, JudgeOptions, JudgeReport, Judgement, Outcome, Pair,
};
use routellm_core::calibrate::Sample;
use routellm_core::{Error, ErrorKind, Result};
use serde_json::json;

use crate::gold::{ask, collect, digest, write};
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
    #[command(flatten)]
    remote: Remote,
}

fn mode(text: &str) -> Result<JudgeMode> {
    JudgeMode::named(text)
}

/// Where the answers of a pair come from.
enum Input {
    Pairs(Vec<Pair>),
    /// Prompts with their ids, for two models.
    Prompts(Vec<(String, String)>),
}

impl Judge {
    fn input(&self) -> Result<Input> {
        if self.models.is_empty() {
            return Ok(Input::Pairs(Pair::read(&self.file)?));
        }
        let [a, b] = &self.models[..] else {
            let message = format!("--model is given {} times; two models are compared", self.models.len());
            return Err(Error::new(ErrorKind::InvalidArgument, message));
        };
        if a == b {
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                format!("--model is {a:?} twice; name two models"),
            ));
        }
        let prompts: Vec<String> = if self.file.extension().is_some_and(|ending| ending == "txt") {
            let text = std::fs::read_to_string(&self.file).map_err(|error| Error::io(&self.file, error))?;
            text.lines().filter(|line| !line.trim().is_empty()).map(str::to_owned).collect()
        } else {
            Sample::read(&self.file)?.prompts().to_vec()
        };
        let named = prompts.into_iter().enumerate().map(|(i, prompt)| (format!("line {}", i + 1), prompt));
        Ok(Input::Prompts(named.collect()))
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
        let input = self.input()?;
        let options = self.options();
        let mut answers = Answers::new();
        self.answers.iter().try_for_each(|file| answers.read(file))?;
        // Each model with the prompts that it has yet to answer.
        let open: Vec<(&str, Vec<(String, String)>)> = match &input {
            Input::Pairs(_) => Vec::new(),
            Input::Prompts(prompts) => {
                let unanswered = |model: &str| {
                    let lacks = |(id, prompt): &&(String, String)| answers.get(model, id, prompt).is_none();
                    prompts.iter().filter(lacks).cloned().collect::<Vec<_>>()
                };
                let models = self.models.iter().map(|model| (model.as_str(), unanswered(model)));
                models.filter(|(_, prompts)| !prompts.is_empty()).collect()
            }
        };
        let models: Vec<&str> =
            [self.by.as_str()].into_iter().chain(open.iter().map(|(model, _)| *model)).collect();
        let files: Vec<String> = self.answers.iter().map(|file| digest(file)).collect::<Result<_>>()?;
        let job = json!(["judge", digest(&self.file)?, files, options, self.models, self.answer_max_tokens]);
        let mut work = self.remote.open(&models, &job)?;
        let request = |model: &str, prompt: &str| {
            ChatRequest::new(model, prompt, self.answer_max_tokens)
                .max_tokens_name(&self.remote.max_tokens_name)
                .temperature(options.temperature)
        };
        let mut asked = Vec::new();
        for requests in [&mut work.spare, &mut work.requests] {
            asked.clear();
            for (number, (model, prompts)) in open.iter().enumerate() {
                asked.extend(ask(requests, prompts, &[(number + 1, model)], request)?);
            }
        }
        let mut why = collect(&work.requests, &asked, &mut answers)?;
        for pair in self.pairs(&input, &answers, true) {
            for request in options.requests(&pair)? {
                work.spare.add(request)?;
            }
        }
        self.remote.tell(&work.spare.estimate(), output)?;
        if self.remote.estimate {
            return Ok(());
        }
        work.run("answers")?;
        why = collect(&work.requests, &asked, &mut answers)?.or(why);
        let pairs = self.pairs(&input, &answers, false);
        let mut numbers = Vec::with_capacity(pairs.len());
        for pair in &pairs {
            let requests = options.requests(pair)?;
            numbers.push(
                requests.into_iter().map(|request| work.requests.add(request)).collect::<Result<Vec<_>>>()?,
            );
        }
        work.run("verdicts")?;
        let mut judgements = Vec::with_capacity(pairs.len());
        for (pair, numbers) in pairs.into_iter().zip(numbers) {
            let answered: Vec<Option<&Completion>> = numbers
                .into_iter()
                .map(|number| match work.requests.outcome(number) {
                    Some(Outcome::Answered(answer)) => Some(answer),
                    Some(Outcome::Failed(reason)) => {
                        why.get_or_insert_with(|| reason.clone());
                        None
                    }
                    _ => None,
                })
                .collect();
            judgements.push(options.judgement(pair, &answered));
        }
        self.finish(&judgements, &work.requests.bill(), why.as_deref(), output)
    }

    /// The pairs. With `expected`, an answer that is not there yet is one that is as long as it may be, at four bytes a token;
    /// without, such a pair is none.
    fn pairs(&self, input: &Input, answers: &Answers, expected: bool) -> Vec<Pair> {
        let prompts = match input {
            Input::Pairs(pairs) => return pairs.clone(),
            Input::Prompts(prompts) => prompts,
        };
        // Of two models two texts: what says the same would be asked once.
        let expected_texts = ["x", "y"]
            .map(|text| text.repeat((self.answer_max_tokens as usize).saturating_mul(4).min(1 << 16)));
        let pair = |(id, prompt): &(String, String)| {
            let text = |model: &str, place: usize| {
                answers.get(model, id, prompt).or(expected.then_some(expected_texts[place].as_str()))
            };
            let (a, b) = (self.models.first()?, self.models.get(1)?);
            Some(Pair::new(id, prompt, (a, text(a, 0)?), (b, text(b, 1)?)))
        };
        prompts.iter().filter_map(pair).collect()
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
