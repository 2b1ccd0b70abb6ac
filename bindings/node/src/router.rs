//! The router's handle.

use napi::Env;
use napi::bindgen_prelude::{
    AsyncTask, Float32Array, Float32ArraySlice, Float64Array, Float64ArraySlice, ObjectFinalize,
};
use napi_derive::napi;
use routellm_core::embed::{CapSide, Featurizer};
use routellm_core::{CancelToken, Error, ErrorKind, RouteOptions, Router};

use crate::cancel::NativeCancel;
use crate::decision::{Decided, FallbackReason, NUMBERS, fallbacks, on_error, policy, write};
use crate::error::{Result, guarded};
use crate::text::Text;
use crate::work::Work;

/// How much of a prompt is looked at.
#[napi(object, object_from_js = false)]
pub struct Cap {
    /// Bytes of UTF-8.
    pub max_bytes: f64,
    /// Whether the end is kept rather than the beginning.
    pub tail: bool,
}

/// A router. Threads share what is behind it, not the handle.
#[napi(custom_finalize)]
pub struct NativeRouter {
    router: Router,
    memory: i64,
}

impl NativeRouter {
    /// A handle to `router`, which takes about `memory` bytes.
    pub(crate) fn new(router: Router, memory: i64) -> Self {
        Self { router, memory }
    }

    /// The router itself.
    pub(crate) fn router(&self) -> &Router {
        &self.router
    }

    /// Tells the garbage collector what hangs on the small object that it sees: without it, routers that are
    /// out of use would pile up.
    pub(crate) fn report_memory(&self, env: Env) {
        // It fails only while the environment is going away.
        let _ = env.adjust_external_memory(self.memory);
    }
}

impl ObjectFinalize for NativeRouter {
    fn finalize(self, env: Env) -> napi::Result<()> {
        env.adjust_external_memory(-self.memory).map(|_| ())
    }
}

fn options(
    kind: u32,
    value: f64,
    fallback: u32,
    cancel: Option<CancelToken>,
) -> routellm_core::Result<RouteOptions> {
    Ok(RouteOptions { policy: policy(kind, value)?, on_error: on_error(fallback)?, cancel })
}

/// The first `length` numbers of a caller's array.
fn numbers<'a>(out: &'a mut Float64ArraySlice<'_>, length: usize) -> routellm_core::Result<&'a mut [f64]> {
    // SAFETY: the array is private to the JavaScript side, which stands still until this call returns.
    let numbers = unsafe { out.as_mut() };
    numbers.get_mut(..length).ok_or_else(|| {
        Error::new(ErrorKind::Internal, format!("JavaScript's array has no room for {length} numbers"))
    })
}

/// The texts of a batch.
fn utf8(texts: &[Text]) -> routellm_core::Result<Vec<&str>> {
    let named = |i: usize| move |error: Error| error.context(format!("prompt {i}"));
    texts.iter().enumerate().map(|(i, text)| text.utf8().map_err(named(i))).collect()
}

/// A mapping on its way to JavaScript.
fn json(written: serde_json::Result<String>) -> routellm_core::Result<String> {
    written.map_err(|error| Error::new(ErrorKind::Internal, error.to_string()))
}

fn bytes(texts: &[Text]) -> Vec<&[u8]> {
    texts.iter().map(Text::bytes).collect()
}

#[napi]
impl NativeRouter {
    /// Decides into `out`; returns why, if the decision is a fallback.
    ///
    /// # Errors
    /// What the core reports.
    #[napi]
    pub fn route_sync(
        &self,
        #[napi(ts_arg_type = "string | Uint8Array")] prompt: Text,
        policy: u32,
        value: f64,
        on_error: u32,
        mut out: Float64ArraySlice<'_>,
    ) -> Result<Option<String>> {
        guarded(|| {
            let options = options(policy, value, on_error, None)?;
            let decision = self.router.route_utf8(prompt.bytes(), &options)?;
            write(&decision, numbers(&mut out, NUMBERS)?);
            Ok(decision.fallback.map(|fallback| fallback.reason.to_string()))
        })
    }

    /// Decides on a worker thread.
    #[napi(ts_return_type = "Promise<Decided>")]
    pub fn route(
        &self,
        #[napi(ts_arg_type = "string | Uint8Array")] prompt: Text,
        policy: u32,
        value: f64,
        on_error: u32,
        cancel: Option<&NativeCancel>,
    ) -> AsyncTask<Work<Decided>> {
        let (router, cancel) = (self.router.clone(), NativeCancel::token(cancel));
        Work::queue(move || {
            check(cancel.as_ref())?;
            let options = options(policy, value, on_error, cancel)?;
            Ok(Decided::new(&[router.route_utf8(prompt.bytes(), &options)?]))
        })
    }

    /// Decides for an embedding into `out`, without copying it; returns why, if the decision is a fallback.
    ///
    /// # Errors
    /// What the core reports.
    #[napi]
    pub fn route_embedding_sync(
        &self,
        embedding: Float32ArraySlice<'_>,
        policy: u32,
        value: f64,
        on_error: u32,
        mut out: Float64ArraySlice<'_>,
    ) -> Result<Option<String>> {
        guarded(|| {
            let options = options(policy, value, on_error, None)?;
            let decision = self.router.route_embedding(&embedding, &options)?;
            write(&decision, numbers(&mut out, NUMBERS)?);
            Ok(decision.fallback.map(|fallback| fallback.reason.to_string()))
        })
    }

    /// Decides for a copy of an embedding on a worker thread.
    #[napi(ts_return_type = "Promise<Decided>")]
    pub fn route_embedding(
        &self,
        embedding: Float32ArraySlice<'_>,
        policy: u32,
        value: f64,
        on_error: u32,
        cancel: Option<&NativeCancel>,
    ) -> AsyncTask<Work<Decided>> {
        let (router, cancel) = (self.router.clone(), NativeCancel::token(cancel));
        let embedding = embedding.to_vec();
        Work::queue(move || {
            check(cancel.as_ref())?;
            let options = options(policy, value, on_error, cancel)?;
            Ok(Decided::new(&[router.route_embedding(&embedding, &options)?]))
        })
    }

    /// Decides for many prompts into `out`, six numbers each; returns why some decisions are fallbacks.
    ///
    /// # Errors
    /// What the core reports.
    #[napi]
    pub fn route_batch_sync(
        &self,
        #[napi(ts_arg_type = "Array<string | Uint8Array>")] prompts: Vec<Text>,
        policy: u32,
        value: f64,
        on_error: u32,
        mut out: Float64ArraySlice<'_>,
    ) -> Result<Vec<FallbackReason>> {
        guarded(|| {
            let options = options(policy, value, on_error, None)?;
            let decisions = self.router.route_batch_utf8(&bytes(&prompts), &options)?;
            let numbers = numbers(&mut out, decisions.len() * NUMBERS)?;
            for (decision, out) in decisions.iter().zip(numbers.chunks_exact_mut(NUMBERS)) {
                write(decision, out);
            }
            Ok(fallbacks(&decisions))
        })
    }

    /// Decides for many prompts on a worker thread.
    #[napi(ts_return_type = "Promise<Decided>")]
    pub fn route_batch(
        &self,
        #[napi(ts_arg_type = "Array<string | Uint8Array>")] prompts: Vec<Text>,
        policy: u32,
        value: f64,
        on_error: u32,
        cancel: Option<&NativeCancel>,
    ) -> AsyncTask<Work<Decided>> {
        let (router, cancel) = (self.router.clone(), NativeCancel::token(cancel));
        Work::queue(move || {
            let options = options(policy, value, on_error, cancel)?;
            Ok(Decided::new(&router.route_batch_utf8(&bytes(&prompts), &options)?))
        })
    }

    /// The win rate of a prompt.
    ///
    /// # Errors
    /// What the core reports.
    #[napi]
    pub fn win_rate_sync(&self, #[napi(ts_arg_type = "string | Uint8Array")] prompt: Text) -> Result<f64> {
        guarded(|| self.router.win_rate(prompt.utf8()?))
    }

    /// The win rate of a prompt, on a worker thread.
    #[napi(ts_return_type = "Promise<number>")]
    pub fn win_rate(
        &self,
        #[napi(ts_arg_type = "string | Uint8Array")] prompt: Text,
        cancel: Option<&NativeCancel>,
    ) -> AsyncTask<Work<f64>> {
        let (router, cancel) = (self.router.clone(), NativeCancel::token(cancel));
        Work::queue(move || {
            check(cancel.as_ref())?;
            // The decision is thrown away: it is the core's call on one prompt that can be cancelled.
            let options = RouteOptions { cancel, ..RouteOptions::threshold(0.5) };
            let decision = router.route(prompt.utf8()?, &options)?;
            decision
                .win_rate
                .ok_or_else(|| Error::new(ErrorKind::Internal, "a fallback that nobody asked for"))
        })
    }

    /// The win rates of many prompts into `out`.
    ///
    /// # Errors
    /// What the core reports.
    #[napi]
    pub fn win_rates_sync(
        &self,
        #[napi(ts_arg_type = "Array<string | Uint8Array>")] prompts: Vec<Text>,
        mut out: Float64ArraySlice<'_>,
    ) -> Result<()> {
        guarded(|| {
            let rates = self.router.win_rates(&utf8(&prompts)?, None)?;
            numbers(&mut out, rates.len())?.copy_from_slice(&rates);
            Ok(())
        })
    }

    /// The win rates of many prompts, on a worker thread.
    #[napi(ts_return_type = "Promise<Float64Array>")]
    pub fn win_rates(
        &self,
        #[napi(ts_arg_type = "Array<string | Uint8Array>")] prompts: Vec<Text>,
        cancel: Option<&NativeCancel>,
    ) -> AsyncTask<Work<Float64Array>> {
        let (router, cancel) = (self.router.clone(), NativeCancel::token(cancel));
        Work::queue(move || Ok(Float64Array::new(router.win_rates(&utf8(&prompts)?, cancel.as_ref())?)))
    }

    /// The win rates of `out.length` embeddings, row after row, into `out`; nothing is copied.
    ///
    /// # Errors
    /// What the core reports.
    #[napi]
    pub fn win_rates_from_embeddings(
        &self,
        embeddings: Float32ArraySlice<'_>,
        mut out: Float64ArraySlice<'_>,
    ) -> Result<()> {
        let length = out.len();
        guarded(|| self.router.win_rates_from_embeddings(&embeddings, numbers(&mut out, length)?))
    }

    /// One score for each candidate.
    ///
    /// # Errors
    /// What the core reports.
    #[napi]
    pub fn candidate_scores_sync(
        &self,
        #[napi(ts_arg_type = "string | Uint8Array")] prompt: Text,
    ) -> Result<Float64Array> {
        guarded(|| Ok(Float64Array::new(self.router.candidate_scores(prompt.utf8()?)?)))
    }

    /// One score for each candidate, on a worker thread.
    #[napi(ts_return_type = "Promise<Float64Array>")]
    pub fn candidate_scores(
        &self,
        #[napi(ts_arg_type = "string | Uint8Array")] prompt: Text,
    ) -> AsyncTask<Work<Float64Array>> {
        let router = self.router.clone();
        Work::queue(move || Ok(Float64Array::new(router.candidate_scores(prompt.utf8()?)?)))
    }

    /// One score for each candidate, for an embedding.
    ///
    /// # Errors
    /// What the core reports.
    #[napi]
    pub fn candidate_scores_from_embedding(&self, embedding: Float32ArraySlice<'_>) -> Result<Float64Array> {
        guarded(|| Ok(Float64Array::new(self.router.candidate_scores_from_embedding(&embedding)?)))
    }

    /// The largest cosine similarity of a prompt to any vote.
    ///
    /// # Errors
    /// What the core reports.
    #[napi]
    pub fn similarity_sync(&self, #[napi(ts_arg_type = "string | Uint8Array")] prompt: Text) -> Result<f64> {
        guarded(|| self.router.similarity(prompt.utf8()?))
    }

    /// The largest cosine similarity of a prompt to any vote, on a worker thread.
    #[napi(ts_return_type = "Promise<number>")]
    pub fn similarity(
        &self,
        #[napi(ts_arg_type = "string | Uint8Array")] prompt: Text,
    ) -> AsyncTask<Work<f64>> {
        let router = self.router.clone();
        Work::queue(move || router.similarity(prompt.utf8()?))
    }

    /// The largest cosine similarity of an embedding to any vote.
    ///
    /// # Errors
    /// What the core reports.
    #[napi]
    pub fn similarity_from_embedding(&self, embedding: Float32ArraySlice<'_>) -> Result<f64> {
        guarded(|| self.router.similarity_from_embedding(&embedding))
    }

    /// Why a prompt gets its score, with the `k` votes that weighed most, as JSON.
    ///
    /// # Errors
    /// What the core reports.
    #[napi]
    pub fn explain_sync(
        &self,
        #[napi(ts_arg_type = "string | Uint8Array")] prompt: Text,
        k: u32,
    ) -> Result<String> {
        guarded(|| json(serde_json::to_string(&self.router.explain(prompt.utf8()?, k as usize)?)))
    }

    /// Why a prompt gets its score, as JSON, on a worker thread.
    #[napi(ts_return_type = "Promise<string>")]
    pub fn explain(
        &self,
        #[napi(ts_arg_type = "string | Uint8Array")] prompt: Text,
        k: u32,
    ) -> AsyncTask<Work<String>> {
        let router = self.router.clone();
        Work::queue(move || json(serde_json::to_string(&router.explain(prompt.utf8()?, k as usize)?)))
    }

    /// Why an embedding gets its score, as JSON.
    ///
    /// # Errors
    /// What the core reports.
    #[napi]
    pub fn explain_embedding(&self, embedding: Float32ArraySlice<'_>, k: u32) -> Result<String> {
        guarded(|| json(serde_json::to_string(&self.router.explain_embedding(&embedding, k as usize)?)))
    }

    /// The embedding of a prompt.
    ///
    /// # Errors
    /// What the core reports.
    #[napi]
    pub fn embed_sync(
        &self,
        #[napi(ts_arg_type = "string | Uint8Array")] prompt: Text,
    ) -> Result<Float32Array> {
        guarded(|| Ok(Float32Array::new(self.router.embed(prompt.utf8()?)?)))
    }

    /// The embedding of a prompt, on a worker thread.
    #[napi(ts_return_type = "Promise<Float32Array>")]
    pub fn embed(
        &self,
        #[napi(ts_arg_type = "string | Uint8Array")] prompt: Text,
    ) -> AsyncTask<Work<Float32Array>> {
        let router = self.router.clone();
        Work::queue(move || Ok(Float32Array::new(router.embed(prompt.utf8()?)?)))
    }

    /// The threshold that a policy comes to.
    ///
    /// # Errors
    /// What the core reports.
    #[napi]
    pub fn threshold(&self, policy: u32, value: f64) -> Result<f64> {
        guarded(|| self.router.threshold(crate::decision::policy(policy, value)?))
    }

    /// What is known about the router, as JSON.
    ///
    /// # Errors
    /// None.
    #[napi]
    pub fn info(&self) -> Result<String> {
        guarded(|| json(serde_json::to_string(self.router.info())))
    }

    /// Names of the candidates.
    #[napi]
    pub fn models(&self) -> Vec<String> {
        self.router.models().map(str::to_owned).collect()
    }

    /// Name of the strong model.
    #[napi]
    pub fn strong(&self) -> String {
        self.router.strong().to_owned()
    }

    /// Name of the weak model.
    #[napi]
    pub fn weak(&self) -> String {
        self.router.weak().to_owned()
    }

    /// Length of the embeddings that the router takes.
    #[napi]
    pub fn embedding_dimension(&self) -> Option<u32> {
        self.router.embedding_dimension().map(|dimension| dimension as u32)
    }

    /// How much of a prompt is looked at; nothing if the router reads no prompts.
    #[napi]
    pub fn cap(&self) -> Option<Cap> {
        let cap = match self.router.featurizer() {
            Featurizer::Hashed(hashed) => hashed.spec().cap,
            Featurizer::Onnx(encoder) => encoder.spec().cap,
            Featurizer::Caller(_) => return None,
        };
        Some(Cap { max_bytes: cap.max_bytes as f64, tail: cap.side == CapSide::Tail })
    }

    /// How many decisions were fallbacks.
    #[napi]
    pub fn fallbacks(&self) -> f64 {
        self.router.fallbacks() as f64
    }
}

/// A call that waited in libuv's queue may be cancelled before it begins.
fn check(cancel: Option<&CancelToken>) -> routellm_core::Result<()> {
    cancel.map_or(Ok(()), CancelToken::check)
}
