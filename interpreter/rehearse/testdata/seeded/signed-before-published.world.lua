return { world = {
  dns = { records = { { name = "s2026a._domainkey.example.org", type = "TXT", values = { '"v=DKIM1; k=rsa; p=OLD"' }, ttl = "1h" } } },
  http = { responses = { ["PUT https://mail.example.org/api/dkim/keys/s2026b"] = { json = { public = "MIIB" } } } },
} }
