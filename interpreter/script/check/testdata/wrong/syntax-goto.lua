runbook { name = "x" }
goto nowhere -- error: no visible label
