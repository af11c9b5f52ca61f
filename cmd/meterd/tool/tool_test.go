package tool

import (
	"flag"
	"io"
	"os"

	"meterd/cmd/meterd/cli"
)

// run runs one command as the program does, and gives its exit status. What
// is wrong is told on standard error.
func run(command func(*flag.FlagSet, []string, cli.Streams) error, args []string, in io.Reader, out io.Writer) int {
	return cli.Run("", []cli.Command{{Name: "it", Run: command}}, append([]string{"it"}, args...), cli.Streams{In: in, Out: out, Err: os.Stderr})
}
