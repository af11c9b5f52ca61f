package main

import (
	"meterd/cmd/meterd/console"
)

func runExec(args []string, s streams) error {
	f := flags("exec", s)
	socket := f.String("socket", "/run/meterd.sock", "where the daemon listens")
	asJSON := f.Bool("json", false, "the answer as JSON")
	pin := f.String("pin", "", "for commands that change something, if the configuration has one")
	if err := parse(f, args, 1, -1); err != nil {
		return err
	}
	return console.Ask(*socket, console.Request{Command: f.Args(), JSON: *asJSON, PIN: *pin}, s.out)
}
