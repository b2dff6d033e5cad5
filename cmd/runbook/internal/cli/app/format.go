package app

import "fmt"

// format is the flag --output: "text", or "json", which is the flag --json.
type format struct{ json *bool }

// Format returns the flag.
func (a *App) Format() interface {
	String() string
	Set(string) error
	Type() string
} {
	return &format{&a.Flags.JSON}
}

func (f *format) String() string {
	if f.json != nil && *f.json {
		return "json"
	}
	return "text"
}

func (f *format) Set(word string) error {
	switch word {
	case "text":
		*f.json = false
	case "json":
		*f.json = true
	default:
		return fmt.Errorf("known: text, json")
	}
	return nil
}

func (f *format) Type() string { return "FORMAT" }
