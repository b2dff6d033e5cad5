// Package config reads runbook.yaml, which says for each environment which
// backends carry each module, and the parameters of a run.
//
//	version: 1
//	plugins:                        # optional
//	  dirs: [./plugins]             # relative to this file
//	  sha256: { acme: 9f86d081… }   # pinned backends
//	approvals: { as: refuse }       # optional: everybody answers in their own name
//	people:                         # optional: who answers what runs ask, and how it is told that it is them
//	  ana: { roles: [security-lead], users: [ana], tokens: [{ digest: "sha256:9f86d081…", expires: 2027-01-31 }] }
//	calendars:                      # optional: when runs may start, for the environments that name one
//	  changes: { open: ["Mon-Thu 08:00-16:00 UTC"], freezes: [{ ics: freezes.ics }], emergency: { by: [security-lead] } }
//	audit: { key: "file:/etc/runbook/audit.pem" } # optional: an Ed25519 key that signs exports
//	environments:
//	  default:
//	    calendar: changes
//	    traffic: { backend: haproxy, socket: /run/haproxy/admin.sock, pool: web }
//	  prod:
//	    extends: default            # what prod does not name comes from there
//	    notify:
//	      backend: shoutrrr
//	      channels: { deployments: { url: "env:SLACK_URL" } }
//	    secrets:                    # several backends
//	      - { backend: env, variables: { api: API_TOKEN } }
//	      - { backend: file, dir: store, ops: [rotate, revoke] } # only these of its ops
//
// A call goes to the first backend of its module that carries the op and whose
// "ops", if it has any, name it. Everything in an entry but "backend" and "ops"
// belongs to the backend and is checked against the fields that it declares. A field declared secret takes
// a reference, "env:NAME" or "file:PATH", and never the secret itself.
//
// Nothing is guessed: unknown and repeated keys, wrong types and secrets in
// clear are errors with file and line.
package config
