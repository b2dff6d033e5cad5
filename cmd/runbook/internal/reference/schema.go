package reference

import (
	"encoding/json"
	"slices"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/window"
)

// object is a JSON object; encoding/json orders its keys.
type object = map[string]any

// Schema returns the JSON schema (draft 7, which editors read) of runbook.yaml:
// its own keys, and those of the backends that are known. A backend that is not
// known takes any keys.
func (r *Reference) Schema(version int) []byte {
	data, err := json.MarshalIndent(r.file(version), "", "  ")
	if err != nil { // plain data: it cannot fail
		return nil
	}
	return append(data, '\n')
}

// file is the schema as data.
func (r *Reference) file(version int) object {
	text := func(doc string) object { return object{"type": "string", "description": doc} }
	digest := object{"type": "string", "pattern": "^sha256:[0-9a-f]{64}$", "description": "that of the token"}
	modules := object{"calendar": text("the calendar that says when runs may start here"), "extends": object{"type": "string", "description": "another environment, whose modules this one has too"}}
	for i := range r.Modules {
		m := &r.Modules[i]
		modules[m.Name] = r.moduleSchema(m)
	}
	return object{
		"$schema": "http://json-schema.org/draft-07/schema#",
		"title":   "runbook.yaml",
		"type":    "object", "additionalProperties": false, "required": []string{"version", "environments"},
		"properties": object{
			"version": object{"const": version, "description": "of the file's form"},
			"plugins": object{"type": "object", "description": "backends that are not built in", "additionalProperties": false, "properties": object{
				"dirs":   object{"type": "array", "items": object{"type": "string"}, "description": "where plugins stand; relative to this file"},
				"sha256": object{"type": "object", "additionalProperties": object{"type": "string", "pattern": "^[0-9a-fA-F]{64}$"}, "description": "the digests of trusted plugins, by name"},
			}},
			"approvals": object{"type": "object", "description": "how people answer", "additionalProperties": false, "properties": object{
				"as": object{"enum": []string{"allow", "refuse"}, "description": "whether people may answer in another name than that of the operating system's user"},
			}},
			"people": object{"type": "object", "description": "who answers what runs ask, by name",
				"additionalProperties": object{"type": []string{"object", "null"}, "additionalProperties": false, "properties": object{
					"roles": names("what approve{} may ask for in the place of names"),
					"users": names("accounts of the operating system, as NAME or NAME@HOST; that of the same name if left out"),
					"tokens": object{"type": "array", "description": "tokens, as `runbook token new NAME` prints them", "items": object{"anyOf": []any{digest,
						object{"type": "object", "additionalProperties": false, "required": []string{"digest"}, "properties": object{"digest": digest,
							"expires": text("until when it holds: a day, to its end, or a time, in UTC if it says no other")}}}}},
				}}},
			"calendars": object{"type": "object", "description": "when runs may start, by name; an environment names its own", "additionalProperties": object{
				"type": "object", "additionalProperties": false, "properties": object{
					"open": object{"type": "array", "description": "always if left out", "items": object{"anyOf": []any{text("a window: " + window.Example),
						stretch("title", "what the window is called", "a file of iCalendar, each event of which is a window")}}},
					"freezes": object{"type": "array", "description": "when nothing starts, whatever open says",
						"items": stretch("reason", "why, for people", "a file of iCalendar, each event of which is a freeze")},
					"emergency": object{"type": "object", "additionalProperties": false, "description": "who may agree to a run all the same (run --emergency)", "properties": object{
						"by": names("people or roles; anyone if left out"), "count": object{"type": "integer", "minimum": 1}, "separate": object{"type": "boolean"}, "timeout": text("how long the question stands")}},
				}}},
			"audit": object{"type": "object", "description": "exports of the record", "additionalProperties": false, "properties": object{
				"key": object{"type": "string", "pattern": "^(env|file):.+", "description": "the Ed25519 key (PKCS #8 in PEM) that signs exports of the record"},
			}},
			"environments": object{"type": "object", "minProperties": 1, "description": "by name; the one called default is used where none is named",
				"additionalProperties": object{"type": []string{"object", "null"}, "properties": modules,
					"additionalProperties": oneOrSeveral(object{"type": "object", "required": []string{"backend"},
						"properties": object{"ops": opsSchema(nil)}}, "")}},
		},
	}
}

// names is a list of names.
func names(doc string) object {
	return object{"type": "array", "items": object{"type": "string", "minLength": 1}, "description": doc}
}

// moduleSchema is one backend of a module, or a list of several.
func (r *Reference) moduleSchema(m *effect.Module) object {
	one := object{"type": "object", "required": []string{"backend"},
		"properties": object{"backend": object{"type": "string", "description": "what carries the module out",
			"examples": nonNil(r.Carriers(m.Name, ""))}, "ops": opsSchema(m.Ops)}}
	var rules []any
	for i := range r.Backends {
		b := &r.Backends[i]
		if b.Module != m.Name {
			continue
		}
		then := objectSchema(b.Config)
		then["properties"].(object)["backend"] = object{"const": b.Name, "description": sentence(b.Doc)}
		then["properties"].(object)["ops"] = opsSchema(b.Ops)
		rules = append(rules, object{
			"if":   object{"properties": object{"backend": object{"const": b.Name}}, "required": []string{"backend"}},
			"then": then,
		})
	}
	if rules != nil {
		one["allOf"] = rules
	}
	return oneOrSeveral(one, sentence(m.Doc))
}

// oneOrSeveral takes one backend, or a list of them. The shape is chosen by if and
// else, so that editors say what is wrong with the one that is written.
func oneOrSeveral(one object, doc string) object {
	s := object{
		"if":   object{"type": "array"},
		"then": object{"minItems": 1, "items": one},
		"else": one,
	}
	if doc != "" {
		s["description"] = doc
	}
	return s
}

// opsSchema is a list of ops that a backend is limited to.
func opsSchema(ops []effect.Op) object {
	item := object{"type": "string"}
	if len(ops) > 0 {
		names := make([]string, len(ops))
		for i := range ops {
			names[i] = ops[i].Name
		}
		item = object{"enum": names}
	}
	return object{"type": "array", "minItems": 1, "uniqueItems": true, "items": item, "description": "the only ops that go to it; all that it carries if left out"}
}

func objectSchema(fields []effect.Field) object {
	properties := object{}
	var required []string
	for i := range fields {
		f := &fields[i]
		properties[f.Name] = fieldSchema(f)
		if f.Required {
			required = append(required, f.Name)
		}
	}
	s := object{"type": "object", "properties": properties, "additionalProperties": false}
	if required != nil {
		slices.Sort(required)
		s["required"] = required
	}
	return s
}

// fieldSchema is the shape of one value as it is written in YAML.
func fieldSchema(f *effect.Field) object {
	var s object
	switch f.Type {
	case effect.Int:
		s = bounded(object{"type": "integer"}, "minimum", "maximum", f)
	case effect.Number:
		s = bounded(object{"type": "number"}, "minimum", "maximum", f)
	case effect.Duration, effect.Percent, effect.Size:
		s = object{"type": []string{"number", "string"}} // the text's bounds are the program's to check
	case effect.Bool:
		s = object{"type": "boolean"}
	case effect.String:
		s = bounded(object{"type": "string"}, "minLength", "maxLength", f)
		if f.Pattern != "" {
			s["pattern"] = "^(?:" + f.Pattern + ")$"
		}
	case effect.Enum:
		s = object{"enum": f.Enum}
	case effect.List:
		s = bounded(object{"type": "array"}, "minItems", "maxItems", f)
		if f.Elem != nil {
			s["items"] = fieldSchema(f.Elem)
		}
	case effect.Map:
		s = object{"type": "object"}
		if f.Elem != nil {
			s["additionalProperties"] = fieldSchema(f.Elem)
		}
	case effect.Object:
		s = objectSchema(f.Fields)
	default:
		s = object{}
	}
	if f.Doc != "" {
		s["description"] = f.Doc
	}
	if f.Secret {
		s = object{"type": "string", "description": join(f.Doc, `a reference: "env:NAME" or "file:PATH"`)}
	}
	if f.Default != nil {
		s["default"] = f.Default
	}
	return s
}

func bounded(s object, low, high string, f *effect.Field) object {
	if f.Min != nil {
		s[low] = *f.Min
	}
	if f.Max != nil {
		s[high] = *f.Max
	}
	return s
}

func nonNil(names []string) []string {
	if names == nil {
		return []string{}
	}
	return names
}

// join puts a remark behind a description.
func join(doc, remark string) string {
	if doc == "" {
		return remark
	}
	return doc + " (" + remark + ")"
}

// stretch describes a span of a calendar by its dates; why is the key of its name.
func stretch(why, whyDoc, icsDoc string) object {
	text := func(doc string) object { return object{"type": "string", "description": doc} }
	return object{"type": "object", "additionalProperties": false, "properties": object{
		"from": text("2026-12-20, or 2026-12-20 18:00"), "to": text("its end; all of the day if it is a date"),
		"zone": text("Europe/Berlin; UTC if left out, or what the ics file says"),
		why:    text(whyDoc), "rule": text("how it comes again, by RFC 5545: FREQ=YEARLY;BYMONTH=11;BYDAY=4TH"),
		"except": object{"type": "array", "items": object{"type": "string"}, "description": "beginnings of those that are left out"}, "ics": text(icsDoc)}}
}
