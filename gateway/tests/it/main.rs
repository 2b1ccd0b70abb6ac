//! The gateway between a client that sees every byte and an upstream that misbehaves as it is told.

mod dialects;
mod keys;
mod limits;
mod pass;
mod privacy;
mod reference;
mod reload;
mod routing;
mod shutdown;
mod support;
mod trouble;
