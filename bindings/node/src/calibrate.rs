//! Calibrations, on a thread of their own.

use napi::Env;
use napi::bindgen_prelude::{Function, Object};
use napi_derive::napi;
use routellm_core::calibrate::CalibrateSpec;

use crate::cancel::NativeCancel;
use crate::error::{Result, guarded};
use crate::promise::{on_thread, promise};
use crate::router::NativeRouter;
use crate::train::{Listener, NativeProgress, control};

/// What a router takes that shares the models of another one, in bytes.
const SHARED_MEMORY: i64 = 1 << 16;

#[napi]
impl NativeRouter {
    /// Calibrates as a specification says, JSON; the promise is of another router.
    ///
    /// # Errors
    /// Those of Node.
    #[napi(
        ts_args_type = "spec: string, cancel: NativeCancel, progress: ((step: NativeProgress) => void) | null",
        ts_return_type = "Promise<NativeRouter>"
    )]
    pub fn calibrate<'env>(
        &self,
        env: &'env Env,
        spec: String,
        cancel: &NativeCancel,
        progress: Option<Function<'_, NativeProgress, ()>>,
    ) -> napi::Result<Object<'env>> {
        let token = NativeCancel::token(Some(cancel)).unwrap_or_default();
        let listener: Option<Listener> =
            progress.map(|callback| callback.build_threadsafe_function().build()).transpose()?;
        let router = self.router().clone();
        promise(env, move |done| {
            let spec = CalibrateSpec::from_json(spec.as_bytes())?;
            on_thread(done, move || {
                let (calibrated, _) = router.calibrate(&spec, control(&token, listener))?;
                Ok(NativeRouter::new(calibrated, SHARED_MEMORY))
            })
        })
    }

    /// What the calibration found, as JSON; null without one of one's own.
    #[napi]
    pub fn calibration_report(&self) -> Option<String> {
        self.router().calibration_report().map(ToString::to_string)
    }

    /// Keeps the calibration in a file or with the artifact.
    ///
    /// # Errors
    /// What the core reports.
    #[napi]
    pub fn save_calibration(&self, path: String) -> Result<()> {
        guarded(|| self.router().save_calibration(path))
    }

    /// What was noticed about calls and not taken yet.
    #[napi]
    pub fn take_notice(&self) -> Option<String> {
        self.router().take_notice()
    }
}
