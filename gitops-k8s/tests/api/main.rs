//! The Kubernetes target against a real API server.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod adopt;
mod apply;
mod beside;
mod connect;
mod corpus;
mod covered;
mod engine;
mod faults;
mod field;
mod health;
mod ignore;
mod kit;
mod lease;
mod observe;
mod planner;
mod preview;
mod scope;
mod store;
mod storm;
mod stuck;
mod support;
mod tenancy;
mod watch;
mod whole;
