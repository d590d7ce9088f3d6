//! How many places will be free on arrival.
