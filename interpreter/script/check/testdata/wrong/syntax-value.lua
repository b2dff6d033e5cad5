runbook { name = "x" }
params.x; -- error: a value where a statement is wanted
