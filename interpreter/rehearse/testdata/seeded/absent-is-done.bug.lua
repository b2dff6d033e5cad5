-- A figure that is missing counts as 0, and ends the wait for it.
runbook { name = "swap-search-index", locks = { "search/products" }, on_failure = "stop" }
local exec, health = require "exec", require "health"
wait { title = "the backlog is empty", timeout = "1h", every = "1m", until_ = function()
  local m = health.measure { env = "search", window = "30s", metrics = { backlog = "" } }
  local left = m.metrics and m.metrics.backlog or 0
  return left == 0, left
end }
exec.run { argv = { "./move-alias.sh", "products-v2" }, class = "write", recovery = "retry" }
