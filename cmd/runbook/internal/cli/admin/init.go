package admin

import (
	"errors"
	"maps"

	"github.com/spf13/cobra"

	"github.com/q-ecosystem/runbook/cmd/runbook/internal/cli/app"
	"github.com/q-ecosystem/runbook/cmd/runbook/internal/config"
	"github.com/q-ecosystem/runbook/cmd/runbook/internal/reference"
	"github.com/q-ecosystem/runbook/cmd/runbook/internal/starter"
	"github.com/q-ecosystem/runbook/cmd/runbook/internal/view"
)

// stubsDir is where init puts what editors read.
const stubsDir = ".runbook"

func (a commands) initCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "init [DIR]",
		Short: "Begin a folder of runbooks",
		Long: "Write a configuration, a first runbook and its test into DIR, or the working\n" +
			"directory, and beside them what editors complete and check them by: stubs for the\n" +
			"Lua language server and the JSON schema of runbook.yaml. No file is overwritten.",
		Args: app.Between(0, "DIR"),
		RunE: func(_ *cobra.Command, argv []string) error {
			dir := "."
			if len(argv) > 0 {
				dir = argv[0]
			}
			return a.begin(dir)
		},
	}
}

func (a commands) begin(dir string) error {
	files, err := starter.Files()
	if err != nil {
		return err
	}
	files = maps.Clone(files)
	r := a.reference(nil)
	for name, text := range r.LuaLS() {
		files[stubsDir+"/luals/"+name] = text
	}
	files[stubsDir+"/runbook.schema.json"] = string(r.Schema(config.Version))
	files[".luarc.json"] = reference.LuaRC(stubsDir + "/luals")
	written, err := starter.Write(dir, files)
	var exists *starter.Exists
	switch {
	case errors.As(err, &exists):
		return app.Usagef("%w: nothing was written; name another folder, or move the file away", err)
	case err != nil:
		return err
	}
	if a.Flags.JSON {
		a.JSONHead("init")
		for _, path := range written {
			a.JSONLine(writtenLine{"written", path})
		}
		return nil
	}
	for _, path := range written {
		a.Result("%s\n", path)
	}
	a.Advise(view.Advice{}.With("now:", a.In(dir, []string{"test"}, []string{"run", "restart.lua", "--param", "service=web"})))
	return nil
}
