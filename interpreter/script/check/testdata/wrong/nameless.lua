runbook {} -- error: runbook: name: is required
