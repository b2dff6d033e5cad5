x = 1 --- error: x would be a global, which runbooks do not have; write local x = …
----
function helper() end --- error: the function helper would be a global, .*; write local function helper
----
step = 1 --- error: step is part of the runbook's language
----
local x = chekpoint --- error: chekpoint is not defined; did you mean "checkpoint"\?
----
traffic.weights() --- error: traffic is not defined; write local traffic = require "traffic" at the top
----
os.execute("ls") --- error: os is not defined; the time is now\(\)
----
local x = _G.nothing --- error: nothing is not defined
----
_G.x = 1 --- error: would be a global
----
rawset(_G, "x", 1) --- error: may only be read
----
rawset(string, "rep", 1) --- error: may only be read
----
string.rep = 1 --- error: string.rep cannot be set
----
params.x = 1 --- error: params.x cannot be set
----
assert(_VERSION == "Lua 5.1" and rawget(_G, "print") == nil and _G.print == print)
for _, name in ipairs { "os", "io", "debug", "package", "dofile", "loadfile", "load", "loadstring", "module", "setfenv",
  "getfenv", "collectgarbage", "newproxy", "_printregs", "channel", "_GOPHER_LUA_VERSION" } do
  assert(not pcall(function() return _G[name] end), name)
end
assert(not pcall(function() return math.randomseed end) and not pcall(function() return string.dump end))
----
local x = params.y --- error: params.y is not declared in runbook{}
----
-- no header
local x = params --- error: params has no values before runbook
