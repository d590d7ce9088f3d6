//! NTCIP 1203 dynamic message signs: numeric object ids, MULTI text, message CRC, activation codes.

pub mod activate;
pub mod crc;
pub mod multi;
pub mod oid;
