package smtp

import (
	"bytes"
	"fmt"
	"mime"
	"mime/quotedprintable"
	"strings"
	"time"
)

// message is one mail.
type message struct {
	from        string
	to          []string
	title, text string
	key, run    string
	at          time.Time
}

// bytes returns the message as RFC 5322 has it, with lines that end in CRLF.
// What comes from a script cannot end a header: there it stands encoded.
func (m *message) bytes() []byte {
	var b bytes.Buffer
	_, domain, _ := strings.Cut(m.from, "@")
	header := func(name, value string) { fmt.Fprintf(&b, "%s: %s\r\n", name, value) }
	header("From", "<"+m.from+">")
	header("To", "<"+strings.Join(m.to, ">,\r\n <")+">")
	header("Subject", mime.QEncoding.Encode("utf-8", strings.Join(strings.Fields(m.title), " ")))
	header("Date", m.at.Format("Mon, 02 Jan 2006 15:04:05 -0700"))
	header("Message-ID", "<"+m.key+"@"+domain+">")
	header("Auto-Submitted", "auto-generated") // so that nobody's absence is answered
	header("X-Runbook-Run", mime.QEncoding.Encode("utf-8", m.run))
	header("MIME-Version", "1.0")
	header("Content-Type", "text/plain; charset=utf-8")
	header("Content-Transfer-Encoding", "quoted-printable")
	b.WriteString("\r\n")
	w := quotedprintable.NewWriter(&b)
	_, _ = w.Write([]byte(strings.ReplaceAll(strings.ReplaceAll(m.text, "\r\n", "\n"), "\n", "\r\n")))
	_ = w.Close()
	if !bytes.HasSuffix(b.Bytes(), []byte("\r\n")) {
		b.WriteString("\r\n")
	}
	return b.Bytes()
}
