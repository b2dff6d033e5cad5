// Package systems runs real servers on loopback, each below a directory of its
// own: what runbooks act on in the lab, and in tests.
//
//	Pager      PagerDuty's APIs, in this process     notify: page, acknowledged, update
//	StatusPage Statuspage's API, in this process     notify: publish
//	SQLite     a database and its backups            db
//	Files      a log, and a place for archives       files
//	BIND       a primary that takes TSIG updates     dns
//	           and a resolver that forwards to it
//	Postgres   a primary and a streaming replica     db
//	SSH        an sshd for each host                 hosts
//	IPFS       two nodes                             ipfs
//	Monitoring Prometheus and Alertmanager           health
//	MariaDB    a server with a binary log            db
//
// Each is a [System]: it says what of it is not installed, starts and returns
// once it is ready, describes itself (where it listens, which entries of a
// configuration lead to it), and stops. What consists of several servers names
// them as nodes, which can be killed and started again one by one: [Breakable].
//
// Servers are children of this process, in groups of their own, and end with
// it at the latest, where the kernel sees to that (Linux). Nothing survives a
// restart: Start begins with a directory that is empty.
package systems
