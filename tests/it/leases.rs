//! Signs shared by several nodes: the book of leases in a real Redis, and nodes that are killed, stopped and ended.

mod book;
mod nodes;
mod scene;
