package report

import (
	"bytes"
	"regexp"
	"strings"
	"testing"
)

// TestTablesOfWordsFlowOnPhones: a table with a column of sentences is one whose
// rows flow where columns would be a few letters wide, and each such cell says what
// it is once its heading is gone. The last column of others stays on the screen.
func TestTablesOfWordsFlowOnPhones(t *testing.T) {
	var b bytes.Buffer
	if err := made(t, deployment(), nil).HTML(&b); err != nil {
		t.Fatal(err)
	}
	tables := regexp.MustCompile(`(?s)<table[^>]*>.*?</table>`).FindAllString(b.String(), -1)
	wordy := 0
	for _, table := range tables {
		head, _, headed := strings.Cut(table, "</thead>")
		for _, sentence := range []string{"why", "note", "step"} {
			if !headed || !strings.Contains(head, "<th>"+sentence+"</th>") || strings.Contains(head, `class="course"`) {
				continue
			}
			wordy++
			if !strings.Contains(head, `<table class="words">`) {
				t.Errorf("rows do not flow of a table with a column %q: %s", sentence, head)
			}
			if rows := strings.Count(table, "<tr>") - 1; sentence != "why" || !strings.Contains(head, "<th>what</th><th>why</th>") {
				if labels := strings.Count(table, `data-is="`+sentence+`"`); labels != rows {
					t.Errorf("%d of %d cells say that they are the %s: %s", labels, rows, sentence, table)
				}
			}
		}
	}
	if wordy < 3 || !strings.Contains(b.String(), "table.words thead { display: none; }") {
		t.Errorf("%d such tables, or no style for them", wordy)
	}
}
