-- Numbers print as in Lua.
assert(tostring(10) == "10" and tostring(10.5) == "10.5" and tostring(1/3) == "0.33333333333333")
assert(tostring(0/0) == "nan" and tostring(math.huge) == "inf" and tostring(-math.huge) == "-inf")
assert(tostring(1e100) == "1e+100" and tostring(-3) == "-3" and 10 .. "" == "10")
assert(tonumber("1e2") == 100 and tonumber("0x10") == 16 and tonumber("ff", 16) == 255 and tonumber(" 7 ") == 7)
assert(tonumber("nan") == nil and tonumber("inf") == nil and tonumber("1_0") == nil and tonumber("") == nil)
assert(tonumber("-5") == -5 and tonumber(".5") == 0.5 and tonumber("z", 36) == 35 and tonumber("8", 8) == nil)
----
-- Nothing shows an address.
assert(tostring({}) == "table" and tostring(print) == "function" and tostring(coroutine.create(print)) == "thread")
assert(string.format("%s %s", {}, print) == "table function")
assert(tostring(setmetatable({}, { __tostring = function() return "mine" end })) == "mine")
----
-- A caught error leaves variables shared with closures alone.
local n = 0
local function inc() n = n + 1 end
inc()
assert(not pcall(error, "x"))
inc()
assert(n == 2)
assert(not pcall(function() inc() error("y") end))
inc()
assert(n == 4)
local kept = {}
pcall(function()
  local inner = 1
  kept.get = function() return inner end
  kept.set = function(v) inner = v end
  error("z")
end)
kept.set(5)
assert(kept.get() == 5)
----
-- The same holds of xpcall, and its handler gets the error.
local n = 0
local function inc() n = n + 1 end
local ok, e = xpcall(function() inc() error({ code = 7 }) end, function(e) inc() return e.code end)
inc()
assert(ok == false and e == 7 and n == 3)
local ok, e = xpcall(error, function() error("worse") end)
assert(not ok and e:find("worse"))
assert(select(2, xpcall(function(a) return a end, print, 9)) == 9)
----
-- pcall passes values both ways.
local ok, a, b = pcall(function(x, y) return y, x end, 1, 2)
assert(ok and a == 2 and b == 1)
assert(pcall(nil) == false)
local ok, e = pcall(error, nil)
assert(not ok and e == nil)
local ok, e = pcall(error, { mine = true })
assert(e.mine)
local t = {}
local ok, e = pcall(assert, false, t)
assert(e == t)
----
-- error gives the position of its level.
local function one() error("m") end
local function two() error("m", 2) end
local _, e = pcall(function() one() end)
assert(e == "language.lua:57: m", e)
local _, e = pcall(function()
  two()
end)
assert(e == "language.lua:62: m", e)
local _, e = pcall(error, "m", 0)
assert(e == "m")
----
-- The string library.
assert(("abc"):rep(2) == "abcabc" and ("x"):rep(0) == "" and ("abc"):sub(2, 3) == "bc" and #"abc" == 3)
assert(("hello world"):find("o w") == 5 and ("a.b"):find(".", 1, true) == 2 and ("abc"):find("") == 1)
assert(select(2, ("hello"):find("l+")) == 4 and ("x"):find("y") == nil and ("aXb"):find("%u") == 2)
assert(("key = value"):match("^(%w+)%s*=%s*(%w+)$") == "key")
assert(("  trim  "):match("^%s*(.-)%s*$") == "trim")
assert(("f(a(b)c)d"):match("%b()") == "(a(b)c)" and ("THE (quick) fox"):find("%f[%a]%a+%f[%A]") == 1)
assert(("abcabc"):match("(a)(b)c%1%2") == "a" and ("x"):match("()x()") == 1)
assert(("v1.2"):match("^v%d+%.%d+$") == "v1.2" and ("a]b"):match("[]]") == "]" and ("a-b"):match("[a%-]+") == "a-")
assert(("hello"):gsub("l", "L") == "heLLo" and select(2, ("hello"):gsub("l", "L")) == 2)
assert(("hello"):gsub("l", "L", 1) == "heLlo" and ("abc"):gsub("", "-") == "-a-b-c-")
assert(("hello"):gsub("(h)(e)", "%2%1%0%%") == "ehhe%llo" and ("$x $y"):gsub("%$(%w+)", { x = 1 }) == "1 $y")
assert(("abc"):gsub("%w", function(c) if c == "b" then return "B" end end) == "aBc" and ("abc"):gsub("^a", "x") == "xbc")
local words = {}
for w in ("one two three"):gmatch("%a+") do words[#words + 1] = w end
assert(table.concat(words, ",") == "one,two,three")
local pairs_found = {}
for k, v in ("a=1, b=2"):gmatch("(%w+)=(%w+)") do pairs_found[k] = v end
assert(pairs_found.a == "1" and pairs_found.b == "2")
assert(string.format("%d %5.2f %s %q %x %%", 3, 1.5, "a", 'b"', 255) == [[3  1.50 a "b\"" ff %]])
assert(string.format("%-5s|%5s|%05d|%+d|%g|%c", "ab", "cd", 42, 7, 0.1, 65) == "ab   |   cd|00042|+7|0.1|A")
assert(string.format("%g %g %e", 1e20, 100000, 1) == "1e+20 100000 1.000000e+00")
assert(string.format("%s", nil) == "nil" and string.format("%.2s", "abc") == "ab" and string.format("%5d", 3.7) == "    3")
assert(("A"):lower() == "a" and ("a"):upper() == "A" and ("abc"):reverse() == "cba" and ("a"):byte() == 97)
assert(string.char(72, 105) == "Hi")
----
-- The table library.
local t = { 3, 1, 2 }
table.sort(t)
assert(table.concat(t, " ") == "1 2 3" and table.concat({}, "x") == "" and table.concat({ 1, "a" }, "-") == "1-a")
table.sort(t, function(a, b) return a > b end)
table.insert(t, 0)
table.insert(t, 1, 4)
assert(table.concat(t) == "43210" and table.remove(t) == 0 and table.remove(t, 1) == 4 and #t == 3)
assert(table.concat(t, ",", 2, 3) == "2,1" and select("#", unpack(t)) == 3)
for i, v in ipairs { "a", "b" } do assert(v == ("ab"):sub(i, i)) end
local keys = {}
for k in pairs { b = 1, a = 2, c = 3 } do keys[#keys + 1] = k end
assert(table.concat(keys) == "bac")
assert(next({}) == nil and next({ 5 }) == 1)
----
-- Coroutines.
local co = coroutine.create(function(a)
  local b = coroutine.yield(a + 1)
  local ok, e = pcall(error, "inside")
  return b * 2, ok
end)
assert(select(2, coroutine.resume(co, 1)) == 2 and coroutine.status(co) == "suspended")
local ok, v, caught = coroutine.resume(co, 21)
assert(ok and v == 42 and caught == false and coroutine.status(co) == "dead")
assert(coroutine.resume(co) == false and coroutine.running() == nil)
local gen = coroutine.wrap(function() for i = 1, 3 do coroutine.yield(i) end end)
assert(gen() == 1 and gen() == 2 and gen() == 3)
local bad = coroutine.wrap(function() error({ code = 3 }) end)
local ok, e = pcall(bad)
assert(not ok and e.code == 3 and coroutine.running() == nil)
assert(not coroutine.isyieldable())
----
local co = coroutine.wrap(function() pcall(coroutine.yield, 1) end)
local co2 = coroutine.wrap(function() return select(2, pcall(coroutine.yield, 1)) end)
assert(co2().message == "coroutine.yield cannot leave a pcall, step or retry")
----
coroutine.wrap(function()
  table.sort({ 1, 2 }, function() coroutine.yield() end) --- error: cannot leave a function of the host
end)()
----
coroutine.yield(1) --- error: outside of a coroutine
----
local t = nil
local x = t.name --- error: attempt to read "name" of nil; t is nil here
----
local config = {}
local x = config.server.name --- error: config.server is nil here
----
local config = {}
config.start() --- error: attempt to call config.start, which is not a function
----
local x = 1 + nil --- error: attempt to calculate with a number and a nil; one of the values is nil
----
local x = "a" .. {} --- error: attempt to join a string and a table
----
if 1 < "2" then end --- error: attempt to compare number with string
----
local function f() return f() + 1 end --- error: stack overflow
f()
----
error("on purpose") --- error: ^on purpose$
----
error({ message = "a table", hint = "do this" }) --- error: ^a table; do this$
----
error() --- error: error object is a nil value
----
assert(false, "checked") --- error: ^checked$
----
assert(nil) --- error: assertion failed
----
local x = = 1 --- error: cannot be read as Lua
----
string.rep("x", 1e9) --- error: longer than 16 MiB
----
string.format("%d", "abc") --- error: number expected, got string
----
string.format("%d %d", 1) --- error: no value for "%d"
----
string.format("%y", 1) --- error: "%y" is not known
----
local _ = ("x"):find("[a") --- error: is not closed
----
local _ = ("x"):find("%") --- error: ends in "%"
----
local s = ("x").y --- error: string.y does not exist
----
local x = string.fnid --- error: string.fnid does not exist; did you mean "find"\?
----
unpack({}, 1, 1e7) --- error: at most 8000
----
setmetatable("", {}) --- error: protected metatable
----
local t = setmetatable({}, { __metatable = "no" })
assert(getmetatable(t) == "no" and getmetatable("") == "string")
setmetatable(t, {}) --- error: cannot change a protected metatable
----
-- ".." writes numbers as tostring does, and gives one value.
for _, n in ipairs { 1000000, 123456789012345, 2^53, -2^53, 0.1 + 0.2, 1/3, 100 * 1.1, 0.07 * 100, 1e21, -0.5, 1e-7, 1e300 * 1e10 } do
  assert(tostring(n) == n .. "" and n .. "" == string.format("%s", n) and tostring(n) == table.concat { n }, n)
end
assert(0.07 * 100 .. "%" == "7%" and 2^53 .. "" == "9007199254740992" and 1700000000 .. "" == "1700000000")
local function tail() return 1 .. 2 end
assert(select("#", tail()) == 1 and tail() == "12")
local function two() return "a", "b" end
assert(two() .. two() == "aa" and (two() .. "x" .. two()) == "axa" and select("#", two() .. "x") == 1)
local function rest(...) return ... .. "!" end
assert(rest("p", "q") == "p!")
assert("a" .. ("b" .. "c") .. "d" == "abcd" and ("a" .. "b"):upper() == "AB" and #("a" .. "b") == 2)
local joins = setmetatable({}, { __concat = function(l, r) return (type(l) == "table" and "T" or l) .. "+" .. (type(r) == "table" and "T" or r) end })
assert("a" .. "b" .. joins == "a+b+T" or "a" .. "b" .. joins == "a" .. "b+T")
assert(joins .. "a" .. "b" == "T+ab" and "x" .. joins .. "a" .. "b" == "x" .. "T+ab" and joins .. joins == "T+T")
----
local x = "a" .. nil --- error: attempt to join a string and a nil; one of the values is nil here
----
local x = {} .. "a" --- error: attempt to join a table and a string; turn it into text with tostring
----
-- Patterns know back-references and frontiers; the place of a position capture is no text to find again.
assert(string.find("abab", "^(ab)%1$") == 1 and not string.find("abac", "^(ab)%1$"))
assert(select(3, string.find([[say "it's" now]], [[(["'])(.-)%1]])) == '"')
assert(string.gsub("THE (quick) fox", "%f[%a]%a+%f[%A]", "x") == "x (x) x")
assert(not string.find("aab-abc", "()%-%1") and not pcall(string.find, "a", "%1") and not pcall(string.find, "a", "(%1)"))
----
-- More values than fit are an error with its line, also in a tail call, where
-- none of the function's lines has run yet.
local more
function more(...) return more(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, ...) end --- error: stack overflow: more values than a function can have
local ok, message = pcall(more)
assert(not ok and message:find("language.lua:%d+: stack overflow: more values"), message)
local deep = coroutine.create(function() return more() end)
ok, message = coroutine.resume(deep)
assert(not ok and message:find("stack overflow: more values"), message)
more()
