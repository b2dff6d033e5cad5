package database

import "fmt"

// Holds reports whether a check returned one true value.
func Holds(rows []any) bool {
	if len(rows) != 1 || len(rows[0].(map[string]any)) != 1 {
		return false
	}
	for _, v := range rows[0].(map[string]any) {
		n, isNumber := v.(float64)
		return v == true || isNumber && n != 0
	}
	return false
}

// Told says what a check returned.
func Told(rows []any) string {
	if len(rows) == 0 {
		return "it returned no row"
	}
	return fmt.Sprintf("it returned %v", rows[0])
}
