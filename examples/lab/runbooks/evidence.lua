-- Somebody guesses passwords: what hosts and logs know is kept before anything is
-- changed, and those on call are told. In the lab:
--
--   runbook run examples/lab/runbooks/evidence.lua

runbook {
  name       = "evidence",
  summary    = "Search logs, ask hosts, and archive what was found",
  params     = {
    on      = { type = "list", of = "string", default = { "web" }, doc = "hosts, by name, group or label" },
    archive = { type = "string", default = "../archives/evidence.tar.gz", doc = "the archive" },
  },
  on_failure = "stop",
}

local files, hosts, notify = require "files", require "hosts", require "notify"

local found
step("search the logs", function()
  found = files.search { paths = { "." }, pattern = "login failed" }
  log.info { lines = found.count }
end)

step("ask the hosts", function()
  hosts.run { on = params.on, argv = { "uname", "-srm" }, class = "read" }
end)

step("keep it", function()
  local kept = files.archive { paths = { "." }, to = params.archive }
  notify.send { to = "oncall", title = "evidence is kept",
    text = found.count .. " failed logins; " .. kept.path .. " has the hash " .. kept.sha256 }
end)
