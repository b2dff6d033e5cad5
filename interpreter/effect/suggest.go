package effect

import (
	"fmt"
	"strings"
)

// Nearest returns the candidate closest to word, if one is close enough to be
// a likely slip of the keyboard, half of the letters at most, or a longer or
// shorter form of it.
func Nearest(word string, candidates []string) (string, bool) {
	best, bestDist := "", len(word)/3+2
	for _, c := range candidates {
		if d := distance(word, c); d < bestDist && 2*d <= max(len(word), len(c)) {
			best, bestDist = c, d
		}
	}
	if best != "" {
		return best, true
	}
	const telling = 3 // letters that two words have to begin with alike
	for _, c := range candidates {
		if min(len(word), len(c)) >= telling && (strings.HasPrefix(c, word) || strings.HasPrefix(word, c)) {
			return c, true
		}
	}
	return "", false
}

// Slip returns the candidate that a word is almost certainly meant for: one or
// two letters are wrong, and no digit. It is for names that may be new, where
// what Nearest finds is too little to refuse them.
func Slip(word string, candidates []string) (string, bool) {
	digits := func(s string) string {
		return strings.Map(func(r rune) rune {
			if r >= '0' && r <= '9' {
				return r
			}
			return -1
		}, s)
	}
	for _, c := range candidates {
		if d := distance(word, c); d > 0 && d <= 2 && 3*d < len(c) && digits(word) == digits(c) {
			return c, true
		}
	}
	return "", false
}

// DidYouMean returns `did you mean "x"?`, or "" when nothing is close.
func DidYouMean(word string, candidates []string) string {
	if near, ok := Nearest(word, candidates); ok {
		return fmt.Sprintf("did you mean %q?", near)
	}
	return ""
}

// most is how many names Among lists.
const most = 40

// Among is the hint for a name that is none of those that there are: the nearest of
// them first, then lead ("known: ") and the list, which is cut where it is long.
func Among(lead, name string, known []string) string {
	if len(known) == 0 {
		return "there is none at all"
	}
	hint := lead + strings.Join(known[:min(most, len(known))], ", ")
	if more := len(known) - most; more > 0 {
		hint += fmt.Sprintf(", and %d more", more)
	}
	if near := DidYouMean(name, known); near != "" {
		hint = near + " " + hint
	}
	return hint
}

// distance is the optimal string alignment distance: insertions, deletions,
// substitutions and swaps of neighbours each count one.
func distance(a, b string) int {
	prev2, prev, cur := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := 1; i <= len(a); i++ {
		cur[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			cur[j] = min(prev[j]+1, cur[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				cur[j] = min(cur[j], prev2[j-2]+1)
			}
		}
		prev2, prev, cur = prev, cur, prev2
	}
	return prev[len(b)]
}
