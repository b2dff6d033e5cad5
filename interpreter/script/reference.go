package script

import "github.com/q-ecosystem/runbook/interpreter/script/internal/language"

// Function documents a name of the language: a global, or a member of one.
type Function = language.Function

// Language documents what a runbook finds by name, in the order of a reader.
func Language() []Function { return language.Functions() }
