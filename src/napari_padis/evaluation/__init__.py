"""Studies of priors and methods on data whose truth is known; no windows."""
