//! The MQTT door: messages in, observations out, acknowledged when their effect is stored.
