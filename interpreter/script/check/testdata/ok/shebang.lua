#!/usr/bin/env runbook run
runbook { name = "shebang" }
