//! Where availability is computed and kept: the contract, two engines behind it, and the board that readers look at.
