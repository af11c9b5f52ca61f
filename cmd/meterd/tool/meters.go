package tool

import (
	"flag"
	"fmt"

	"meterd/cmd/meterd/cli"
	"meterd/cmd/meterd/config"
)

// Meters is the command "meters".
func Meters(f *flag.FlagSet, args []string, s cli.Streams) error {
	asCSV := f.Bool("csv", false, "a table in the form that [[meters]] file = reads, passwords included")
	if err := cli.Parse(f, args, 1, 1); err != nil {
		return err
	}
	if !*asCSV {
		return cli.Wrong(f, "-csv is required: there is no other form yet")
	}
	c, problems := config.Load(f.Arg(0))
	if config.Unusable(problems) {
		for _, p := range problems {
			fmt.Fprintln(cli.Plain(s.Err), p)
		}
		return cli.Fail("meterd check "+f.Arg(0)+" tells the same", "%s has mistakes", f.Arg(0))
	}
	return config.WriteSheet(s.Out, c.Meters)
}
