runbook { name = "calls", params = { version = { type = "string" } } }
local traffic = require "traffic"
local health, exec = require "health", require "exec"
traffic.splt { green = 10, blue = 90 } -- error: traffic\.splt: the module traffic has no such op; did you mean "split"\?
traffic:split { green = 10, blue = 90 } -- error: traffic:split: ops are called with a dot
traffic.split { 10, 90 } -- error: takes named arguments; this one has no name
traffic.split { green = 10, blue = 80 } -- error: traffic\.split: the shares add up to 90, not 100
traffic.split { green = "much", blue = 1 } -- error: green: wants a percentage.*got "much"
traffic.split { green = 120 } -- error: green: must be from 0 to 100, got 120
traffic.split(10, 90) -- error: takes one table of named arguments
traffic.split "green" -- error: takes a table of named arguments, not a string
traffic.split(function() end) -- error: not a function
traffic.weights(nil) -- error: takes a table of named arguments, not nil
traffic.switch {} -- error: traffic\.switch: to: is required
traffic.switch() -- error: traffic\.switch: to: is required
traffic.switch { too = "green" } -- error: too: is not known here; did you mean "to"\?
traffic.switch { to = 3 } -- error: to: wants a string, got 3
traffic.switch { to = params.verion } -- error: params\.verion is not declared in runbook\{\}; did you mean "version"\?
require("traffic").drian { server = "blue" } -- error: did you mean "drain"\?
require("traffic").drain { srver = "blue" } -- error: did you mean "server"\?
health.check { env = "green", timeout = "soon" } -- error: timeout: wants a duration
health.check {
  env = "green",
  timout = "5m", -- error: timout: is not known here; did you mean "timeout"\?
}
local slo = { p99_latncy = "< 200ms" }
health.watch { env = "green", during = "10m", slo = slo } -- error: slo\.p99_latncy: is not a metric; did you mean "p99_latency"\?
health.watch {
  env = "green", during = params.version,
  slo = { error_rate = 5 }, -- error: slo\.error_rate: wants a string, got 5
}
health.watch { env = "green", slo = {} } -- error: during: is required
exec.run { argv = { "a" }, shell = "b" } -- error: wants exactly one of argv and shell
exec.run { argv = { "a", 7, params.version } } -- error: argv\[2\]: wants a string
exec.run { argv = { "x" }, class = "wrte" } -- error: must be one of .*did you mean "write"\?
local run = exec.run
run { shel = "ls" } -- error: exec\.run: shel: is not known here; did you mean "shell"\?
exec.run { shell = "ls", shell = "pwd" } -- warning: shell is given twice
traffic.split = nil -- error: the module traffic cannot be changed
params.version = "v2" -- error: params cannot be changed
exec.run { shell = "ls", timeout = function() end } -- error: timeout: a function cannot be an argument
local trafic = require "trafic" -- error: require "trafic": there is no module.*did you mean "traffic"\?
trafic.x()
local lib = require "lib.nowhere" -- error: a file of that name has to stand beside the script
lib.x()
local out = require "../secrets" -- error: there is no module and no file
out.x()
local inner = function() require("healt") end inner() -- error: did you mean "health"\?
traffic.switch { to = "blue", undo = true } -- error: undo: should be a function that takes the call back, not a boolean
health.check { env = "green", undo = function() end } -- error: health\.check: undo: it only reads
