//! Sensor and camera formats, decoded to readings and captures: no I/O.
