-- The error of one is swallowed, and the next turn of the loop goes well; to try another one instead is no such thing.
runbook { name = "next-turn", on_failure = "stop" }
local exec = require "exec"
local function sync(site) return pcall(exec.run, { argv = { "./sync.sh", site }, class = "write", recovery = "retry" }) end
for _, site in ipairs { "eu", "us" } do sync(site) end
