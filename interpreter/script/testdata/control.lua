-- parallel returns first results under the same keys.
local r = parallel { eu = function() return 1, 2 end, us = function() sleep(1) return "b" end, none = function() end }
assert(r.eu == 1 and r.us == "b" and r.none == nil)
local list = parallel { function() return "a" end, function() return "b" end }
assert(#list == 2 and list[1] == "a" and list[2] == "b")
assert(next(parallel {}) == nil)
----
-- Branches share variables.
local n = 0
parallel { a = function() n = n + 1 sleep(1) n = n * 2 end, b = function() n = n + 10 sleep(1) n = n * 3 end }
assert(n == 66, n)
----
-- All branches run to their end; the first failure is raised.
local done = {}
local ok, e = pcall(parallel, {
  a = function() sleep(1) fail { message = "first", code = "mine" } end,
  b = function() error("second") end,
  c = function() sleep(1) sleep(1) done.c = true end,
})
assert(not ok and done.c and e.code == "mine", e)
assert(e.message == 'branch "a": first (1 other branch failed too)', e.message)
----
parallel {
  b = function() end,
  a = function()
    local x = nil + 1 --- error: ^branch "a": attempt to calculate with a nil and a number
  end,
}
----
parallel { 1 } --- error: a branch of parallel has to be a function; 1 is 1
----
parallel { function() end, a = function() end } --- error: mixes named branches
----
parallel { ["a.b"] = function() end } --- error: "a.b" cannot be the name of a branch
----
parallel(print) --- error: parallel takes one table of functions
----
-- retry tries again after errors that can pass.
local traffic = require "traffic"
local tries = 0
local a, b = retry { attempts = 4, wait = "1s", function()
  tries = tries + 1
  if tries < 3 then traffic.split { broken = 100 } end
  return "done", tries
end }
assert(a == "done" and b == 3)
----
local tries = 0
local ok = pcall(retry, { function() tries = tries + 1 error("fatal") end })
assert(not ok and tries == 1)
pcall(retry, { any = true, attempts = 5, wait = 0, function() tries = tries + 1 error("fatal") end })
assert(tries == 6)
----
local traffic = require "traffic"
retry { attempts = 2, function()
  traffic.split { broken = 100 } --- error: ^traffic.split: the proxy is away
end }
----
retry { attemps = 2, function() end } --- error: attemps: is not known here; did you mean "attempts"\?
----
retry { attempts = 2 } --- error: retry has no function to try
----
retry { attempts = 0, function() end } --- error: attempts: must be at least 1
----
retry { backoff = 0.5, function() end } --- error: backoff must be at least 1
----
-- Coroutines may carry out effects, and steps stand in them.
local co = coroutine.wrap(function()
  step("inside", function() sleep(1) end)
  coroutine.yield(now())
  sleep(1)
end)
assert(co() == 1700000000.5)
co()
