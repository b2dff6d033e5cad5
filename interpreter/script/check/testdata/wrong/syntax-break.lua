runbook { name = "x" }
break -- error: no loop to break
