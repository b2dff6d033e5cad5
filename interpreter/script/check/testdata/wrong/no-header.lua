print("hello") -- error: the script has no runbook\{\} header
