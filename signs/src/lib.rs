//! Faces of guidance signs, how they are drawn, and how they are written to a sign.
