-- People say no, and it is done.
runbook { name = "no-is-no", on_failure = "stop" }
pcall(approve, { title = "Drop the archive?", timeout = "1d" })
require("exec").run { argv = { "./drop-archive.sh" }, class = "irreversible" }
