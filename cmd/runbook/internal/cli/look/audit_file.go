package look

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/q-ecosystem/runbook/cmd/runbook/internal/audit"
	"github.com/q-ecosystem/runbook/cmd/runbook/internal/cli/app"
	"github.com/q-ecosystem/runbook/cmd/runbook/internal/evidence"
	"github.com/q-ecosystem/runbook/cmd/runbook/internal/view"
	"github.com/q-ecosystem/runbook/interpreter/journal"
)

// isExport reports whether a word of the command line names a file.
func isExport(word string) bool {
	info, err := os.Stat(word)
	return err == nil && info.Mode().IsRegular() || strings.ContainsAny(word, "/.")
}

// verifyFile checks an export.
func (a commands) verifyFile(path, public, anchor string, earlier *audit.File) error {
	f, err := readExport(path, public, keepNone)
	if err != nil {
		return err
	}
	var held audit.Held
	if earlier != nil {
		if held, err = earlier.Anchored(f); err != nil {
			return err
		}
		f.Faults = append(f.Faults, held.Faults...)
	}
	var lines []faultLine
	var texts []string
	for _, fault := range f.Faults {
		lines = append(lines, faultLine{Type: "fault", Line: fault.Line, What: fault.What})
		texts = append(texts, fault.String())
	}
	wrong, said := a.evidenced(evidence.Of(path), f.Shown)
	lines, texts = append(lines, wrong...), append(texts, said...)
	switch {
	case !f.Signed && public == "":
		a.Note("nobody signed it: whoever can write the file can write another (audit: { key: … } in runbook.yaml signs exports)\n")
	case f.Signer != nil && public == "":
		a.Note("signed by the key %.16s…; whose that is, --public-key FILE says\n", audit.Fingerprint(f.Signer))
	case f.Signer != nil:
		a.Note("signed by the key %.16s…\n", audit.Fingerprint(f.Signer))
	}
	if earlier != nil {
		a.anchored(anchor, earlier, held)
	}
	return a.verified(lines, texts, f.Runs, f.Events)
}

// anchored says against what a record was held.
func (a commands) anchored(path string, earlier *audit.File, held audit.Held) {
	a.Note("held against %s of %s, with %s\n", view.Line(path), earlier.Made.Local().Format("2006-01-02 15:04:05"), app.Counted(len(earlier.Heads), "run"))
	if n := len(held.Deleted); n > 0 {
		last := slices.MaxFunc(held.Deleted, func(x, y journal.Deleted) int { return x.At.Compare(y.At) })
		a.Note("%d of them %s deleted since, with all events (the last on %s: %s %s): the record knows that, and the hash of the last event of each\n",
			n, map[bool]string{true: "was", false: "were"}[n == 1], last.At.Local().Format("2006-01-02 15:04"), journal.Short(last.Run), view.Line(last.Name))
	}
	if unknown := held.Unknown; unknown > 0 {
		a.Note("of %s nothing can be said: the events that the earlier export names lie before this one; export from an earlier time\n", app.Counted(unknown, "run"))
	}
}

// openAnchor reads an earlier export, which has to be whole.
func openAnchor(path, public string) (*audit.File, error) {
	if path == "" {
		return nil, nil
	}
	f, err := readExport(path, public, keepNone)
	if err != nil {
		return nil, err
	}
	if len(f.Faults) > 0 {
		return nil, fmt.Errorf("%s cannot be an anchor, for it is not as it was written: %s", path, f.Faults[0])
	}
	return f, nil
}

// keepNone keeps nothing of what an export holds.
func keepNone(journal.Excerpt) *journal.Copy { return nil }

// readExport verifies an export, and keeps of it what keep says.
func readExport(path, public string, keep func(journal.Excerpt) *journal.Copy) (f *audit.File, err error) {
	var key ed25519.PublicKey
	if public != "" {
		text, err := os.ReadFile(public)
		if err != nil {
			return nil, fmt.Errorf("read the public key: %w", err)
		}
		if key, err = audit.ParsePublic(text); err != nil {
			return nil, app.Usagef("%s: %w", public, err)
		}
	}
	in, err := os.Open(path)
	if err != nil {
		return nil, app.Usagef("there is no export %s: %w", path, err)
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	if f, err = audit.Copy(in, key, keep); err != nil {
		return nil, fmt.Errorf("verify %s: %w", path, err)
	}
	return f, nil
}
