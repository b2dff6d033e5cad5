runbook {
  nme = "header", -- error: runbook: nme: is not known here; did you mean "name"\?
  summary = 3, -- error: summary: wants a string, got 3
  locks = { 1 }, -- error: locks\[1\]: wants a string
  on_failure = "rolback", -- error: on_failure: must be one of .*did you mean "rollback"\?
  params = {
    a = { type = "durtion" }, -- error: param a: type: "durtion" is not a type; did you mean "duration"\?
    b = { type = "duration", default = "soon" }, -- error: param b: default: wants a duration
    c = { tpe = "string" }, -- error: param c: tpe: is not known here; did you mean "type"\?
    d = { type = "enum" }, -- error: param d: type: an enum needs values
    e = { type = "enum", values = { "x", "y" }, default = "z" }, -- error: param e: default: must be one of
    f = "string", -- error: param f: wants a table that declares it, got a string
    g = { type = "list", of = "strng" }, -- error: param g: of: "strng" is not a type; did you mean "string"\?
    h = {
      type = "int",
      min = "many", -- error: param h: min: wants a number, got "many"
    },
    i = { type = "int", default = 1.5 }, -- error: param i: default: wants a whole number
    j = { type = "int", required = "yes" }, -- error: param j: required: wants true or false
    k = { type = "int", min = 5, default = 1 }, -- error: param k: default: must be at least 5
    l = { type = "int", required = true, default = 1 }, -- error: param l: default: a required parameter has none
    m = { type = "secret", default = "x" }, -- error: param m: default: a secret has none
    n = { type = "string", of = "int" }, -- error: param n: of: is for the elements of a list
    o = { type = "string", values = { "a" } }, -- error: param o: values: are for an enum
    p = { type = "int", min = 2, max = 1 }, -- error: param p: min: is greater than max
    q = { type = "bool", min = 2 }, -- error: param q: type: min and max make no sense
    r = { type = "string", pattern = "%b()" }, -- error: param r: pattern:
    s = { type = "int", pattern = "^%d$" }, -- error: param s: pattern: is for strings
    ["t-u"] = { type = "int" }, -- error: param t-u: a name consists of letters, digits and _
    v = { type = "list", of = "int", default = { 1, "x" } }, -- error: param v: default\[2\]: wants a whole number
    { type = "int" }, -- error: every entry has to have a name
  },
}
print(params.a, params.z) -- error: params\.z is not declared
