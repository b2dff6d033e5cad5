-- A change that was refused is taken for made.
runbook { name = "swallowed-write", on_failure = "stop" }
local exec, deploy = require "exec", require "deploy"
local done, why = pcall(exec.run, { argv = { "./rotate-logs.sh" }, class = "write", recovery = "retry" })
if not done then log.warn("the logs stay as they are: " .. tostring(why)) end
deploy.release { env = "api", version = "v2" }
