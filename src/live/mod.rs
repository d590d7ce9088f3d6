//! Fan-out of changes to WebSocket sessions.
