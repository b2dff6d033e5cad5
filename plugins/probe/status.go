package probe

import (
	"fmt"
	"strconv"
	"strings"
)

// statuses are ranges of HTTP status codes, ends included.
type statuses [][2]int

// parseStatuses reads 200, "200-299,304" or a list of such. The second value
// says what is wrong, "" if nothing is.
func parseStatuses(v any) (statuses, string) {
	switch v := v.(type) {
	case int:
		return parseStatuses(strconv.Itoa(v))
	case float64:
		return parseStatuses(strconv.FormatFloat(v, 'f', -1, 64))
	case []any:
		var all statuses
		for _, e := range v {
			if _, nested := e.([]any); nested {
				return nil, "a list inside a list"
			}
			s, problem := parseStatuses(e)
			if problem != "" {
				return nil, problem
			}
			all = append(all, s...)
		}
		if len(all) == 0 {
			return nil, "the list is empty"
		}
		return all, ""
	case string:
		var all statuses
		for part := range strings.SplitSeq(v, ",") {
			low, high, isRange := strings.Cut(strings.TrimSpace(part), "-")
			if !isRange {
				high = low
			}
			from, err1 := strconv.Atoi(strings.TrimSpace(low))
			to, err2 := strconv.Atoi(strings.TrimSpace(high))
			if err1 != nil || err2 != nil || from < 100 || to > 599 || from > to {
				return nil, fmt.Sprintf("%q is neither a status code nor a range of them", strings.TrimSpace(part))
			}
			all = append(all, [2]int{from, to})
		}
		return all, ""
	}
	return nil, fmt.Sprintf("wants status codes, got %v", v)
}

func (s statuses) has(code int) bool {
	for _, r := range s {
		if r[0] <= code && code <= r[1] {
			return true
		}
	}
	return false
}

// String returns "200-299,304".
func (s statuses) String() string {
	parts := make([]string, len(s))
	for i, r := range s {
		parts[i] = strconv.Itoa(r[0])
		if r[1] != r[0] {
			parts[i] += "-" + strconv.Itoa(r[1])
		}
	}
	return strings.Join(parts, ",")
}
