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
		"title and summary": {"# Fail over, \"safely\"\n\nMoves all. And more.\n", []string{`name       = "fail-over-safely"`, `summary    = "Moves all"`, "-- Moves all. And more."}, []string{"3 prose"}},
		"steps by level": {"# T\n## A\n### B\n```sh\ntrue\n```\n## C\n```sh\nfalse\n```\n",
			[]string{"step(\"A\", function()\n\n  step(\"B\", function()\n    exec.run { shell = \"true\", class = \"?\" }\n  end)\nend)\n\nstep(\"C\", function()"}, nil},
		"a section without deeds": {"# T\n## Words\nsee there\n", []string{"-- Words\n-- see there"}, []string{"3 prose"}},
		"checkboxes":              {"# T\n## Before\n- [ ] one\n- [x] the `two`\n", []string{`checklist { title = "Before", items = {`, `"one",`, `"the two",`}, nil},
		"numbered steps":          {"# T\n1. **Restart it**\n   ```bash\n   # gently\n   systemctl restart web\n   ```\n2. Look.\n", []string{`step("Restart it", function()`, "-- gently", `shell = "systemctl restart web", class = "?"`}, []string{"7 prose"}},
		"sleeps":                  {"# T\n```sh\nsleep 900\nsleep 2h\n```\nWait for 5 minutes, then look.\n", []string{`sleep "15m"`, `sleep "2h"`, `sleep "5m"`}, nil},
		"variables": {"# T\n```sh\nexport END=green\ndeploy --env=$END --id=${ID:-1} $HOME\nfor f in a b; do echo $f; done\n```\n",
			[]string{`end_ = { type = "string", default = "green" }`, `id = { type = "string", required = true }`, `env = { END = params.end_, ID = params.id }`, `shell = "for f in a b; do echo $f; done", class`}, nil},
		"commands of several lines": {"# T\n```sh\ncurl -X POST \\\n  http://x\nif true; then\n  echo y\nfi\ncat <<EOF > f\nls\nEOF\n```\n",
			[]string{"shell = [[\ncurl -X POST \\\n  http://x]]", "shell = [[\nif true; then\n  echo y\nfi]]", "shell = [[\ncat <<EOF > f\nls\nEOF]]"}, nil},
		"a transcript": {"# T\n```\n$ uptime\n 10:00 up 3 days\n```\n", []string{`shell = "uptime"`}, nil},
		"thresholds":   {"# T\nKeep p99 < 200ms and error rate < 0.1%.\n", []string{`p99_latency = "< 200ms", error_rate = "< 0.1%"`}, nil},
		"alerts": {"# T\n```yaml\n- error_rate > 1%\n- uptime < 99.5%\n- cpu_usage > 90%\n```\n",
			[]string{`error_rate = "<= 1%", uptime = ">= 99.5%"`, "-- - cpu_usage > 90%"}, []string{"3 code in yaml"}},
		"what is not understood": {"# T\n| a | b |\n|---|---|\n| 1 | 2 |\n\n> quoted\n\n- one\n- two\n\n<div>x</div>\n", []string{"-- a | b |", "-- quoted", "-- one"},
			[]string{"2 a table", "6 a quotation", "8 a list of 2", "11 HTML"}},
		"what is no Lua": {"# T\n## It's \"here\" \\ ]]\n```sh\nprintf \"]]\\n\" \\\n | cat\n```\n", []string{`step("It's \"here\" \\ ]]"`, "[=[\nprintf \"]]\\n\" \\\n | cat]=]"}, nil},
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
