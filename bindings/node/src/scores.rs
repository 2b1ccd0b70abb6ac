//! Scores of prompts and of embeddings.

use napi::bindgen_prelude::{AsyncTask, Float32Array, Float32ArraySlice, Float64Array, Float64ArraySlice};
use napi_derive::napi;
use routellm_core::{Error, ErrorKind, RouteOptions};

use crate::cancel::NativeCancel;
use crate::convert::{check, json, numbers, utf8};
use crate::error::{Result, guarded};
use crate::router::NativeRouter;
use crate::text::Text;
use crate::work::Work;

#[napi]
impl NativeRouter {
    /// The win rate of a prompt.
    ///
    /// # Errors
    /// What the core reports.
    #[napi]
    pub fn win_rate_sync(&self, #[napi(ts_arg_type = "string | Uint8Array")] prompt: Text) -> Result<f64> {
        guarded(|| self.router().win_rate(prompt.utf8()?))
    }

    /// The win rate of a prompt, on a worker thread.
    #[napi(ts_return_type = "Promise<number>")]
    pub fn win_rate(
        &self,
        #[napi(ts_arg_type = "string | Uint8Array")] prompt: Text,
        cancel: Option<&NativeCancel>,
    ) -> AsyncTask<Work<f64>> {
        let (router, cancel) = (self.router().clone(), NativeCancel::token(cancel));
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
            let rates = self.router().win_rates(&utf8(&prompts)?, None)?;
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
        let (router, cancel) = (self.router().clone(), NativeCancel::token(cancel));
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
        guarded(|| self.router().win_rates_from_embeddings(&embeddings, numbers(&mut out, length)?))
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
        guarded(|| Ok(Float64Array::new(self.router().candidate_scores(prompt.utf8()?)?)))
    }

    /// One score for each candidate, on a worker thread.
    #[napi(ts_return_type = "Promise<Float64Array>")]
    pub fn candidate_scores(
        &self,
        #[napi(ts_arg_type = "string | Uint8Array")] prompt: Text,
    ) -> AsyncTask<Work<Float64Array>> {
        let router = self.router().clone();
        Work::queue(move || Ok(Float64Array::new(router.candidate_scores(prompt.utf8()?)?)))
    }

    /// One score for each candidate, for an embedding.
    ///
    /// # Errors
    /// What the core reports.
    #[napi]
    pub fn candidate_scores_from_embedding(&self, embedding: Float32ArraySlice<'_>) -> Result<Float64Array> {
        guarded(|| Ok(Float64Array::new(self.router().candidate_scores_from_embedding(&embedding)?)))
    }

    /// The largest cosine similarity of a prompt to any vote.
    ///
    /// # Errors
    /// What the core reports.
    #[napi]
    pub fn similarity_sync(&self, #[napi(ts_arg_type = "string | Uint8Array")] prompt: Text) -> Result<f64> {
        guarded(|| self.router().similarity(prompt.utf8()?))
    }

    /// The largest cosine similarity of a prompt to any vote, on a worker thread.
    #[napi(ts_return_type = "Promise<number>")]
    pub fn similarity(
        &self,
        #[napi(ts_arg_type = "string | Uint8Array")] prompt: Text,
    ) -> AsyncTask<Work<f64>> {
        let router = self.router().clone();
        Work::queue(move || router.similarity(prompt.utf8()?))
    }

    /// The largest cosine similarity of an embedding to any vote.
    ///
    /// # Errors
    /// What the core reports.
    #[napi]
    pub fn similarity_from_embedding(&self, embedding: Float32ArraySlice<'_>) -> Result<f64> {
        guarded(|| self.router().similarity_from_embedding(&embedding))
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
        guarded(|| json(serde_json::to_string(&self.router().explain(prompt.utf8()?, k as usize)?)))
    }

    /// Why a prompt gets its score, as JSON, on a worker thread.
    #[napi(ts_return_type = "Promise<string>")]
    pub fn explain(
        &self,
        #[napi(ts_arg_type = "string | Uint8Array")] prompt: Text,
        k: u32,
    ) -> AsyncTask<Work<String>> {
        let router = self.router().clone();
        Work::queue(move || json(serde_json::to_string(&router.explain(prompt.utf8()?, k as usize)?)))
    }

    /// Why an embedding gets its score, as JSON.
    ///
    /// # Errors
    /// What the core reports.
    #[napi]
    pub fn explain_embedding(&self, embedding: Float32ArraySlice<'_>, k: u32) -> Result<String> {
        guarded(|| json(serde_json::to_string(&self.router().explain_embedding(&embedding, k as usize)?)))
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
        guarded(|| Ok(Float32Array::new(self.router().embed(prompt.utf8()?)?)))
    }

    /// The embedding of a prompt, on a worker thread.
    #[napi(ts_return_type = "Promise<Float32Array>")]
    pub fn embed(
        &self,
        #[napi(ts_arg_type = "string | Uint8Array")] prompt: Text,
    ) -> AsyncTask<Work<Float32Array>> {
        let router = self.router().clone();
        Work::queue(move || Ok(Float32Array::new(router.embed(prompt.utf8()?)?)))
    }
}
