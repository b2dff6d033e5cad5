package journal

import "fmt"

// integer is what a whole number is scanned to. database/sql takes what has a
// Scan by a call and any other *int64 by reflection, which is a sixth of the
// time that reading an event takes.
type integer int64

// Scan implements sql.Scanner.
func (i *integer) Scan(v any) error {
	n, ok := v.(int64)
	if !ok {
		return fmt.Errorf("a %T stands in the place of a whole number", v)
	}
	*i = integer(n)
	return nil
}
