//! Benchmarks, and the counters that tests hold them to.
