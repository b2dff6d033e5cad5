package remote

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins/internal/output"
)

// linger is how long output is awaited after the script's last word: what it
// left behind may keep its streams open for ever.
const linger = time.Second

// Script is a script for one host; it begins with Prelude.
type Script struct {
	Text   string
	Stdin  io.Reader                 // what follows the script; nil for nothing
	Write  func(which int, p []byte) // takes its output; nil drops it
	said   func(words string)        // takes what the script says; nil for nobody
	urgent bool                      // it does not wait for its turn
}

// answer is what came of a script.
type answer struct {
	words []string // what it said, in order
	noise string   // what came on standard error before its first word
	clean bool     // the session ended by itself before the script could begin
	err   error    // why it did not come to its end; nil if it did
}

// last returns the last word and what follows it; "" if nothing was said.
func (a *answer) last() (word, rest string) {
	if len(a.words) == 0 {
		return "", ""
	}
	word, rest, _ = strings.Cut(a.words[len(a.words)-1], " ")
	return word, rest
}

// markName stands in scripts for the word drawn for the call.
const markName = "RUNBOOK_MARK_OF_THIS_SCRIPT"

// do runs a script on a host. The error says that nothing was sent; an answer
// may still tell that the script was cut short. A connection that turns out to
// be dead is made anew once, before anything is sent; one on which the host
// allows no further session is waited for.
func (h *Hosts) do(ctx context.Context, t *Host, r Script) (*answer, *effect.Error) {
	until := time.Now().Add(h.settings.connect)
	for try := 1; ; try++ {
		c, e := h.pool.get(ctx, t)
		if e != nil {
			return nil, e
		}
		ch, requests, release, err := c.session(ctx, r.urgent, h.settings.connect)
		if err == nil {
			defer release()
			return h.talk(ctx, t, ch, requests, r), nil
		}
		var refused *ssh.OpenChannelError // by the host: the connection itself lives
		switch {
		case ctx.Err() != nil:
			return nil, effect.Errorf(effect.CodeTimeout, "%s: the call ended while a session was awaited; nothing was sent", t)
		case errors.As(err, &refused) && time.Now().Before(until):
			select {
			case <-ctx.Done():
			case <-time.After(100 * time.Millisecond):
			}
			continue
		case refused == nil && try == 1:
			_ = c.Close()
			<-c.broken
			continue
		}
		return nil, effect.Errorf(effect.CodeUnavailable, "%s: no session can be opened: %v; nothing was sent", t, err).
			WithHint("sshd there may allow no more sessions on a connection (MaxSessions), or may be busy; a lower limit asks for fewer at once")
	}
}

// session opens a session when it is its turn; release says that it is over. A
// host that lets the request lie for longer than patience is taken for dead.
func (c *conn) session(ctx context.Context, urgent bool, patience time.Duration) (ch ssh.Channel, requests <-chan *ssh.Request, release func(), err error) {
	release = func() {}
	if !urgent {
		select {
		case c.turns <- struct{}{}:
			release = func() { <-c.turns }
		case <-ctx.Done():
			return nil, nil, nil, ctx.Err()
		}
	}
	if ch, requests, err = open(ctx, c, patience); err != nil {
		release()
	}
	return ch, requests, release, err
}

// open opens a session, for as long as ctx and patience let it.
func open(ctx context.Context, c *conn, patience time.Duration) (ssh.Channel, <-chan *ssh.Request, error) {
	type opened struct {
		ch       ssh.Channel
		requests <-chan *ssh.Request
		err      error
	}
	done := make(chan opened, 1)
	go func() {
		ch, requests, err := c.OpenChannel("session", nil)
		done <- opened{ch, requests, err}
	}()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case o := <-done:
		return o.ch, o.requests, o.err
	case <-timer.C:
		_ = c.Close() // which ends the request, too
		return nil, nil, fmt.Errorf("it did not open one within %s", effect.FormatDuration(patience))
	case <-ctx.Done():
		go func() {
			if o := <-done; o.err == nil {
				_ = o.ch.Close()
			}
		}()
		return nil, nil, ctx.Err()
	}
}

// talk sends the script and takes what comes until it has said its last word.
func (h *Hosts) talk(ctx context.Context, t *Host, ch ssh.Channel, requests <-chan *ssh.Request, r Script) *answer {
	defer ch.Close()
	a := &answer{}
	var random [16]byte
	_, _ = rand.Read(random[:])
	mark := hex.EncodeToString(random[:])
	if _, err := ch.SendRequest("exec", true, ssh.Marshal(struct{ Command string }{boot(t.sudo)})); err != nil {
		a.err = err
		return a
	}
	ended := make(chan struct{}) // the script has said its last word, or the session is over
	var once sync.Once
	end := func() { once.Do(func() { close(ended) }) }
	var mu sync.Mutex
	f := &filter{mark: mark, said: func(words string) {
		mu.Lock()
		a.words = append(a.words, words)
		mu.Unlock()
		if r.said != nil {
			r.said(words)
		}
		if strings.HasPrefix(words, "end ") {
			end()
		}
	}}
	var noise bytes.Buffer
	f.data = func(p []byte) {
		mu.Lock()
		begun := len(a.words) > 0
		if !begun && noise.Len() < 4096 {
			noise.Write(p)
		}
		mu.Unlock()
		if begun && r.Write != nil {
			r.Write(output.Stderr, p)
		}
	}
	var readers sync.WaitGroup
	readers.Go(func() {
		pump(ch, func(p []byte) {
			if r.Write != nil {
				r.Write(output.Stdout, p)
			}
		})
	})
	readers.Go(func() {
		pump(ch.Stderr(), f.write)
		f.close()
	})
	go func() {
		_, err := io.WriteString(ch, framed(strings.ReplaceAll(r.Text, markName, mark)))
		if err == nil && r.Stdin != nil {
			_, err = io.Copy(ch, r.Stdin)
		}
		if err == nil {
			_ = ch.CloseWrite()
		}
	}()
	over := make(chan struct{})
	var status atomic.Uint32 // and one more, so that none is none
	go func() {
		for req := range requests {
			if req.Type == "exit-status" && len(req.Payload) == 4 {
				status.Store(binary.BigEndian.Uint32(req.Payload) + 1)
			}
			if req.WantReply {
				_ = req.Reply(false, nil)
			}
		}
		readers.Wait()
		close(over)
	}()
	select {
	case <-over:
	case <-ended:
		timer := time.NewTimer(linger)
		defer timer.Stop()
		select {
		case <-over:
		case <-timer.C:
			_ = ch.Close()
			a.err = nil
			return h.cut(a, over, &mu, &noise)
		}
	case <-ctx.Done():
		a.err = ctx.Err()
		_ = ch.Close()
		return h.cut(a, over, &mu, &noise)
	}
	a.noise = strings.TrimSpace(noise.String())
	select {
	case <-ended:
	default:
		a.err = io.ErrUnexpectedEOF
		// What sudo, a forced command or a missing shell end with; a script ends
		// with none of these before its first word.
		a.clean = len(a.words) == 0 && slices.Contains([]uint32{1, 126, 127, 255}, status.Load()-1)
	}
	return a
}

// cut copies what is there of an answer whose readers may still be at work.
func (h *Hosts) cut(a *answer, over <-chan struct{}, mu *sync.Mutex, noise *bytes.Buffer) *answer {
	select {
	case <-over:
	case <-time.After(linger):
	}
	mu.Lock()
	defer mu.Unlock()
	return &answer{words: append([]string(nil), a.words...), noise: strings.TrimSpace(noise.String()), err: a.err}
}

// pump reads until there is no more.
func pump(from io.Reader, take func(p []byte)) {
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		if n > 0 {
			take(buf[:n])
		}
		if err != nil {
			return
		}
	}
}

// filter parts what a script says from what its command writes to standard
// error: a word of the script is the mark, a blank, and the rest of the line.
type filter struct {
	mark string
	data func(p []byte)
	said func(words string)
	kept []byte
}

func (f *filter) write(p []byte) {
	f.kept = append(f.kept, p...)
	for {
		at := bytes.Index(f.kept, []byte(f.mark))
		if at < 0 {
			safe := len(f.kept) - (len(f.mark) - 1)
			// A mark begins with a digit or a letter a to f: keep no more than needed.
			if safe < len(f.kept) {
				for safe = max(safe, 0); safe < len(f.kept) && !bytes.HasPrefix([]byte(f.mark), f.kept[safe:]); safe++ {
				}
			}
			f.pass(safe)
			return
		}
		end := bytes.IndexByte(f.kept[at:], '\n')
		f.pass(at)
		if end < 0 {
			return
		}
		words := strings.TrimPrefix(string(f.kept[len(f.mark):end]), " ")
		f.kept = f.kept[end+1:]
		f.said(words)
	}
}

func (f *filter) pass(n int) {
	if n > 0 {
		f.data(f.kept[:n])
		f.kept = f.kept[n:]
	}
}

func (f *filter) close() { f.pass(len(f.kept)) }
