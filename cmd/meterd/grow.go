package main

import (
	"flag"

	"meterd/board"
	"meterd/cmd/meterd/cli"
)

// runGrow is called at each start of a card, whose data partition is as large
// as the card since the first.
func runGrow(f *flag.FlagSet, args []string, _ cli.Streams) error {
	if err := cli.Parse(f, args, 1, 1); err != nil {
		return err
	}
	return board.Grow(f.Arg(0))
}
