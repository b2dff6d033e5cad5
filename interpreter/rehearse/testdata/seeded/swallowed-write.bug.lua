-- A change that was refused is taken for made.
runbook { name = "swallowed-write", on_failure = "stop" }
local exec, deploy = require "exec", require "deploy"
pcall(exec.run, { argv = { "./rotate-logs.sh" }, class = "write", recovery = "retry" })
deploy.release { env = "api", version = "v2" }
