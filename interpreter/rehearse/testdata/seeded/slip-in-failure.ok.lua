-- What tells of a failure has a slip itself, which only a failure shows.
runbook { name = "publish-index", locks = { "hosts/search" }, on_failure = "stop" }
local hosts, notify = require "hosts", require "notify"
local r = hosts.run { on = { "search" }, argv = { "publish-index", "--date", "today" }, class = "write", partial = true }
local failed = {}
for name, h in pairs(r.hosts) do
  if h.failure then
    failed[#failed + 1] = name .. ": " .. (h.error or h.failure)
  end
end
if #failed > 0 then
  table.sort(failed)
  notify.page { to = "on-call", text = "index is not published on " .. table.concat(failed, ", ") }
  fail { message = "index is not published on " .. table.concat(failed, ", "), hint = "publish it there by hand" }
end
