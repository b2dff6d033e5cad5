package importer

import (
	"strconv"
	"strings"
	"testing"
)

// TestImport: each form of the text comes out as what does it, what is not
// understood as a comment and in the list of what is left.
func TestImport(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want []string // of the script
		left []string // "line what"
	}{
		"title and summary": {"# Runbook: Fail over, \"safely\"\n\nMoves all. And more.\n", []string{`name       = "fail-over-safely"`, `summary    = "Moves all"`, "-- Moves all. And more."}, []string{"3 prose"}},
		"steps by level": {"# T\n## A\n### B\n```sh\ntrue\n```\n## C\n```sh\nfalse\n```\n",
			[]string{"step(\"A\", function()\n\n  step(\"B\", function()\n    exec.run { shell = \"true\", class = \"?\" }\n  end)\nend)\n\nstep(\"C\", function()"}, nil},
		"a section without deeds": {"# T\n## Words\nsee there\n", []string{"-- Words\n-- see there"}, []string{"3 prose"}},
		"checkboxes":              {"# T\n## Before\n- [ ] one\n- [x] the `two`\n", []string{`checklist { title = "Before", items = {`, `"one",`, `"the two",`}, nil},
		"numbered steps":          {"# T\n1. **Restart it**\n   ```bash\n   # gently\n   systemctl restart web\n   ```\n2. Look.\n", []string{`step("Restart it", function()`, "-- gently", `shell = "systemctl restart web", class = "?"`, "items = {\n  \"Look.\",\n"}, nil},
		"sleeps":                  {"# T\n```sh\nsleep 900\nsleep 2h\n```\nWait for 5 minutes, then look.\n", []string{`sleep "15m"`, `sleep "2h"`, `sleep "5m"`}, nil},
		"variables": {"# T\n```sh\nexport END=green\ndeploy --env=$END --id=${ID:-1} $HOME\nfor f in a b; do echo $f; done\n```\n",
			[]string{`end_ = { type = "string", default = "green" }`, `id = { type = "string", required = true }`, `env = { END = params.end_, ID = params.id }`, `shell = "for f in a b; do echo $f; done", env = { END = params.end_ }, class`}, nil},
		"commands of several lines": {"# T\n```sh\ncurl -X POST \\\n  http://x\nif true; then\n  echo y\nfi\ncat <<EOF > f\nls\nEOF\n```\n",
			[]string{"shell = [[\ncurl -X POST \\\n  http://x]]", "shell = [[\nif true; then\n  echo y\nfi]]", "shell = [[\ncat <<EOF > f\nls\nEOF]]"}, nil},
		"a transcript": {"# T\n```\n$ uptime\n 10:00 up 3 days\n```\n", []string{`shell = "uptime"`}, nil},
		"thresholds":   {"# T\nKeep p99 < 200ms and error rate < 0.1%.\n", []string{`p99_latency = "< 200ms", error_rate = "< 0.1%"`}, nil},
		"alerts": {"# T\n```yaml\n- error_rate > 1%\n- uptime < 99.5%\n- cpu_usage > 90%\n```\n",
			[]string{`error_rate = "<= 1%", uptime = ">= 99.5%"`, "-- - cpu_usage > 90%"}, []string{"3 code in yaml"}},
		"what is not understood": {"# T\n| a | b |\n|---|---|\n| 1 | 2 |\n\n> quoted\n\n- one\n- two\n\n<div>x</div>\n", []string{"-- | a | b |\n-- |---|---|\n-- | 1 | 2 |\n", "-- > quoted", "-- - one"},
			[]string{"2 a table", "6 a quotation", "8 a list of 2", "11 HTML"}},
		"placeholders": {"# T\n```sh\nkubectl -n <my-namespace> get pod <pod name> -o jsonpath='{.items[?(@.name==\"<pod name>\")]}' | sort <in >out\nhelm get {{ release }}\ncat <<EOF\n<b>\nEOF\n```\n",
			[]string{`my_namespace = { type = "string", required = true }`, `shell = "kubectl -n ${MY_NAMESPACE} get pod ${POD_NAME}`, `'\"${POD_NAME}\"'`, "| sort <in >out",
				"env = { MY_NAMESPACE = params.my_namespace, POD_NAME = params.pod_name }", `shell = "helm get ${RELEASE}"`}, nil},
		"front matter": {"---\ntitle: \"Node not ready\"\nweight: 20\n---\n\n# KubeNodeNotReady\n\nIt is down.\n", []string{`name       = "kube-node-not-ready"`, `summary    = "It is down"`, "\n-- weight: 20\n"}, []string{"2 front matter", "8 prose"}},
		"no language": {"# T\n```\nkubectl get pods\nsudo systemctl restart web\n```\n```\nNAME READY\nweb 1/1\n```\n\n\tceph osd tree\n",
			[]string{`shell = "kubectl get pods"`, `shell = "sudo systemctl restart web"`, `shell = "ceph osd tree"`, "-- NAME READY"}, []string{"7 code in no language"}},
		"prompts of root": {"# T\n```console\n# ceph osd out 3\nmarked out osd.3.\n[root@ceph-1 ~]# ceph -s\n```\n", []string{`shell = "ceph osd out 3"`, `shell = "ceph -s"`}, nil},
		"terminals": {"# T\n```sh\nkubectl edit deploy web\nkubectl logs -f web\nssh db-1\nssh db-1 uptime\n```\n", []string{"-- kubectl edit deploy web", `shell = "ssh db-1 uptime"`},
			[]string{"3 a command that wants a terminal", "3 a command that wants a terminal", "3 a command that wants a terminal"}},
		"steps by hand":                     {"# T\n## Go\n1. Open the console\n2. Press **stop**\n\n## See\n1. [Go](#go)\n2. [See](#see)\n", []string{`checklist { title = "Go", items = {`, `"Press stop",`, "-- 1. [Go](#go)"}, []string{"7 a list of 2"}},
		"waits for something":               {"# T\nWait until it is done, for up to 30 minutes.\n\n## A\nDo not wait 5 minutes.\n", []string{"-- Wait until it is done"}, []string{"2 prose", "5 prose"}},
		"thresholds in a table":             {"# T\n| what | bound |\n|---|---|\n| `p99` latency | < 200 ms |\n| error rate | <= 1% |\n", []string{`p99_latency = "< 200ms", error_rate = "<= 1%"`, "-- | `p99` latency"}, nil},
		"a table with more than thresholds": {"# T\n| what | bound |\n|---|---|\n| p99 latency | < 200 ms |\n| owner | ana |\n", []string{`p99_latency = "< 200ms"`}, []string{"2 a table"}},
		"thresholds stated twice": {"# T\n## A\np99 < 200ms\n## B\np99 < 300ms\n## C\np99 < 200ms\n", []string{"local _slo = { p99_latency = \"< 200ms\" }\nlocal _slo2 = { p99_latency = \"< 300ms\" }\n\n",
			"-- B\n-- p99 < 300ms\n-- gate on it with: health.watch { env = \"…\", during = \"15m\", slo = _slo2 }", "-- C\n-- p99 < 200ms\n-- gate on it with: health.watch { env = \"…\", during = \"15m\", slo = _slo }"}, nil},
		"drawn checkboxes": {"# T\n## Before\n☑ one\n☐ the `two`\n\nfine\n\n- ☐ three\n- ☑\uFE0F four\n- five\n", []string{"checklist { title = \"Before\", items = {\n    \"one\",\n    \"the two\",\n  } }", "-- fine", "items = {\n    \"three\",\n    \"four\",\n  } }", "-- five"}, []string{"6 prose, 2 paragraphs"}},
		"checkboxes with commands": {"# T\n## Go\n- [ ] say so\n- [ ] Copy the password:\n  ```sh\n  scp f host:\n  ```\n- [ ] tell\n", []string{
			"\"say so\",\n  } }", "step(\"Copy the password\", function()\n    exec.run { shell = \"scp f host:\"", "items = {\n    \"tell\",\n"}, nil},
		"checkboxes below one": {"# T\n- [ ] all of\n  - [ ] one\n  - [ ] two\n", []string{`step("all of", function()`, `checklist { title = "all of", items = {`, `"one",`}, nil},
		"references of links":  {"# The runbook\nSee [docs].\n\n[docs]: https://example.org\n", []string{`name       = "the-runbook"`}, []string{"2 prose"}},
		"commands of one shell": {"# T\n```sh\nuptime\nN=$(nproc)\n# how many\necho $N\nls\n```\n```sh\npwd\ncd /srv\n./x\n```\n",
			[]string{`shell = "uptime", class`, "shell = [[\nset -e\nN=$(nproc)\n# how many\necho $N]], class", `shell = "ls", class`, `shell = "pwd", class`, "shell = [[\nset -e\ncd /srv\n./x]], class"}, nil},
		"a terminal in a shell":              {"```sh\ncd /etc/app\nvim app.conf\nsystemctl restart app\n```\n", []string{"-- cd /etc/app\n-- vim app.conf\n-- systemctl restart app"}, []string{"2 a command that wants a terminal"}},
		"a shell that stops":                 {"```sh\nset -eu\ncd /srv\nrm -rf old\n```\n", []string{"shell = [[\nset -eu\ncd /srv\nrm -rf old]], class"}, nil},
		"a variable of a shell that is gone": {"# T\n```sh\nN=$(leader)\n```\n```sh\nssh $N ls\nssh $N ps\n```\n", []string{"-- N is filled by a command above", `shell = "ssh $N ls", env = { N = params.n }`}, []string{"6 a variable that a command above fills"}},
		"what other programs read": {"# T\n```sh\nps | awk '{ print $NF }'\nsh -c 'echo $ID'\nkubectl get pod -o go-template='{{range .items}}{{.metadata.name}}{{end}}'\n```\n",
			[]string{`shell = "ps | awk '{ print $NF }'", class`, `env = { ID = params.id }`, `shell = "kubectl get pod -o go-template='{{range .items}}{{.metadata.name}}{{end}}'", class`}, nil},
		"comments of the text": {"# T\n<!-- TOC\nmore -->\n\n<details>\n<summary>More</summary>\n\n```sh\ntrue\n```\n\n</details>\n", []string{"-- <summary>More</summary>", `shell = "true"`}, []string{"5 HTML", "12 HTML"}},
		"exported variables": {"# T\n```sh\nexport A=1 B=\"x y\"\nexport C=2\nD=3\n./a $D\n```\n```sh\n./b\n```\n", []string{"-- B is the parameter b, for all commands of this block", `b = { type = "string", default = "x y" }`,
			`"./a $D", env = { A = params.a, B = params.b, C = params.c, D = params.d }, class`, `"./b", class`}, nil},
		"variables that are read": {"# T\n```sh\nwhile IFS='|' read -r sum file; do echo $sum $file $X; done <f\n```\n", []string{"done <f\", env = { X = params.x }"}, nil},
		"a variable with another value": {"# T\n```sh\nV=1\n./a $V\nV=2\n./b $V\nV=1\n./c $V\n```\n", []string{`v = { type = "string", default = "1" }`, `v_2 = { type = "string", default = "2" }`,
			`"./a $V", env = { V = params.v }`, `"./b $V", env = { V = params.v_2 }`, `"./c $V", env = { V = params.v }`}, nil},
		"where links lead to": {"# T ![ok](b.svg)\nAsk <on-call> on [the page](https://p.org), <https://q.org>,<br>[below](#b) or ![a map](m.png).\n", []string{`name       = "t-ok"`, "-- T ok (b.svg)",
			"-- Ask <on-call> on the page (https://p.org), https://q.org, below or a map (m.png)."}, []string{"2 prose"}},
		"quotations and here documents": {"# T\n1. Go\n\n   ```sh\n   base64 -d <<< \"x\"\n   kubectl patch d -p '\n   {}\n   '\n   cat <<EOF1\n   don't\n   EOF1\n   ./x # don't\n   ./y\n   ```\n", []string{`argv = { "bash", "-c", "base64 -d <<< \"x\"" }`,
			"[[\nkubectl patch d -p '\n{}\n']]", "[[\ncat <<EOF1\ndon't\nEOF1]]", `"./x # don't"`, `"./y"`}, nil},
		"what only bash reads": {"# T\n```bash\n[[ -f x ]] && y\nfor i in {1..3}; do echo $i; done\ntest -f x > y 2>&1\n```\n", []string{`argv = { "bash", "-c", "[[ -f x ]] && y" }`, `argv = { "bash", "-c", "for i in {1..3}`, `shell = "test -f x > y 2>&1"`}, nil},
		"by hand between commands": {"# T\n## Go\n1. Tell the bank\n2. Stop:\n   ```sh\n   ./stop\n   ```\n3. Wait 2 minutes.\n4. Press **go**.\n\n   Twice.\n", []string{
			"    \"Tell the bank\",\n  } }\n\n  step(\"Stop\"", "sleep \"2m\"\n  checklist { title = \"Go\", items = {\n    \"Press go. Twice.\","}, nil},
		"checkboxes in their order": {"# T\n- [ ] one\n- do:\n  ```sh\n  ./x\n  ```\n- [ ] two\n", []string{"\"one\",\n} }\n\nstep(\"do\"", "end)\n\nchecklist { title = \"T\", items = {\n  \"two\","}, nil},
		"waits in words":            {"# T\n## Wait 10 minutes\n\nThen wait 1 hour and 30 minutes. \n\nPlease hold for 1.5 hours.\n\nWait 5-10 min.\n\nBackups are on hold for 30 days.\n", []string{`step("Wait 10 minutes"`, `sleep "10m"`, `sleep "1h30m"`}, []string{"10 prose"}},
		"warnings after what is critical": {"# T\n```yaml\ncritical:\n- p99_latency > 500ms\n- error_rate > 1%\nwarning:\n- p99_latency > 300ms\n```\n", []string{`_slo = { p99_latency = "<= 500ms", error_rate = "<= 1%" }`, `_slo2 = { p99_latency = "<= 300ms" }`,
			"slo = _slo }\n-- gate on it with: health.watch { env = \"…\", during = \"15m\", slo = _slo2 }"}, nil},
		"thresholds in columns":  {"# T\n| metric | warning | critical |\n|---|---|---|\n| p99 latency | > 300ms | > 500ms |\n| error rate | > 0.5% | > 1% |\n", []string{`_slo = { p99_latency = "<= 300ms", error_rate = "<= 0.5%" }`, `_slo2 = { p99_latency = "<= 500ms", error_rate = "<= 1%" }`}, nil},
		"bounds without a unit":  {"# T\np99 < 200ms and queue depth < 100.\n", []string{`_slo = { p99_latency = "< 200ms" }`}, []string{"2 prose"}},
		"languages with options": {"# T\n```Bash{1,2}\n./x\n```\n```{.sh}\n./y\n```\n", []string{`"./x"`, `"./y"`}, nil},
		"a last bracket":         {"# T\n```sh\nif true; then\n  x; fi # [a]\n```\n", []string{"[=[\nif true; then\n  x; fi # [a]]=]"}, nil},
		"prose together":         {"# T\n## A\none\n\ntwo\n\n## B\nthree\n", []string{"-- one", "-- two"}, []string{"3 prose, 2 paragraphs", "8 prose"}},
		"what is no Lua":         {"# T\n## It's \"here\" \\ ]]\n```sh\nprintf \"]]\\n\" \\\n | cat\n```\n", []string{`step("It's \"here\" \\ ]]"`, "[=[\nprintf \"]]\\n\" \\\n | cat]=]"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			r := Import("x.md", []byte(c.text))
			for _, want := range c.want {
				if !strings.Contains(r.Script, want) {
					t.Errorf("there is no\n%s\nin\n%s", want, r.Script)
				}
			}
			var left []string
			for _, l := range r.Left {
				left = append(left, strings.TrimSpace(strings.Join([]string{strconv.Itoa(l.Line), l.What}, " ")))
			}
			if strings.Join(left, "; ") != strings.Join(c.left, "; ") {
				t.Errorf("left are %v, want %v", left, c.left)
			}
		})
	}
}
