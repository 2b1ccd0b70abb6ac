//! Routers of exported models: a sequence classifier or a causal LM, in a bare folder or as an artifact.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use super::Router;
use super::bare::Bare;
use super::info::RouterInfo;
use super::open::Parts;
use crate::artifact::{Artifact, ArtifactWriter, MANIFEST_NAME, Manifest, Models};
use crate::calibrate::{Calibration, CandidateScores, Sample, hash_of_prompts};
use crate::candidates::estimated_tokens;
use crate::control::{Control, Watch};
use crate::features::FeaturizerSpec;
use crate::files::Json;
use crate::onnx::graph::{Graph, beside};
use crate::options::{CallOptions, ExportOptions, OpenOptions};
use crate::pipeline::Pipeline;
#[cfg(feature = "train")]
use crate::preference::GoldTable;
use crate::scorer::bert::{BertScorer, BertSpec, Head};
use crate::scorer::causal_llm::{
    CLASSIFIER_FILE, CausalLlmScorer, CausalLlmSpec, SYSTEM_FILE, TemplateSpec, template_file,
};
use crate::scorer::checkpoint::{CONFIG_FILE, Files};
use crate::scorer::model_files::{CLASSIFIERS, DECODERS, WITH_PAST};
use crate::scorer::{Kind, Pair, PromptScorer};
use crate::{Error, Result};

impl OpenOptions {
    /// Opens a folder with an exported model of this kind.
    ///
    /// # Errors
    /// As [`OpenOptions::open`].
    pub(super) fn open_export(&self, kind: Kind, folder: &Bare<'_>) -> Result<Router> {
        self.check_file(folder)?;
        match kind {
            Kind::CausalLlm => self.open_causal_llm(folder),
            _ => self.open_classifier(folder),
        }
    }

    fn open_classifier(&self, folder: &Bare<'_>) -> Result<Router> {
        let given = &self.export;
        self.refuse_export_options(
            Kind::Bert,
            &["head", "long_prompts", "control_tokens", "file", "max_tokens"],
        )?;
        let path = folder.path;
        let files = Files::with_config(path, folder.config.as_ref())?;
        let labels = files.config()?.labels.clone();
        let head = match given.head {
            Some(head) => head,
            None if labels.len() == 3 => Head::three_labels(),
            None => {
                let found = match labels.len() {
                    0 => "does not say how many outputs the model has (id2label or num_labels)".to_owned(),
                    1 => "names one output".to_owned(),
                    count => format!("names {count} outputs"),
                };
                return Err(Error::invalid_argument(format!(
                    "head is needed: {} {found}, and only three have a usual meaning (strong wins, tie, weak wins). \
                     Pass head \"binary\", \"regression\" or \"candidates\"",
                    path.join(CONFIG_FILE).display(),
                )));
            }
        };
        let spec = BertSpec {
            head,
            long_prompts: given.long_prompts.unwrap_or_default(),
            max_tokens: given.max_tokens,
            control_tokens: given.control_tokens.unwrap_or_default(),
            file: given.file.clone(),
        };
        spec.check()?;
        // The outputs of this head are the candidates, by the names that the model has for them.
        let names = if matches!(head, Head::Candidates { .. }) { labels } else { self.named_pair()? };
        let pair = self.bare_pair(&names)?;
        let scorer =
            BertScorer::open(&files, &spec, names.len(), pair, self.mode.unwrap_or_default(), &self.session)?
                .with_labels(&files.config()?.labels, &names[pair.strong], &names[pair.weak])
                .map_err(|error| error.context(path.join(CONFIG_FILE).display()))?;
        self.bare(folder, &names, pair, Arc::new(scorer))
    }

    fn open_causal_llm(&self, folder: &Bare<'_>) -> Result<Router> {
        let given = &self.export;
        let read = [
            "template",
            "score_tokens",
            "score_threshold",
            "max_new_tokens",
            "date",
            "control_tokens",
            "file",
            "max_tokens",
        ];
        self.refuse_export_options(Kind::CausalLlm, &read)?;
        let path = folder.path;
        let files = Files::with_config(path, folder.config.as_ref())?;
        let published = || [SYSTEM_FILE, CLASSIFIER_FILE].iter().all(|name| files.optional(name).is_some());
        let template = match &given.template {
            Some(template) => template.clone(),
            None if published() => TemplateSpec::Routellm,
            None => {
                return Err(Error::invalid_argument(format!(
                    "template is needed: {} has no {SYSTEM_FILE} and {CLASSIFIER_FILE}, the published router's prompt. \
                     Pass a text with {{question}} in it, or \"chat\" for the model's own chat template",
                    path.display()
                )));
            }
        };
        if given.date.is_some() && !matches!(template, TemplateSpec::Chat { .. }) {
            let why = format!("the template is {:?}, and only \"chat\" asks for a date", template.name());
            self.spelling.without_effect(&["date"], &why).map_or(Ok(()), Err)?;
        }
        let mut spec = CausalLlmSpec::new(template);
        spec.date.clone_from(&given.date);
        spec.max_tokens = given.max_tokens;
        spec.control_tokens = given.control_tokens.unwrap_or(spec.control_tokens);
        spec.file.clone_from(&given.file);
        if let Some(tokens) = &given.score_tokens {
            spec.score_tokens.clone_from(tokens);
        }
        spec.score_threshold = given.score_threshold.unwrap_or(spec.score_threshold);
        spec.max_new_tokens = given.max_new_tokens.unwrap_or(spec.max_new_tokens);
        spec.check().map_err(|error| Error::invalid_argument(error.message().to_owned()))?;
        let names = self.named_pair()?;
        let pair = self.bare_pair(&names)?;
        let scorer = CausalLlmScorer::open(&files, spec, self.mode.unwrap_or_default(), &self.session)?;
        self.bare(folder, &names, pair, Arc::new(scorer))
    }

    /// The models of an export, which knows no names of its own.
    fn named_pair(&self) -> Result<Vec<String>> {
        match (&self.strong, &self.weak) {
            (Some(strong), Some(weak)) => Ok(vec![strong.clone(), weak.clone()]),
            _ => Err(Error::invalid_argument(
                "strong and weak are needed: an exported model does not name the models that it routes between",
            )),
        }
    }

    fn bare_pair(&self, names: &[String]) -> Result<Pair> {
        let named = self.named_pair()?;
        let index = |role: &str, name: &String| {
            names.iter().position(|known| known == name).ok_or_else(|| {
                Error::invalid_argument(format!(
                    "{role} is {name:?}, which this model does not know; its outputs are: {}",
                    names.join(", ")
                ))
            })
        };
        let pair = Pair { strong: index("strong", &named[0])?, weak: index("weak", &named[1])? };
        if pair.strong == pair.weak {
            return Err(Error::invalid_argument(format!("strong and weak are both {:?}", named[0])));
        }
        if named.iter().any(|name| name.is_empty() || name.contains('\0')) {
            return Err(Error::invalid_argument("the name of a model is empty or holds NUL"));
        }
        Ok(pair)
    }

    fn bare(
        &self,
        folder: &Bare<'_>,
        names: &[String],
        pair: Pair,
        scorer: Arc<dyn PromptScorer>,
    ) -> Result<Router> {
        let kind = scorer.parameters().kind();
        self.check_vote_options(kind)?;
        let (name, path) = (folder.name(), Some(folder.path));
        let pipeline = Pipeline::Prompts(scorer);
        let info = RouterInfo::new(
            &name,
            kind,
            names,
            pair,
            self.mode.unwrap_or_default(),
            &pipeline,
            None,
            path,
            Json::object(),
        );
        self.assemble(Parts::uncalibrated(pipeline, names, pair, info, self)?)
    }

    /// The scorer of an artifact of kind `bert` or `causal_llm`.
    pub(super) fn load_prompt_scorer(
        &self,
        kind: Kind,
        artifact: &Artifact,
        pair: Pair,
    ) -> Result<Arc<dyn PromptScorer>> {
        let manifest = artifact.manifest();
        let invalid = |error: String| Error::invalid_model(format!("{MANIFEST_NAME}: scorer: {error}"));
        let files = Files::listed(artifact)?;
        let names = &manifest.models.names;
        let trained = |name: usize| [&manifest.models.strong, &manifest.models.weak].contains(&&names[name]);
        let only_its_pair = || {
            if (&names[pair.strong], &names[pair.weak]) == (&manifest.models.strong, &manifest.models.weak) {
                return Ok(());
            }
            let hint = if trained(pair.strong) && trained(pair.weak) { " (the other way round)" } else { "" };
            Err(Error::invalid_argument(format!(
                "this router scores strong={:?}, weak={:?} and cannot score strong={:?}, weak={:?}{hint}",
                manifest.models.strong, manifest.models.weak, names[pair.strong], names[pair.weak]
            )))
        };
        if kind == Kind::Bert {
            let spec: BertSpec = crate::strict::from_value(manifest.scorer.value()).map_err(invalid)?;
            spec.check().map_err(|error| error.context(MANIFEST_NAME))?;
            if !matches!(spec.head, Head::Candidates { .. }) {
                only_its_pair()?;
            }
            let scorer = BertScorer::open(
                &files,
                &spec,
                names.len(),
                pair,
                self.mode.unwrap_or_default(),
                &self.session,
            )?
            .with_labels(&files.config()?.labels, &names[pair.strong], &names[pair.weak])
            .map_err(|error| error.context(CONFIG_FILE))?;
            return Ok(Arc::new(scorer));
        }
        let spec: CausalLlmSpec = crate::strict::from_value(manifest.scorer.value()).map_err(invalid)?;
        spec.check().map_err(|error| error.context(MANIFEST_NAME))?;
        only_its_pair()?;
        Ok(Arc::new(CausalLlmScorer::open(&files, spec, self.mode.unwrap_or_default(), &self.session)?))
    }
}

/// Files of an export that go into its artifact, where they are there.
const EXPORT_FILES: [&str; 7] = [
    CONFIG_FILE,
    "genai_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "chat_template.jinja",
    SYSTEM_FILE,
    CLASSIFIER_FILE,
];

/// What an export is calibrated on.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ExportSample {
    /// The prompts.
    pub sample: Sample,
    /// Share of calls that name neither threshold nor share, in [0, 1]; 0.5 unless it is set.
    pub default_strong_share: f64,
    /// Day of the sample, `2026-01-31`; today (UTC) without it.
    pub date: Option<String>,
    /// Rows with the gold scores of every candidate that the model was not trained on: qualities come from them.
    #[cfg(feature = "train")]
    pub gold: Option<GoldTable>,
}

impl ExportSample {
    /// These prompts, of today.
    pub fn new(sample: Sample) -> Self {
        Self {
            sample,
            default_strong_share: 0.5,
            date: None,
            #[cfg(feature = "train")]
            gold: None,
        }
    }

    /// Share of calls that name neither threshold nor share, in [0, 1].
    #[must_use]
    pub fn default_strong_share(mut self, share: f64) -> Self {
        self.default_strong_share = share;
        self
    }

    /// Rows with the gold scores of every candidate that the model was not trained on. A quality is then the score that is
    /// expected of a candidate, instead of its win rate against the others.
    #[cfg(feature = "train")]
    #[must_use]
    pub fn gold(mut self, rows: GoldTable) -> Self {
        self.gold = Some(rows);
        self
    }

    /// Day of the sample, `2026-01-31`.
    #[must_use]
    pub fn date(mut self, day: impl Into<String>) -> Self {
        self.date = Some(day.into());
        self
    }
}

/// Writes the exported model in the folder `export`, opened with `options`, as the artifact `out`, and returns the
/// router that `options` open there.
///
/// The win rates of the prompts of `sample` become the calibration. Where the model scores more than two candidates, any
/// pair of them is calibrated. The scoring of the sample is the stage `calibration` of `control`, that of gold rows `qualities`.
///
/// # Errors
/// As [`OpenOptions::open`]; what scoring the sample reports; those of [`ArtifactWriter`]; `InvalidArgument` if the sample
/// has fewer than two distinct win rates; `Cancelled`; `ResourceExhausted` if the time of `control` is over.
pub fn write_export(
    options: &OpenOptions,
    export: &Path,
    out: &Path,
    sample: Option<&ExportSample>,
    control: Control<'_>,
) -> Result<Router> {
    let mut watch = control.start()?;
    // Names of one's own are for this program; the artifact keeps those of the candidates.
    let router = OpenOptions { names: None, ..options.clone() }.open(export)?;
    let Some(scorer) = router.pipeline().prompts() else {
        return Err(Error::invalid_argument(format!(
            "{} is a router of kind {:?}, not an exported classifier or language model",
            export.display(),
            router.info().kind.as_str()
        )));
    };
    let kind = scorer.parameters().kind();
    let spec = Json::of(&scorer.parameters())?;
    let mut calibration = sample.map(|sample| calibration(&router, sample, &mut watch)).transpose()?;
    #[cfg(feature = "train")]
    let qualities = match sample.and_then(|sample| sample.gold.as_ref()) {
        Some(gold) => Some(super::export_qualities::qualities(&router, gold, &mut watch)?),
        None => None,
    };
    #[cfg(not(feature = "train"))]
    let qualities = None;
    let mut writer = ArtifactWriter::new(out)?;
    if let (Some(table), Some(sample)) = (&mut calibration, sample)
        && router.pipeline().score_columns(router.models().count()).is_some_and(|columns| columns > 2)
    {
        let mut options = CallOptions::new();
        options.set_cancel(watch.stop().cloned());
        let mut scores = CandidateScores::new();
        let prompts = sample.sample.prompts();
        for place in CandidateScores::places(prompts.len()) {
            watch.check()?;
            scores.push(&router.candidate_scores(&prompts[place], &options)?);
            scores.push_tokens(estimated_tokens(prompts[place].len()));
        }
        table.scores = Some(writer.add_scores(&scores)?);
    }
    add_files(&mut writer, export, &options.export, kind)?;
    let models = Models {
        names: router.models().map(str::to_owned).collect(),
        strong: router.strong().to_owned(),
        weak: router.weak().to_owned(),
    };
    let provenance = BTreeMap::from([("tool", format!("routellm {}", crate::VERSION))]);
    let name = out.file_name().map_or_else(|| kind.to_string(), |name| name.to_string_lossy().into_owned());
    writer.finish(&Manifest {
        format_version: crate::artifact::FORMAT_VERSION,
        name,
        kind,
        models,
        featurizer: FeaturizerSpec::None,
        scorer: spec,
        candidates: options.candidates.clone().unwrap_or_default(),
        mean_output_tokens: options.mean_output_tokens,
        qualities,
        files: Vec::new(),
        calibration,
        default_policy: None,
        read: options.read,
        provenance: Json::of(&provenance)?,
        manifest_sha256: String::new(),
    })?;
    let mut options = options.clone();
    options.export = ExportOptions::default();
    options.open(out)
}

/// Adds copies of the files of an export.
fn add_files(writer: &mut ArtifactWriter, export: &Path, given: &ExportOptions, kind: Kind) -> Result<()> {
    let files = Files::bare(export);
    let template = match &given.template {
        Some(TemplateSpec::Chat { name: Some(name), .. }) => template_file(name),
        _ => None,
    };
    for name in EXPORT_FILES.into_iter().chain(template.as_deref()) {
        if let Some(path) = files.optional(name) {
            writer.add_copy(name, &path)?;
        }
    }
    let models = model_files(&files, given.file.as_deref(), kind)?;
    writer.add_model(&models.iter().map(String::as_str).collect::<Vec<_>>(), |name| {
        let path = export.join(name);
        Ok(Box::new(File::open(&path).map_err(|error| Error::io(&path, error))?))
    })
}

/// The files of a model of this kind and of its weights. A model names those, and two models may share them.
fn model_files(files: &Files<'_>, file: Option<&str>, kind: Kind) -> Result<BTreeSet<String>> {
    let mut models = BTreeSet::new();
    let usual = if kind == Kind::Bert { &CLASSIFIERS[..] } else { &DECODERS[..] };
    let (first, _) = files.model(file, usual)?;
    for name in [beside(&first, WITH_PAST), first] {
        let Some(path) = files.optional(&name) else { continue };
        models.extend(Graph::read(&path)?.external_files().map(|weights| beside(&name, weights)));
        models.insert(name);
    }
    Ok(models)
}

fn calibration(router: &Router, of: &ExportSample, watch: &mut Watch<'_>) -> Result<Calibration> {
    crate::policy::unit_interval("default_strong_share", of.default_strong_share)?;
    let (prompts, total) = (of.sample.prompts(), of.sample.prompts().len());
    watch.report("calibration", 0, total, None)?;
    let mut options = CallOptions::new();
    options.set_cancel(watch.stop().cloned());
    let rates = router.win_rates(prompts, &options)?;
    watch.report("calibration", total, total, None)?;
    let mut table = Calibration::from_win_rates(of.sample.name(), rates)?
        .taken_from(hash_of_prompts(prompts))
        .dated(of.date.as_deref())?;
    table.default_strong_share = of.default_strong_share;
    Ok(table)
}
