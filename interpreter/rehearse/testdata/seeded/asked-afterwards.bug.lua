-- What cannot be undone is done, and then people are asked. Atlassian deleted the sites of customers in April 2022
-- by a script that nobody had been asked about in its last form (Post-Incident Review on the Atlassian April 2022 outage).
runbook { name = "asked-afterwards", on_failure = "stop" }
local exec = require "exec"
exec.run { argv = { "./delete-sites.sh", "--legacy" }, class = "irreversible" }
approve { title = "Delete the legacy sites?", timeout = "1d" }
exec.run { argv = { "./report.sh" }, class = "read" }
