package cli

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"strings"
	"testing"
)

// TestExitStatusAndWords: what is told of each way in which a command ends, and
// the exit status that scripts rely on.
func TestExitStatusAndWords(t *testing.T) {
	commands := []Command{
		{"works", "[-n N] [WORD]", "works always", func(f *flag.FlagSet, args []string, s Streams) error {
			n := f.Int("n", 1, "how often")
			if err := Parse(f, args, 0, 1); err != nil {
				return err
			}
			if *n > 3 {
				return Wrong(f, "-n is 1 to 3, not %d", *n)
			}
			fmt.Fprint(s.Out, strings.Repeat("done ", *n)+f.Arg(0))
			return nil
		}},
		{"fails", "", "fails always", func(*flag.FlagSet, []string, Streams) error { return errors.New("it is broken\n") }},
		{"helps", "", "fails, and says what to do", func(*flag.FlagSet, []string, Streams) error {
			return fmt.Errorf("so: %w", Fail("mend it", "part %d is broken", 7))
		}},
		{"needs", "ONE MORE", "takes two at least", func(f *flag.FlagSet, args []string, s Streams) error {
			if err := Parse(f, args, 2, -1); err != nil {
				return err
			}
			fmt.Fprint(s.Out, f.NArg())
			return nil
		}},
	}
	const list = "the program\n  meterd works [-n N] [WORD]\n      works always\n  meterd fails \n      fails always\n  meterd helps \n      fails, and says what to do\n  meterd needs ONE MORE\n      takes two at least\n"
	const works = "meterd works [-n N] [WORD]\nworks always\n  -n int\n    \thow often (default 1)\n"
	for _, c := range []struct {
		line     string
		status   int
		out, err string
	}{
		{"", 2, "", list},
		{"-h", 0, "", list},
		{"-help", 0, "", list},
		{"--help", 0, "", list},
		{"help", 0, "", list},
		{"nothing", 2, "", "error: there is no command \"nothing\"\nhint: meterd -h lists them\n"},
		{"Works", 2, "", "error: there is no command \"Works\"\nhint: meterd -h lists them\n"},
		{"works", 0, "done ", ""},
		{"works -n 2 x", 0, "done done x", ""},
		{"works -h", 0, "", works},
		{"works -n 4", 2, "", "error: -n is 1 to 3, not 4\n"},
		{"works -n x", 2, "", "invalid value \"x\" for flag -n: parse error\n" + works},
		{"works -m", 2, "", "flag provided but not defined: -m\n" + works},
		{"works a b", 2, "", "error: 2 arguments are not what works takes\n" + works},
		{"fails", 1, "", "error: it is broken\n"},
		{"helps", 1, "", "error: so: part 7 is broken\nhint: mend it\n"},
		{"needs one", 2, "", "error: 1 arguments are not what needs takes\nmeterd needs ONE MORE\ntakes two at least\n"},
		{"needs one two three", 0, "3", ""},
	} {
		var out, err bytes.Buffer
		status := Run("the program", commands, strings.Fields(c.line), Streams{strings.NewReader(""), &out, &err})
		if status != c.status || out.String() != c.out || err.String() != c.err {
			t.Errorf("meterd %s: %d, %q and\n%s\nwant %d, %q and\n%s", c.line, status, &out, &err, c.status, c.out, c.err)
		}
	}
}
