//! `routellm info`.

use routellm_core::Result;

use crate::opening::Opening;
use crate::output::Output;

/// Say what a router is: kind, models, calibration, provenance.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  routellm info\n  routellm info --router my-router --json")]
pub(crate) struct Info {
    #[command(flatten)]
    opening: Opening,
}

impl Info {
    pub(crate) fn run(self, output: &mut Output) -> Result<()> {
        let router = self.opening.open()?;
        let info = router.info();
        if output.is_json() {
            return output.json(info);
        }
        let calibration = info.calibration.as_ref();
        let of_sample = |sample: &routellm_core::router::CalibrationInfo| {
            let date = sample.date.as_deref().map_or_else(String::new, |date| format!(", {date}"));
            format!("{} prompts: {}{date}", sample.count, sample.sample)
        };
        output.facts(&[
            ("name", info.name.clone()),
            ("kind", info.kind.to_string()),
            ("strong", info.strong.clone()),
            ("weak", info.weak.clone()),
            ("models", info.models.join(", ")),
            ("featurizer", format!("{} {}", info.featurizer.kind, info.featurizer.id)),
            ("calibration", calibration.map_or_else(|| "none".to_owned(), of_sample)),
            (
                "path",
                info.path
                    .as_ref()
                    .map_or_else(|| "compiled in".to_owned(), |path| path.display().to_string()),
            ),
            ("version", info.version.to_owned()),
        ])
    }
}
