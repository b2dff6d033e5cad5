runbook { name = "control" }
step("x") -- error: step takes 2 arguments
step(function() end, "x") -- error: step wants a string here, got a function
step("x", {}) -- error: step wants a function here, got a table
step { "x" } -- error: step takes 2 arguments
checkpoint() -- error: checkpoint takes one argument
checkpoint { name = "x" } -- error: checkpoint wants a string
on_rollback("x") -- error: on_rollback wants a function here, got a string
on_rollback { function() end } -- error: on_rollback wants a function
sleep() -- error: sleep takes one argument
sleep "10" -- error: sleep: wants a duration like "15m", got "10"
sleep "10 parsecs" -- error: sleep: wants a duration
sleep(-1) -- error: may not be negative
sleep { for_ = "10m" } -- error: for_: is not known here
sleep(true) -- error: sleep wants a duration, got a boolean
sleep { reason = "x" } -- error: sleep: duration: is required
approve { titel = "x" } -- error: approve: titel: is not known here; did you mean "title"\?
approve { title = "x", count = 0 } -- error: count: must be at least 1
approve(7) -- error: approve takes a table
retry { attempts = 3 } -- error: retry has no function to try
retry { atempts = 3, function() end } -- error: did you mean "attempts"\?
retry { attempts = 0, function() end } -- error: attempts: must be at least 1
retry { function() end, function() end } -- error: retry takes one function
retry(function() end) -- error: retry takes a table, not a function
retry { "x" } -- error: retry wants a function, got a string
wait { timeout = "1m" } -- error: until_ is missing
wait { until_ = 1, timeout = "1m" } -- error: until_ of wait has to be a function, not a number
wait { until_ = print, timeout = "1m", evry = "1s" } -- error: evry
wait { until_ = print } -- error: timeout
parallel { a = 1, b = function() end } -- error: a branch of parallel has to be a function, not a number
parallel { a = function() end, limit = 0 } -- error: limit of parallel has to be a whole number from 1 on
parallel { a = function() end, fail_fast = "no" } -- error: fail_fast of parallel has to be true or false, not a string
parallel { a = function() end, function() end } -- error: mixes named branches
parallel(function() end) -- error: parallel takes a table
parallel() -- error: parallel takes one table
fail() -- error: fail wants a message
fail { mesage = "x" } -- error: did you mean "message"\?
log.inof "x" -- error: did you mean "info"\?
log.info() -- error: log\.info takes one text or one table
log.info("a", "b") -- error: log\.info takes one text or one table
step("", function() end) -- error: not empty
step("x", function() end, 3) -- warning: the rest has no effect
retry { backoff = 0.5, function() end } -- error: retry: backoff must be at least 1
parallel { ["a b"] = function() end } -- error: "a b" cannot be the name of a branch
local trim = string.trim -- error: string\.trim does not exist
print(trim)
now(1) -- warning: now takes no arguments; the rest has no effect
env() -- error: env takes one argument
env(1) -- error: env wants a string
string.fromat("%d", 1) -- error: string\.fromat does not exist; did you mean "format"\?
math.randomseed(1) -- error: math\.randomseed does not exist
runbook { name = "again" } -- error: runbook\{\} may be called once
string.trim = function(s) return s end -- error: string cannot be changed
function math.half(n) return n / 2 end -- error: math cannot be changed
approve { title = "go?", by = { "ana", " " } } -- error: nobody can agree to approve: by names " ", which is blank; name as many
approve { title = tostring(1), by = { "ana", "ana" } } -- error: nobody can agree to approve: by names "ana" twice
approve { title = "go?", by = {} } -- error: nobody can agree to approve: by names nobody
approve { title = "go?", by = { "ana", "" } } -- error: nobody can agree to approve: by holds an empty name
local ana = "ana" approve { title = "go?", by = { ana, "an" .. "a" }, count = 1 + 2 } -- error: nobody can agree to approve: by names "ana" twice
run.id = "v2" -- error: run cannot be changed
print(run.idd) -- error: run\.idd does not exist
window { needs = "1h" } -- error: window: open: is required
window { open = { "Sum 02:00-04:00 UTC" } } -- error: window: open\[1\]: window "Sum 02:00-04:00 UTC": "Sum" is no day
window { open = { "Sun 02:00-04:00 UTC" }, outside = "go" } -- error: outside
window { open = { "Sun 02:00-04:00 UTC" }, by = { "ana" } } -- error: by: goes with outside = "ask"
window { "Sun 02:00-04:00 UTC" } -- error: window takes its arguments by name
window() -- error: window takes one
