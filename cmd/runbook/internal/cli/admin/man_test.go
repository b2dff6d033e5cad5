package admin

import (
	"testing"

	"github.com/spf13/cobra"
)

// TestManPage: no text is taken for a macro, and what is set in stands as it is.
func TestManPage(t *testing.T) {
	root := &cobra.Command{Use: "runbook", Short: "Run"}
	c := &cobra.Command{Use: "look FILE [flags]", Short: "Look at a file", Run: func(*cobra.Command, []string) {},
		Long: "Look at a\n.file, or at C:\\x.\n\nEach of:\n\n  'a'  one\n  b    --two", Example: "  runbook look x"}
	c.Flags().StringP("as", "a", "text", "print as `FORMAT`")
	c.Flags().Bool("hidden", false, "")
	_ = c.Flags().MarkHidden("hidden")
	root.AddCommand(c, &cobra.Command{Use: "old", Hidden: true})
	pages := manPages(root)
	const want = `.TH RUNBOOK-LOOK 1 "" runbook "runbook manual"
.nh
.ad l
.SH NAME
runbook-look \- Look at a file
.SH SYNOPSIS
.B runbook look FILE [flags]
.SH DESCRIPTION
Look at a
\&.file, or at C:\ex.
.PP
Each of:
.PP
.EX
  'a'  one
  b    \-\-two
.EE
.SH "OPTIONS"
.TP
\fB\-a\fR, \fB\-\-as\fR \fIFORMAT\fR
print as FORMAT (default text)
.SH EXAMPLES
.EX
  runbook look x
.EE
.SH "SEE ALSO"
.BR runbook (1)
`
	if got := pages["runbook-look.1"]; len(pages) != 2 || got != want {
		t.Errorf("%d pages, and\n%s", len(pages), got)
	}
}
