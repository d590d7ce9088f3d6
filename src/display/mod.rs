//! One supervised driver task per sign: write, verify, retry, fail safe.
