package admin

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/q-ecosystem/runbook/cmd/runbook/internal/cli/app"
	"github.com/q-ecosystem/runbook/cmd/runbook/internal/config"
	"github.com/q-ecosystem/runbook/cmd/runbook/internal/view"
	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// tokenBytes of chance make a token that nobody guesses, so that its digest may be
// read by whoever reads the configuration.
const tokenBytes = 32

func (a commands) tokenCommand() *cobra.Command {
	return a.Group("token", "Make tokens by which people answer what runs ask", a.tokenNewCommand())
}

func (a commands) tokenNewCommand() *cobra.Command {
	var out string
	var valid time.Duration
	cmd := &cobra.Command{
		Use:   "new NAME",
		Short: "Make a token for somebody",
		Long: "Make a token for somebody. It is printed once, to standard output or into a file that\n" +
			"only you can read; the configuration gets its digest, in the line that is printed beside\n" +
			"it. With --token-file or $RUNBOOK_TOKEN, it shows who approves. With --valid-for that\n" +
			"line says when it expires.",
		Example: "  runbook token new ana --out ana.token --valid-for 90d\n  runbook approve latest --token-file ana.token",
		Args:    app.Exactly("NAME"),
		RunE: func(_ *cobra.Command, argv []string) error {
			name := argv[0]
			if fault := effect.PersonFault(name); fault != "" {
				return app.Usagef("nobody is called %q: the name %s", name, fault)
			}
			chance := make([]byte, tokenBytes)
			if _, err := rand.Read(chance); err != nil {
				return fmt.Errorf("make a token: %w", err)
			}
			token := "rbt_" + base64.RawURLEncoding.EncodeToString(chance)
			entry, expires := config.TokenEntry(token), time.Time{}
			if valid > 0 {
				expires = time.Now().Add(valid).UTC().Truncate(time.Second)
			}
			if out != "" {
				if err := writeToken(out, token); err != nil {
					return err
				}
			}
			if a.Flags.JSON {
				line := tokenLine{Type: "token", Name: name, Token: token, Digest: entry, Expires: expires, Path: out}
				if out != "" {
					line.Token = ""
				}
				a.JSONHead("token new")
				a.JSONLine(line)
				return nil
			}
			if out == "" {
				a.Result("%s\n", token)
			}
			item := fmt.Sprintf("%q", entry)
			if valid > 0 {
				item = fmt.Sprintf("{ digest: %q, expires: %q }", entry, expires.Format(time.RFC3339))
			}
			a.Note("its line in runbook.yaml, below people: and %s:\n  tokens: [%s]\n", view.Line(name), item)
			return nil
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "write the token into a new `FILE`, which only you can read")
	app.DurationVar(cmd.Flags(), &valid, "valid-for", "how `LONG` it holds: 90d (default: until its line is removed)")
	return cmd
}

// writeToken makes a file for a token, and never takes the place of another.
func writeToken(path, token string) (err error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if os.IsExist(err) {
		return app.Usagef("--out %s: there is such a file; name another", view.Line(path))
	}
	if err != nil {
		return fmt.Errorf("write the token: %w", err)
	}
	if _, err = f.WriteString(token + "\n"); err != nil {
		_ = f.Close()
		return fmt.Errorf("write the token: %w", err)
	}
	return f.Close()
}
