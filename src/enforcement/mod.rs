//! From captures to incidents to records: evidence, dwell, review, the ledger's entries.
