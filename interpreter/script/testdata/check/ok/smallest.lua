runbook { name = "smallest" }
