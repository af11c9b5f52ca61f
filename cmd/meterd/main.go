// Command meterd is the firmware of a meter concentrator: it reads
// electricity meters over RS-485, keeps every reading in a ring on flash and
// delivers it over MQTT. See cli.md in the documentation for its commands.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"meterd/cmd/meterd/console"
)

// Set by the linker: -X main.version=… -X main.buildDate=2026-01-02.
var (
	version   = "dev"
	buildDate = "2026-11-01"
)

// streams are where a command reads and writes.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

// subcommand is a row of the table of commands.
type subcommand struct {
	name  string
	usage string
	help  string
	run   func(args []string, s streams) error
}

func subcommands() []subcommand {
	return []subcommand{
		{"run", "[-config FILE]", "the daemon", runDaemon},
		{"check", "[-json] FILE", "says everything that is wrong with a configuration, and the plan when nothing is", runCheck},
		{"console", "[-config FILE] [-socket PATH] [-tty PATH]", "the diagnostics console, on this terminal", runConsole},
		{"exec", "[-socket PATH] [-json] [-pin PIN] COMMAND…", "one console command of the running daemon", runExec},
		{"decode", "[-json] [-language en|zh] [HEX…]", "explains frames, from the arguments or a line each from standard input", runDecode},
		{"encode", "[-protocol P] [-preamble N] read ADDRESS DI | address | time TIME | …", "builds a request, as hex", runEncode},
		{"read", "-port PORT [-baud N] [-parity P] [-json] ADDRESS (DI|POINT)…", "reads a meter straight on the line, without the daemon", runRead},
		{"scan", "-port PORT [-baud N,…] [-protocol P] [-json]", "finds every meter on a line", runScan},
		{"ring", "verify [-json] | dump | export FILE", "looks into a store, without changing it", runRing},
		{"version", "[-json]", "the version", runVersion},
	}
}

// errUsage says that the command line is wrong; it has been told already.
var errUsage = errors.New("usage")

func main() { os.Exit(run(os.Args[1:], streams{os.Stdin, os.Stdout, os.Stderr})) }

// run gives the exit status: 0 done, 1 it failed, 2 the command line is
// wrong.
func run(args []string, s streams) int {
	if len(args) == 0 || slices.Contains([]string{"-h", "-help", "--help", "help"}, args[0]) {
		printUsage(s)
		if len(args) == 0 {
			return 2
		}
		return 0
	}
	for _, c := range subcommands() {
		if c.name == args[0] {
			return report(c.run(args[1:], s), s)
		}
	}
	fmt.Fprintf(s.err, "error: there is no command %q\nhint: meterd -h lists them\n", args[0])
	return 2
}

func report(err error, s streams) int {
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return 0
	case errors.Is(err, errUsage):
		return 2
	}
	text, hint := strings.TrimSpace(err.Error()), ""
	if e, ok := errors.AsType[*console.Error](err); ok {
		hint = e.Hint
	}
	fmt.Fprintf(s.err, "error: %s\n", text)
	if hint != "" {
		fmt.Fprintf(s.err, "hint: %s\n", hint)
	}
	return 1
}

func printUsage(s streams) {
	fmt.Fprintln(s.err, "meterd reads electricity meters (DL/T 645) and delivers their values over MQTT.")
	for _, c := range subcommands() {
		fmt.Fprintf(s.err, "  meterd %s %s\n      %s\n", c.name, c.usage, c.help)
	}
}

// flags gives a flag set that explains itself by the table of commands.
func flags(name string, s streams) *flag.FlagSet {
	f := flag.NewFlagSet(name, flag.ContinueOnError)
	f.SetOutput(s.err)
	f.Usage = func() {
		for _, c := range subcommands() {
			if c.name == name {
				fmt.Fprintf(s.err, "meterd %s %s\n%s\n", c.name, c.usage, c.help)
			}
		}
		f.PrintDefaults()
	}
	return f
}

// parse reads the flags and wants between least and most arguments behind
// them; most < 0 is any number.
func parse(f *flag.FlagSet, args []string, least, most int) error {
	if err := f.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return err
		}
		return errUsage
	}
	if n := f.NArg(); n < least || most >= 0 && n > most {
		fmt.Fprintf(f.Output(), "error: %d arguments are not what %s takes\n", n, f.Name())
		f.Usage()
		return errUsage
	}
	return nil
}

func wrong(f *flag.FlagSet, format string, args ...any) error {
	fmt.Fprintf(f.Output(), "error: "+format+"\n", args...)
	return errUsage
}

func failHint(hint, format string, args ...any) error {
	return &console.Error{Text: fmt.Sprintf(format, args...), Hint: hint}
}
