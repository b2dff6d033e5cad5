-- A certificate is renewed where it ends within so many seconds; days are meant.
runbook { name = "renew", locks = { "tls/edge" }, on_failure = "stop" }
local exec = require "exec"
local r = exec.run { argv = { "openssl", "x509", "-noout", "-checkend", tostring(30), "-in", "/etc/tls/edge.pem" }, class = "read", ok = { 0, 1 } }
if r.code == 1 then exec.run { argv = { "certbot", "renew" }, class = "write", recovery = "retry" } end
