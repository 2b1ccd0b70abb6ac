//! A router that is exchanged while calls run.

use routellm_core::Reloadable;

use crate::args::handle;
use crate::error::routellm_error;
use crate::guard::{guard, guard_or};
use crate::router::routellm_router;
use crate::status::routellm_status;

/// A place for the router that is in use, for programs that reload: readers take a handle from it without waiting,
/// and whoever puts another router there disturbs no call.
///
/// You own it. Every function on it may be called by many threads at once, but for its `_free`.
#[derive(Debug)]
pub struct routellm_reloadable {
    current: Reloadable<routellm_router>,
}

/// A place that holds a handle of `router`; yours stays yours. `NULL` for `NULL`.
#[unsafe(no_mangle)]
pub extern "C" fn routellm_reloadable_new(
    router: Option<&routellm_router>,
) -> Option<Box<routellm_reloadable>> {
    guard_or(None, || {
        router.map(|router| Box::new(routellm_reloadable { current: Reloadable::new(router.clone()) }))
    })
}

/// A handle of the router that is in use now, which you free. It stays good for as long as you keep it, also after a
/// replacement. `NULL` for `NULL`.
#[unsafe(no_mangle)]
pub extern "C" fn routellm_reloadable_get(
    reloadable: Option<&routellm_reloadable>,
) -> Option<Box<routellm_router>> {
    guard_or(None, || reloadable.map(|place| Box::new(place.current.get())))
}

/// Puts a handle of `router` into the place; yours stays yours. Calls that run or wait on the one before finish on it,
/// and it goes with the last of its handles. Do not close it: that ends the calls that wait. Who hears of the decisions of
/// the one before (`routellm_router_on_decision()`) hears of those of `router`, too, unless that has a callback of its own.
///
/// `ROUTELLM_INVALID_ARGUMENT` if an argument is `NULL`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn routellm_reloadable_replace(
    reloadable: Option<&routellm_reloadable>,
    router: Option<&routellm_router>,
    err: *mut *mut routellm_error,
) -> routellm_status {
    // SAFETY: the rules of the header for `err`.
    unsafe {
        guard(err, || {
            let router = handle(router, "router")?.clone();
            handle(reloadable, "reloadable")?.current.replace(router);
            Ok(())
        })
    }
}

/// Frees the place; handles that were taken from it stay good. `NULL` is permitted.
#[unsafe(no_mangle)]
pub extern "C" fn routellm_reloadable_free(reloadable: Option<Box<routellm_reloadable>>) {
    guard_or((), || drop(reloadable));
}
