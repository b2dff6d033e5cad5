package lab

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"time"
)

// runtimeAPI answers HAProxy's runtime commands on a stream socket. A
// connection carries one line of commands, separated by semicolons, and is
// closed after the answers; "prompt" keeps it open. Every answer ends with an
// empty line.
type runtimeAPI struct {
	pool  *pool
	front string // the frontend's name
	pid   int

	commands []command
}

// command is one runtime command: the words it begins with, its help, and
// what it does with the words that follow. Its answer lacks the empty line.
type command struct {
	words string
	usage string
	doc   string
	run   func(args []string) string
}

const (
	runtimeTimeout = 10 * time.Second // as HAProxy's "stats timeout"
	runtimeVersion = "2.6.12-lab"
)

func newRuntimeAPI(p *pool, front string, pid int) *runtimeAPI {
	a := &runtimeAPI{pool: p, front: front, pid: pid}
	a.commands = []command{
		{"disable server", "disable server (DEPRECATED)", "disable a server for maintenance (use 'set server' instead)",
			a.admin(adminMaint)},
		{"enable server", "enable server  (DEPRECATED)", "enable a disabled server (use 'set server' instead)",
			a.admin(adminReady)},
		{"get weight", "get weight <bk>/<srv>", "report a server's current weight", a.getWeight},
		{"set server", "set server <bk>/<srv> [opts]", "change a server's state, weight, address or ssl", a.setServer},
		{"set weight", "set weight <bk>/<srv>  (DEPRECATED)", "change a server's weight (use 'set server' instead)",
			a.setWeight},
		{"show backend", "show backend", "list backends in the current running config", a.showBackend},
		{"show info", "show info [desc|json|typed|float]*", "report information about the running process", a.showInfo},
		{"show servers state", "show servers state [<backend>]",
			"dump volatile server information (all or for a single backend)", a.showServersState},
		{"show stat", "show stat [desc|json|no-maint|typed|up]*", "report counters for each proxy and server", a.showStat},
		{"show version", "show version", "show version of the current process",
			func([]string) string { return runtimeVersion + "\n" }},
		{"help", "help [<command>]", "list matching or all commands", func(args []string) string {
			return "The following commands are valid at this level:\n" + a.help(strings.Join(args, " "))
		}},
		{words: "prompt", usage: "prompt", doc: "toggle interactive mode with prompt"},
		{words: "quit", usage: "quit", doc: "disconnect"},
	}
	return a
}

// serve answers connections until ctx ends, and returns once all are closed.
func (a *runtimeAPI) serve(ctx context.Context, l net.Listener) {
	var open sync.WaitGroup
	stop := context.AfterFunc(ctx, func() { _ = l.Close() })
	defer stop()
	for {
		c, err := l.Accept()
		if err != nil {
			if ctx.Err() == nil {
				// Out of file descriptors, most likely: others may close some.
				select {
				case <-ctx.Done():
				case <-time.After(10 * time.Millisecond):
					continue
				}
			}
			break
		}
		open.Go(func() {
			stop := context.AfterFunc(ctx, func() { _ = c.Close() })
			defer stop()
			a.converse(c)
			_ = c.Close()
		})
	}
	open.Wait()
}

// converse serves one connection.
func (a *runtimeAPI) converse(c net.Conn) {
	in := bufio.NewReaderSize(c, 16<<10)
	interactive := false
	for {
		_ = c.SetDeadline(time.Now().Add(runtimeTimeout))
		line, err := in.ReadSlice('\n')
		if err != nil {
			return // a line without an end, or one that is too long, is no command
		}
		for _, text := range splitUnescaped(strings.TrimRight(string(line), "\r\n")) {
			words := fields(text)
			if len(words) == 1 && words[0] == "quit" {
				return
			}
			answer := ""
			if len(words) == 1 && words[0] == "prompt" {
				interactive = !interactive
			} else {
				answer = a.answer(words)
			}
			if _, err := io.WriteString(c, answer+"\n"); err != nil {
				return
			}
		}
		if interactive {
			if _, err := io.WriteString(c, "> "); err != nil {
				return
			}
		} else if in.Buffered() == 0 {
			return
		}
	}
}

// answer carries one command out.
func (a *runtimeAPI) answer(words []string) string {
	if len(words) == 0 {
		return "Unknown command. Please enter one of the following commands only:\n" + a.help("")
	}
	for _, c := range a.commands {
		head := strings.Fields(c.words)
		if c.run != nil && len(words) >= len(head) && strings.Join(words[:len(head)], " ") == c.words {
			return c.run(words[len(head):])
		}
	}
	match := words[0]
	if a.help(match) == "" {
		match = ""
	}
	return "Unknown command, but maybe one of the following ones is a better match:\n" + a.help(match)
}

// help lists the commands that begin with prefix.
func (a *runtimeAPI) help(prefix string) string {
	var b strings.Builder
	for _, c := range a.commands {
		if strings.HasPrefix(c.words, prefix) {
			fmt.Fprintf(&b, "  %-40s: %s\n", c.usage, c.doc)
		}
	}
	return b.String()
}

// splitUnescaped splits a line at its semicolons, apart from escaped ones.
func splitUnescaped(line string) []string {
	var parts []string
	start := 0
	for i := 0; i < len(line); i++ {
		switch line[i] {
		case '\\':
			i++
		case ';':
			parts = append(parts, line[start:i])
			start = i + 1
		}
	}
	return append(parts, line[start:])
}

// fields splits a command into words; a backslash takes the next byte as it
// is.
func fields(text string) []string {
	var words []string
	var word []byte
	inside := false
	for i := 0; i < len(text); i++ {
		switch b := text[i]; {
		case b == '\\' && i+1 < len(text):
			i++
			word, inside = append(word, text[i]), true
		case b == ' ' || b == '\t':
			if inside {
				words, word, inside = append(words, string(word)), nil, false
			}
		default:
			word, inside = append(word, b), true
		}
	}
	if inside {
		words = append(words, string(word))
	}
	return words
}
