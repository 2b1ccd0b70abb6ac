//! Reading the file, and saying what is wrong with it.

use std::fmt;
use std::path::{Path, PathBuf};

use super::Config;

/// What is wrong with a configuration: the file, the key, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    file: PathBuf,
    faults: Vec<String>,
}

impl Fault {
    pub(crate) fn new(file: &Path, faults: Vec<String>) -> Self {
        Self { file: file.to_path_buf(), faults }
    }

    /// Each thing that is wrong, without the file.
    pub fn faults(&self) -> &[String] {
        &self.faults
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, fault) in self.faults.iter().enumerate() {
            if i > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{}: {fault}", self.file.display())?;
        }
        Ok(())
    }
}

impl std::error::Error for Fault {}

impl Config {
    /// Reads a file, and checks everything that can be known without opening a router or a connection.
    ///
    /// # Errors
    /// All that is wrong.
    pub fn read(path: &Path) -> Result<Self, Fault> {
        let text = std::fs::read_to_string(path).map_err(|error| {
            Fault::new(path, vec![format!("{error}: pass the path of a configuration in TOML")])
        })?;
        Self::parse(&text).map_err(|faults| Fault::new(path, faults))
    }

    /// Reads a text, as [`read`](Self::read) does.
    ///
    /// # Errors
    /// All that is wrong.
    pub fn parse(text: &str) -> Result<Self, Vec<String>> {
        let config: Self = toml::from_str(text).map_err(|error| vec![located(text, &error)])?;
        let faults = config.faults();
        if faults.is_empty() { Ok(config) } else { Err(faults) }
    }
}

/// The message with its line. The line itself is not shown, for it may hold what should not be.
fn located(text: &str, error: &toml::de::Error) -> String {
    let message = error.message();
    match error.span() {
        Some(span) => {
            let line = text[..span.start.min(text.len())].matches('\n').count() + 1;
            format!("line {line}: {message}; docs/gateway.md lists what can stand there")
        }
        None => format!("{message}; docs/gateway.md lists what can stand there"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEAST: &str = r#"
        [upstreams.local]
        base_url = "http://127.0.0.1:8000/v1"
        [models.big]
        upstream = "local"
        [models.small]
        upstream = "local"
        [routers.mine]
        strong = "big"
        weak = "small"
    "#;

    #[test]
    fn the_least_has_every_default() {
        let config = Config::parse(LEAST).unwrap();
        assert!(config.listen.ip().is_loopback());
        assert_eq!(config.routers["mine"].artifact, "default");
        assert_eq!(config.upstreams["local"].retries, 2);
        assert!(config.keys.is_empty() && config.page && !config.log.prompts);
    }

    #[test]
    fn errors_name_the_line_or_the_key() {
        let wrong = |more: &str| Config::parse(&format!("{LEAST}\n{more}")).unwrap_err().join("\n");
        let unknown = wrong("[limits]\nbody_byte = 3");
        assert!(unknown.contains("line 13") && unknown.contains("body_byte"), "{unknown}");
        let nobody = wrong("[models.x]\nupstream = \"nobody\"");
        assert!(nobody.contains("models.x.upstream") && nobody.contains("[upstreams.nobody]"), "{nobody}");
        let both = wrong("[routers.r]\nstrong = \"a\"\nweak = \"b\"");
        assert!(both.contains("routers.r.strong") && both.contains("routers.r.weak"), "{both}");
    }

    #[test]
    fn what_could_leak_or_never_work_is_refused() {
        let wrong = |more: &str| Config::parse(&format!("{LEAST}\n{more}")).unwrap_err().join("\n");
        let plain = "[upstreams.far]\nbase_url = \"http://far.example/v1\"\nkey = { env = \"K\" }";
        assert!(wrong(plain).contains("upstreams.far.base_url"));
        assert!(Config::parse(&format!("{LEAST}\n{plain}\nallow_plain_http = true")).is_ok());
        for (text, key) in [
            ("[upstreams.far]\nbase_url = \"ftp://x\"", "upstreams.far.base_url"),
            ("[upstreams.far]\nbase_url = \"https://user@x/v1\"", "upstreams.far.base_url"),
            ("[upstreams.far]\nbase_url = \"https://x/v1\"\nretry_budget = -1", "upstreams.far.retry_budget"),
            (
                "[upstreams.far]\nbase_url = \"https://x/v1\"\n[upstreams.far.headers]\nHost = \"y\"",
                "headers",
            ),
            ("[limits]\nheader_bytes = 100", "limits.header_bytes"),
            ("[limits]\nbody_timeout_ms = 0", "limits.body_timeout_ms"),
            ("[models.router-x]\nupstream = \"local\"", "models.router-x"),
            ("[models.y]\nupstream = \"local\"\ncapabilities = [\"visoin\"]", "models.y.capabilities"),
            ("[routers.r]\nstrong=\"big\"\nweak=\"small\"\npolicy = { threshold = 1.5 }", "routers.r.policy"),
            ("[keys.k]\nkey = { env = \"K\" }\nrouters = [\"other\"]", "keys.k.routers"),
            ("[keys.k]\nkey = { env = \"K\" }\nbudget = { usd = -1.0 }", "keys.k.budget.usd"),
        ] {
            assert!(wrong(text).contains(key), "{text}: {}", wrong(text));
        }
    }
}
