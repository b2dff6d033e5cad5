-- What json.decode reads.
local v = json.decode(' {"a": [1, 2.5, -3e2, true, false, null], "b": {"c": "d"}, "n": null, "id": 9007199254740993, "max": -9007199254740992}\n')
assert(#v.a == 6 and v.a[1] == 1 and v.a[2] == 2.5 and v.a[3] == -300 and v.a[4] == true and v.a[5] == false and v.a[6] == json.null)
assert(v.b.c == "d" and v.n == nil and v.id == "9007199254740993" and v.max == -9007199254740992 and v.max .. "" == "-9007199254740992")
assert(json.decode '"a\\u00e9\\ud83d\\ude00\\n\\"\\/\\ud800x"' == 'aé😀\n"/\239\191\189x')
assert(json.decode "0" == 0 and json.decode "null" == json.null and json.decode '""' == "" and json.decode '{"k":1,"k":2}'.k == 2)
assert(tostring(json.null) == "null" and json.null ~= nil)
assert(json.decode("\239\187\191 {}") ~= nil and not pcall(json.decode, " \239\187\191{}")) -- a mark of byte order comes first or not at all
local order = {}
for k in pairs(json.decode '{"z":1,"a":2,"m":3}') do order[#order + 1] = k end
assert(table.concat(order) == "zam")
----
-- What json.encode writes.
assert(json.encode { b = 1, a = { 1, 2, { x = "y" } }, c = 1e15, d = 0.1, e = 1e21, f = -0.0, g = true }
  == '{"a":[1,2,{"x":"y"}],"b":1,"c":1000000000000000,"d":0.1,"e":1e+21,"f":0,"g":true}')
assert(json.encode(9007199254740992) == "9007199254740992" and json.encode(1 / 3) == "0.3333333333333333")
assert(json.encode {} == "{}" and json.encode(json.list()) == "[]" and json.encode(json.decode "[]") == "[]")
assert(json.encode { a = json.list {}, b = json.null } == '{"a":[],"b":null}' and json.encode(nil) == "null")
assert(json.encode 'a"\\\n\1é</' == [["a\"\\\n\u0001é</"]])
assert(json.encode({ a = { 1 }, b = {} }, { indent = 2 }) == '{\n  "a": [\n    1\n  ],\n  "b": {}\n}')
local text = '{"a":[1,null,{"b":[]}],"c":"é"}'
assert(json.encode(json.decode(text)) == text)
assert(require "json" == json)
----
-- Each error has its place.
for text, want in pairs {
  [""] = "line 1, column 1: there is no value", ["{"] = "line 1, column 2: a key in double quotes is wanted, got the text ends",
  ['{"a":\n  [1,\n  oops]}'] = 'line 3, column 3: a value is wanted, got "oops"', ["[1 2]"] = 'column 4: "," or "]" is wanted, got "2"',
  ["01"] = "may not begin with 0", ["1 2"] = 'more follows the first value: "2"', ['"a'] = "a text is not closed", ["-"] = "a number is wanted",
  ['"\t"'] = "a control character %(0x09%)", ['"\\x"'] = "is no escape of JSON", ['"\\u12"'] = "four hexadecimal digits", ["1e999"] = "too large",
  ["{'a':1}"] = "a key in double quotes", ["nul"] = "a value is wanted", ["[1,]"] = 'a value is wanted, got "]"', ["é é"] = "column 1: a value",
  [string.rep("[", 101) .. string.rep("]", 101)] = "column 101: it is nested deeper than 100",
} do
  local ok, e = pcall(json.decode, text)
  assert(not ok and e.message:find(want), text .. " → " .. tostring(e))
end
----
local t = {} t.a = { b = t }
json.encode(t) --- error: json.encode: a.b contains itself
----
json.encode { a = { 1, nil, 3 } } --- error: json.encode: a is a list with a hole before \[3\]; .*json.null
----
json.encode { a = { x = print } } --- error: json.encode: a.x is a function, which JSON does not have
----
json.encode { 1, a = 2 } --- error: json.encode: the value mixes a list with named values
----
json.encode { ["100%d"] = 0 / 0 } --- error: json.encode: 100%d is nan
----
json.encode("\255") --- error: is not UTF-8
----
json.encode({}, { ident = 2 }) --- error: did you mean "indent"
----
json.decode(nil) --- error: json.decode takes one text, got nothing
----
json.decod("1") --- error: json.decod does not exist; did you mean "decode"
----
-- Text that grows and tables that stand in many places are bounded.
local t = { "x" } for i = 1, 40 do t = { t, t } end
json.encode(t) --- error: here are more than 200000 values
----
local s = "[" .. string.rep("{},", 300000) .. "1]"
json.decode(s) --- error: the text has more than 200000 values
