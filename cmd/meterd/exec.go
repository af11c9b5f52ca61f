package main

import (
	"flag"

	"meterd/cmd/meterd/cli"
	"meterd/cmd/meterd/console"
)

func runExec(f *flag.FlagSet, args []string, s cli.Streams) error {
	socket := f.String("socket", "/run/meterd.sock", "where the daemon listens")
	asJSON := f.Bool("json", false, "the answer as JSON")
	pin := f.String("pin", "", "for commands that change something, if the configuration has one")
	if err := cli.Parse(f, args, 1, -1); err != nil {
		return err
	}
	return console.Follow(*socket, console.Request{Command: f.Args(), JSON: *asJSON, PIN: *pin}, s.Out, s.Passing())
}
