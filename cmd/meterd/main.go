// Command meterd is the firmware of a meter concentrator: it reads
// electricity meters over RS-485, keeps every reading in a ring on flash and
// delivers it over MQTT. docs/cli.md tells its commands.
package main

import (
	"os"

	"meterd/cmd/meterd/cli"
	"meterd/cmd/meterd/tool"
)

// Set by the linker: -X main.version=… -X main.buildDate=2026-01-02.
var (
	version   = "dev"
	buildDate = "2026-11-01"
)

const about = "meterd reads electricity meters (DL/T 645) and delivers their values over MQTT."

// commands is the table of commands.
var commands = []cli.Command{
	{Name: "run", Usage: "[-config FILE]", Help: "the daemon", Run: runDaemon},
	{Name: "boot", Usage: "-slots FOLDER run [-config FILE]", Help: "what init starts: the daemon of the slot that is to run, see docs/updates.md", Run: runBoot},
	{Name: "check", Usage: "[-json | -comment] FILE", Help: "says everything that is wrong with a configuration, and the plan when nothing is", Run: tool.Check},
	{Name: "console", Usage: "[-config FILE] [-socket PATH] [-tty PATH]", Help: "the diagnostics console, on this terminal", Run: runConsole},
	{Name: "exec", Usage: "[-socket PATH] [-json] [-pin PIN] COMMAND…", Help: "one console command of the running daemon", Run: runExec},
	{Name: "decode", Usage: "[-json] [-language en|zh] [HEX…]", Help: "explains frames, from the arguments or a line each from standard input", Run: tool.Decode},
	{Name: "encode", Usage: "[-protocol P] [-preamble N] read ADDRESS DI | address | time TIME | …", Help: "builds a request, as hex", Run: tool.Encode},
	{Name: "read", Usage: "-port PORT [-baud N] [-parity P] [-json] ADDRESS (DI|POINT)…", Help: "reads a meter straight on the line, without the daemon", Run: tool.Read},
	{Name: "scan", Usage: "-port PORT [-baud N,…] [-protocol P] [-json | -csv]", Help: "finds every meter on a line", Run: tool.Scan},
	{Name: "ring", Usage: "verify [-json] | dump | export | report [-config FILE] FILE | format [-yes] [-size SIZE] PATH", Help: "looks into a store, without changing it (report: a page for a browser); or makes a new one", Run: tool.Ring},
	{Name: "points", Usage: "[-json]", Help: "the points: identifiers in both editions, unit, and what each platform calls them", Run: tool.Points},
	{Name: "thing-model", Usage: "-kind KIND [-uplink NAME] FILE", Help: "what a platform's side has to define for this configuration: onenet-studio, das (files to import), iotkit, tuya (tables)", Run: tool.ThingModel},
	{Name: "meters", Usage: "-csv FILE", Help: "the meters of a configuration as a table, in the form that [[meters]] file = reads", Run: tool.Meters},
	{Name: "grow", Usage: "DIR", Help: "has the ext4 that is mounted there take the whole of its partition", Run: runGrow},
	{Name: "version", Usage: "[-json]", Help: "the version", Run: runVersion},
}

func main() { os.Exit(run(os.Args[1:], cli.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr})) }

func run(args []string, s cli.Streams) int { return cli.Run(about, commands, args, s) }
