runbook { name = "x" }
if params.x = 1 then end -- error: near "=".*comparing is written "=="
