local function mail(group, unit) return { groups = { group }, services = { [unit] = "active" } } end
return { world = {
  secrets = { ["mail/key"] = { versions = { "1" } } },
  hosts = { hosts = { f1 = mail("front", "smtpd"), f2 = mail("front", "smtpd"), b1 = mail("back", "queued"), b2 = mail("back", "queued") } },
} }
