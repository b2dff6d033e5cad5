runbook { name = "nobody-can-agree", locks = { "secrets/root" }, on_failure = "stop" }
local secrets = require "secrets"
approve { title = "Rotate the root token?", by = { "ann", "bo", "cy" }, count = 2, separate = true }
local new = secrets.rotate { name = "root" }
secrets.revoke { name = "root", version = new.previous }
