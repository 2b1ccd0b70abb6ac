//! What everything but a GPU's models runs on.

use serde::Serialize;

/// The processor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Cpu {
    // <faces:record-diagnosis_cpu>
    /// Its architecture, `x86_64` or `aarch64`.
    pub architecture: &'static str,
    /// Its name; `None` if the system does not tell.
    pub model: Option<String>,
    /// How many cores this process may use, after affinity and control groups.
    pub cores: usize,
    /// The names of its instruction sets that matter here.
    pub features: Vec<String>,
    /// Which copy of the arithmetic runs; all give the same bits.
    pub kernel: &'static str,
    // </faces:record-diagnosis_cpu>
}

impl Cpu {
    pub(super) fn found() -> Self {
        Self {
            architecture: std::env::consts::ARCH,
            model: std::fs::read_to_string("/proc/cpuinfo").ok().and_then(|text| model(&text)),
            cores: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            features: features().into_iter().map(str::to_owned).collect(),
            kernel: crate::numeric::instruction_set(),
        }
    }
}

fn model(text: &str) -> Option<String> {
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// Those that our arithmetic, or that of ONNX Runtime, makes a difference by.
#[cfg(target_arch = "x86_64")]
fn features() -> Vec<&'static str> {
    macro_rules! present {
        ($($name:tt),*) => {
            [$(($name, std::arch::is_x86_feature_detected!($name))),*]
        };
    }
    let all = present!["sse4.2", "avx", "fma", "avx2", "avxvnni", "avx512f", "avx512bw", "avx512vnni"];
    all.into_iter().filter(|(_, present)| *present).map(|(name, _)| name).collect()
}

#[cfg(not(target_arch = "x86_64"))]
fn features() -> Vec<&'static str> {
    if cfg!(target_feature = "neon") { vec!["neon"] } else { Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_the_processor_is_read() {
        assert_eq!(
            model("vendor_id\t: x\nmodel name\t: Some CPU @ 2 GHz\n").as_deref(),
            Some("Some CPU @ 2 GHz")
        );
        assert_eq!(model("Hardware : y"), None);
    }

    #[test]
    fn the_kernel_is_one_that_the_features_allow() {
        let cpu = Cpu::found();
        let has = |name: &str| cpu.features.iter().any(|feature| feature == name);
        let expected = match (has("avx512f"), has("avx2")) {
            (true, _) => "avx512",
            (_, true) => "avx2",
            _ => "baseline",
        };
        assert_eq!(cpu.kernel, expected);
        assert!(cpu.cores > 0);
    }
}
