runbook { name = "x" }
if now() != 1 then end -- error: [Ii]nvalid token near "!"
