package effect

import (
	"archive/zip"
	"bytes"
	_ "embed"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// zoneinfo is the IANA database: the machine's own may be another one, or
// missing.
//
//go:embed tzdata/zoneinfo.zip
var zoneinfo []byte

// Zone returns the time zone of an IANA name ("Europe/Berlin"), of "UTC" (also
// ""), or of an offset ("+02:00"). It is the same on every machine; "Local" is
// none.
func Zone(name string) (*time.Location, error) {
	switch {
	case name == "" || name == "UTC":
		return time.UTC, nil
	case name == "Local":
		return nil, &FieldError{Problem: `"Local" is another zone on another machine`, Hint: `name it: "Europe/Berlin"`}
	case name[0] == '+' || name[0] == '-':
		at, err := time.Parse("-07:00", name)
		if err != nil {
			return nil, &FieldError{Problem: Quote(name) + " is no time zone", Hint: `an offset is written "+02:00"`}
		}
		_, offset := at.Zone()
		return time.FixedZone(name, offset), nil
	}
	archive, err := zip.NewReader(bytes.NewReader(zoneinfo), int64(len(zoneinfo)))
	if err != nil {
		return nil, fmt.Errorf("read the time zones of the program: %w", err)
	}
	i := slices.IndexFunc(archive.File, func(f *zip.File) bool { return f.Name == name })
	if i < 0 || strings.HasSuffix(name, "/") {
		return nil, &FieldError{Problem: Quote(name) + " is no time zone", Hint: nearZone(name, archive)}
	}
	file, err := archive.File[i].Open()
	if err != nil {
		return nil, fmt.Errorf("read the time zone %s of the program: %w", name, err)
	}
	defer file.Close()
	data, err := io.ReadAll(file)
	if err != nil {
		return nil, fmt.Errorf("read the time zone %s of the program: %w", name, err)
	}
	return time.LoadLocationFromTZData(name, data)
}

// nearZone says which zone may have been meant.
func nearZone(name string, archive *zip.Reader) string {
	if len(name) > 40 {
		return `write a name like "Europe/Berlin"`
	}
	for _, f := range archive.File {
		if strings.EqualFold(f.Name, name) || strings.EqualFold(f.Name[strings.LastIndexByte(f.Name, '/')+1:], name) {
			return fmt.Sprintf("did you mean %q?", f.Name)
		}
	}
	names := make([]string, len(archive.File))
	for i, f := range archive.File {
		names[i] = f.Name
	}
	if hint := DidYouMean(name, names); hint != "" {
		return hint
	}
	return `write a name like "Europe/Berlin"`
}
