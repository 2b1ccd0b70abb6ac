//! The one table of errors: kind, stable number, name, and what each binding calls it.
//!
//! Numbers are part of the C ABI and are never reused. The mapping to the names of the bindings lives
//! here, in the crate that owns the enum, so that a new kind fails to compile until it is mapped.

use std::ffi::CStr;
use std::fmt;

/// Result of every fallible call of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, as a stable number shared by all languages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(i32)]
#[non_exhaustive]
pub enum ErrorKind {
    // <faces:errors>
    /// An argument, option, prompt or embedding is not acceptable.
    InvalidArgument = 1,
    /// A file, artifact or bundled router does not exist.
    NotFound = 2,
    /// An artifact, checkpoint or tokenizer is malformed, incomplete or altered.
    InvalidModel = 3,
    /// The request is understood but this router cannot do it.
    Unsupported = 4,
    /// ONNX Runtime is needed and could not be loaded; the message names every place that was looked at.
    RuntimeUnavailable = 5,
    /// ONNX Runtime failed while computing.
    Inference = 6,
    /// The tokenizer failed on a text.
    Tokenize = 7,
    /// The caller cancelled the call.
    Cancelled = 8,
    /// A limit of memory, size or time was hit.
    ResourceExhausted = 9,
    /// A defect of this library: a caught panic.
    Internal = 10,
    /// The operating system refused to read or write.
    Io = 11,
    /// An endpoint that the caller configured failed.
    Remote = 12,
    // </faces:errors>
}

impl ErrorKind {
    /// Every kind, in the order of its number.
    // <faces:all>
    pub const ALL: [Self; 12] = [
        Self::InvalidArgument,
        Self::NotFound,
        Self::InvalidModel,
        Self::Unsupported,
        Self::RuntimeUnavailable,
        Self::Inference,
        Self::Tokenize,
        Self::Cancelled,
        Self::ResourceExhausted,
        Self::Internal,
        Self::Io,
        Self::Remote,
    ];
    // </faces:all>

    /// The stable number, also the C status. Zero is never used: it means success.
    pub const fn code(self) -> i32 {
        self as i32
    }

    /// The kind with this number, or `None`.
    pub fn from_code(code: i32) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }

    /// The name of the kind, as in `InvalidArgument`.
    pub const fn name(self) -> &'static str {
        match self.c_name().to_str() {
            Ok(name) => name,
            Err(_) => "",
        }
    }

    /// As [`name`](Self::name), for C.
    pub const fn c_name(self) -> &'static CStr {
        match self {
            // <faces:names>
            Self::InvalidArgument => c"InvalidArgument",
            Self::NotFound => c"NotFound",
            Self::InvalidModel => c"InvalidModel",
            Self::Unsupported => c"Unsupported",
            Self::RuntimeUnavailable => c"RuntimeUnavailable",
            Self::Inference => c"Inference",
            Self::Tokenize => c"Tokenize",
            Self::Cancelled => c"Cancelled",
            Self::ResourceExhausted => c"ResourceExhausted",
            Self::Internal => c"Internal",
            Self::Io => c"Io",
            Self::Remote => c"Remote",
            // </faces:names>
        }
    }

    /// The class that Python raises, as in `InvalidArgumentError`.
    pub const fn python_class(self) -> &'static str {
        match self {
            // <faces:python>
            Self::InvalidArgument => "InvalidArgumentError",
            Self::NotFound => "NotFoundError",
            Self::InvalidModel => "InvalidModelError",
            Self::Unsupported => "UnsupportedError",
            Self::RuntimeUnavailable => "RuntimeUnavailableError",
            Self::Inference => "InferenceError",
            Self::Tokenize => "TokenizeError",
            Self::Cancelled => "CancelledError",
            Self::ResourceExhausted => "ResourceExhaustedError",
            Self::Internal => "InternalError",
            Self::Io => "IoError",
            Self::Remote => "RemoteError",
            // </faces:python>
        }
    }

    /// The `code` of Node's `Error`, as in `ERR_ROUTELLM_INVALID_ARGUMENT`.
    pub const fn node_code(self) -> &'static str {
        match self {
            // <faces:node>
            Self::InvalidArgument => "ERR_ROUTELLM_INVALID_ARGUMENT",
            Self::NotFound => "ERR_ROUTELLM_NOT_FOUND",
            Self::InvalidModel => "ERR_ROUTELLM_INVALID_MODEL",
            Self::Unsupported => "ERR_ROUTELLM_UNSUPPORTED",
            Self::RuntimeUnavailable => "ERR_ROUTELLM_RUNTIME_UNAVAILABLE",
            Self::Inference => "ERR_ROUTELLM_INFERENCE",
            Self::Tokenize => "ERR_ROUTELLM_TOKENIZE",
            Self::Cancelled => "ERR_ROUTELLM_CANCELLED",
            Self::ResourceExhausted => "ERR_ROUTELLM_RESOURCE_EXHAUSTED",
            Self::Internal => "ERR_ROUTELLM_INTERNAL",
            Self::Io => "ERR_ROUTELLM_IO",
            Self::Remote => "ERR_ROUTELLM_REMOTE",
            // </faces:node>
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// An error: its [`ErrorKind`], and a message that says what was expected, what came and what to do.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    kind: ErrorKind,
    message: String,
    path: Option<Box<std::path::Path>>,
    #[source]
    source: Option<Box<dyn std::error::Error + Send + Sync + 'static>>,
}

impl Error {
    /// An error of this kind with this message.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), path: None, source: None }
    }

    /// Keeps the error that caused this one, for `source()`.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Puts `context: ` before the message, for example a file and a line.
    #[must_use]
    pub fn context(mut self, context: impl fmt::Display) -> Self {
        self.message = format!("{context}: {}", self.message);
        self
    }

    /// What went wrong, as a stable kind.
    pub const fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The message without the kind's name.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The same error for one more row of a batch, without its source.
    pub(crate) fn copy(&self) -> Self {
        Self::new(self.kind, self.message.clone())
    }

    pub(crate) fn invalid_argument(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidArgument, message)
    }

    pub(crate) fn invalid_model(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidModel, message)
    }

    pub(crate) fn unsupported(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Unsupported, message)
    }

    /// What a Cargo feature that is not on would be needed for.
    #[allow(dead_code, reason = "with every feature on there is no such error")]
    pub(crate) fn without_feature(feature: &str, what: impl fmt::Display) -> Self {
        Self::unsupported(format!(
            "{what} needs the feature {feature:?} of routellm-core, which this program was built without"
        ))
    }

    /// The error of the operating system that caused this one, with its number, if one did.
    pub fn os_error(&self) -> Option<&std::io::Error> {
        self.source.as_deref()?.downcast_ref()
    }

    /// The file that an error of the operating system is about.
    pub fn path(&self) -> Option<&std::path::Path> {
        self.path.as_deref()
    }

    /// An error of the operating system on `path`: `NotFound` if it does not exist, else `Io`.
    pub fn io(path: &std::path::Path, error: std::io::Error) -> Self {
        let kind = match error.kind() {
            std::io::ErrorKind::NotFound => ErrorKind::NotFound,
            _ => ErrorKind::Io,
        };
        Self::io_as(kind, path, error, "")
    }

    /// What went wrong in writing tensors to `path`: mostly an error of the operating system.
    pub(crate) fn tensors(path: &std::path::Path, error: safetensors::SafeTensorError) -> Self {
        match error {
            safetensors::SafeTensorError::IoError(error) => Self::io(path, error),
            other => Self::new(ErrorKind::Internal, format!("{}: {other}", path.display())),
        }
    }

    /// An error of the operating system on `path` as an error of this kind; `more` follows in the message.
    pub(crate) fn io_as(kind: ErrorKind, path: &std::path::Path, error: std::io::Error, more: &str) -> Self {
        let message = format!("{}: {error}{more}", path.display());
        Self { path: Some(path.into()), ..Self::new(kind, message) }.with_source(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_stable_and_names_unique() {
        let numbers: Vec<i32> = ErrorKind::ALL.iter().map(|kind| kind.code()).collect();
        assert_eq!(numbers, (1..=12).collect::<Vec<_>>());
        for kind in ErrorKind::ALL {
            assert_eq!(ErrorKind::from_code(kind.code()), Some(kind));
            assert_eq!(kind.python_class(), format!("{}Error", kind.name()));
        }
        assert_eq!(ErrorKind::from_code(0), None);
        assert_eq!(ErrorKind::from_code(13), None);
    }

    #[test]
    fn context_comes_first_and_the_cause_is_kept() {
        let cause = std::io::Error::other("disk");
        let error = Error::io(std::path::Path::new("a.json"), cause).context("opening");
        assert_eq!(error.to_string(), "opening: a.json: disk");
        assert_eq!(error.kind(), ErrorKind::Io);
        assert!(std::error::Error::source(&error).is_some());
    }
}
