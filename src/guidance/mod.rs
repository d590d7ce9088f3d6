//! From availability to what each panel should show.
