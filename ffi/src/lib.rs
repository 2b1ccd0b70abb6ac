//! The C interface of routellm.
