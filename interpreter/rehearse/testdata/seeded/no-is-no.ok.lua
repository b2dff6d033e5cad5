-- People say no, and it is done.
runbook { name = "no-is-no", on_failure = "stop" }
if not pcall(approve, { title = "Drop the archive?", timeout = "1d" }) then return end
require("exec").run { argv = { "./drop-archive.sh" }, class = "irreversible" }
