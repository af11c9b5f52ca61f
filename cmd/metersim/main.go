// Command metersim is the bench of meterd: simulated meters on a real pty,
// paced as a line would be, simulated platforms, and a demo of everything at
// once. It is never flashed.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

type subcommand struct {
	name, usage, help string
	run               func(ctx context.Context, args []string) error
}

func subcommands() []subcommand {
	return []subcommand{
		{"bus", "[-baud N] [-meters N] [-phases 1|3] [-protocol P] [-fault NAME[=RATE]]… [-link PATH] [-socket PATH]", "meters on a pty, whose path is printed, or on a unix socket", runBus},
		{"cloud", "tuya|onenet|onenet-studio|das|iotkit|mqtt [-listen ADDR] …", "a strict simulated platform with its broker", runCloud},
		{"demo", "[-platform tuya|onenet|onenet-studio|das|iotkit|mqtt] [-fault NAME[=RATE]]… [-for 40s] [-meterd PATH] [-picture FILE.svg]", "meters, a platform, and meterd between them", runDemo},
		{"fleet", "[-boards 1000] [-meters 32] [-broker tcp://127.0.0.1:PORT,…] [-acknowledge puback|reply] [-every 1m] [-for 1m] [-storm]", "the deliveries of many boards in one process, to brokers on this host", runFleet},
	}
}

// errUsage says that the command line is wrong; it has been told already.
var errUsage = errors.New("usage")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:]))
}

func run(ctx context.Context, args []string) int {
	if len(args) > 0 {
		for _, c := range subcommands() {
			if c.name == args[0] {
				return report(c.run(ctx, args[1:]))
			}
		}
	}
	for _, c := range subcommands() {
		fmt.Fprintf(os.Stderr, "metersim %s %s\n    %s\n", c.name, c.usage, c.help)
	}
	if len(args) > 0 && strings.Contains("-help", args[0]) {
		return 0
	}
	return 2
}

func report(err error) int {
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return 0
	case errors.Is(err, errUsage):
		return 2
	}
	fmt.Fprintf(os.Stderr, "error: %v\n", err)
	return 1
}

func flags(name string) *flag.FlagSet {
	f := flag.NewFlagSet("metersim "+name, flag.ContinueOnError)
	return f
}

func parse(f *flag.FlagSet, args []string) error {
	if err := f.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return err
		}
		return errUsage
	}
	if f.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "error: %q is too much\n", f.Arg(0))
		return errUsage
	}
	return nil
}
