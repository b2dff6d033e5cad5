runbook { name = "cluster-upgrade", summary = "A new version of the control plane", locks = { "deploy/cluster" }, on_failure = "rollback" }
local version = "v1.24.17"
local exec, health = require "exec", require "health"

exec.run { argv = { "kubeadm", "upgrade", "plan", version }, class = "read" }
approve { title = "upgrade the cluster to " .. version .. "?", by = { "role:platform" }, timeout = "2h" }
on_rollback("the version before", function()
  exec.run { argv = { "kubeadm", "upgrade", "apply", "-y", "v1.23.17" }, class = "write", recovery = "ask", timeout = "30m" }
end)
step("upgrade", function()
  exec.run { argv = { "kubeadm", "upgrade", "apply", "-y", version }, class = "irreversible", timeout = "30m" }
end)
health.watch { env = "cluster", during = "5m", every = "1m", slo = { error_rate = "< 0.5%" } }
