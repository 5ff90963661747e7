"""Right or refused: what comes in is looked at here, and what somebody changes later is noticed."""
