package effect

import "fmt"

// Asks reports whether an op of the engine is a question to people.
func Asks(op string) bool { return op == OpApprove || op == OpChecklist || op == OpChoose }

// maxItems bounds a checklist: people answer each of its items by itself.
const maxItems = 500

// Item is a line of a checklist.
type Item struct {
	Text     string
	Detail   string // what whoever answers should know
	Evidence bool   // a file has to be named with the answer
}

// Items reads the items of a checklist: each a text, or a table of text, detail
// and evidence. The error is a *FieldError.
func Items(args map[string]any) ([]Item, error) {
	list, _ := args["items"].([]any) // an empty table may come as a map
	fields := []Field{{Name: "text", Type: String, Required: true, Min: Bound(1)}, {Name: "detail", Type: String}, {Name: "evidence", Type: Bool}}
	if len(list) == 0 {
		return nil, &FieldError{Path: "items", Problem: "names no item", Hint: `write items = { "the backup is there", { text = "…", evidence = true } }`}
	}
	items := make([]Item, 0, len(list))
	seen := map[string]bool{}
	for i, v := range list {
		path := fmt.Sprintf("items[%d]", i+1)
		table, ok := v.(map[string]any)
		if !ok {
			table = map[string]any{"text": v}
		}
		values, err := CheckFields(fields, nil, table)
		if err != nil {
			return nil, &FieldError{Path: path, Problem: err.Error(), Hint: `an item is a text, or { text = "…", detail = "…", evidence = true }`}
		}
		item := Item{}
		item.Text, _ = values["text"].(string)
		item.Detail, _ = values["detail"].(string)
		item.Evidence, _ = values["evidence"].(bool)
		if seen[item.Text] {
			return nil, &FieldError{Path: path, Problem: fmt.Sprintf("%q stands there twice", item.Text)}
		}
		seen[item.Text] = true
		items = append(items, item)
	}
	return items, nil
}

func validateItems(args map[string]any) error {
	_, err := Items(args)
	return err
}
