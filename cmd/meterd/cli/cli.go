// Package cli is what the commands of the program have in common: where they
// read and write, how their flags explain themselves, and the exit status.
//
// It owns nothing and keeps no state. It never ends the program itself.
package cli

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"golang.org/x/term"

	"meterd/cmd/meterd/console"
)

// Streams are where a command reads and writes.
type Streams struct {
	In io.Reader
	// Out is for results, Err for all else. What is told on Err is only text,
	// wherever its words are from (Plain).
	Out, Err io.Writer
	// Screen is Err itself, for what is all our own and moves the cursor. Run
	// sets it.
	Screen io.Writer
}

// Passing gives a line on Screen that shows how far a command is.
func (s Streams) Passing() *console.PassingLine {
	f, ok := s.Screen.(*os.File)
	return &console.PassingLine{W: s.Screen, Live: ok && term.IsTerminal(int(f.Fd())), End: "\n"}
}

// Plain gives a writer of text that is for people: what would move the cursor of
// w, turn the direction of writing or not be seen is a question mark there.
// File names, configurations and platforms bring such.
func Plain(w io.Writer) io.Writer { return plain{w} }

// Harmless gives a text as Plain writes it.
func Harmless(s string) string { return console.Harmless(s) }

type plain struct{ w io.Writer }

func (p plain) Write(b []byte) (int, error) {
	columns := strings.Split(string(b), "\t")
	for i := range columns {
		columns[i] = Harmless(columns[i])
	}
	if _, err := io.WriteString(p.w, strings.Join(columns, "\t")); err != nil {
		return 0, err
	}
	return len(b), nil
}

// Command is a row of the table of commands.
type Command struct {
	Name  string
	Usage string // what stands after the name
	Help  string
	// Run carries the command out; flags are a set that explains itself by this
	// row.
	Run func(flags *flag.FlagSet, args []string, s Streams) error
}

// ErrUsage says that the command line is wrong; it has been told already.
var ErrUsage = errors.New("usage")

// Run carries out the command that args name and gives the exit status: 0
// done, 1 it failed, 2 the command line is wrong.
func Run(about string, commands []Command, args []string, s Streams) int {
	s.Screen, s.Err = s.Err, Plain(s.Err)
	if len(args) == 0 || slices.Contains([]string{"-h", "-help", "--help", "help"}, args[0]) {
		fmt.Fprintln(s.Err, about)
		for _, c := range commands {
			fmt.Fprintf(s.Err, "  meterd %s %s\n      %s\n", c.Name, c.Usage, c.Help)
		}
		if len(args) == 0 {
			return 2
		}
		return 0
	}
	for _, c := range commands {
		if c.Name == args[0] {
			return status(c.Run(c.flags(s), args[1:], s), s)
		}
	}
	fmt.Fprintf(s.Err, "error: there is no command %q\nhint: meterd -h lists them\n", args[0])
	return 2
}

// status tells an error and gives its exit status.
func status(err error, s Streams) int {
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return 0
	case errors.Is(err, ErrUsage):
		return 2
	}
	fmt.Fprintf(s.Err, "error: %s\n", strings.TrimSpace(err.Error()))
	if t, ok := errors.AsType[*console.Told](err); ok {
		err = &console.Error{Text: t.Text.EN, Hint: t.Hint.EN}
	}
	if e, ok := errors.AsType[*console.Error](err); ok && e.Hint != "" {
		fmt.Fprintf(s.Err, "hint: %s\n", e.Hint)
	}
	return 1
}

func (c Command) flags(s Streams) *flag.FlagSet {
	f := flag.NewFlagSet(c.Name, flag.ContinueOnError)
	f.SetOutput(s.Err)
	f.Usage = func() {
		fmt.Fprintf(s.Err, "meterd %s %s\n%s\n", c.Name, c.Usage, c.Help)
		f.PrintDefaults()
	}
	return f
}

// Parse reads the flags and wants between least and most arguments after
// them; most < 0 is any number.
func Parse(f *flag.FlagSet, args []string, least, most int) error {
	if err := f.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return err
		}
		return ErrUsage
	}
	if n := f.NArg(); n < least || most >= 0 && n > most {
		fmt.Fprintf(f.Output(), "error: %d arguments are not what %s takes\n", n, f.Name())
		f.Usage()
		return ErrUsage
	}
	return nil
}

// Wrong tells what is wrong with the command line.
func Wrong(f *flag.FlagSet, format string, args ...any) error {
	fmt.Fprintf(f.Output(), "error: "+format+"\n", args...)
	return ErrUsage
}

// Fail gives an error with what to do next.
func Fail(hint, format string, args ...any) error {
	return &console.Error{Text: fmt.Sprintf(format, args...), Hint: hint}
}
