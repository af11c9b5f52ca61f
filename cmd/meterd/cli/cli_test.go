package cli

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"
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
		status := Run("the program", commands, strings.Fields(c.line), Streams{In: strings.NewReader(""), Out: &out, Err: &err})
		if status != c.status || out.String() != c.out || err.String() != c.err {
			t.Errorf("meterd %s: %d, %q and\n%s\nwant %d, %q and\n%s", c.line, status, &out, &err, c.status, c.out, c.err)
		}
	}
}

// TestWhatIsToldIsOnlyText: whatever words an error, a hint or a usage holds, from
// file names, configurations or platforms, none of them does anything to a terminal.
func TestWhatIsToldIsOnlyText(t *testing.T) {
	const evil = "\x1b]0;owned\a\x1b[2J\u202egpj.\u200b\u2028\x9b31m\xff\r"
	for _, c := range []Command{
		{"it", "", "", func(*flag.FlagSet, []string, Streams) error { return errors.New("file " + evil + " is not there") }},
		{"it", "", "", func(*flag.FlagSet, []string, Streams) error { return Fail("see "+evil, "it is broken") }},
		{"it", "", "", func(f *flag.FlagSet, _ []string, _ Streams) error { return Wrong(f, "no such thing as %s", evil) }},
		{"it", evil, evil, func(f *flag.FlagSet, _ []string, _ Streams) error { return Parse(f, []string{"-h"}, 0, 0) }},
		{"it", "", "", func(f *flag.FlagSet, args []string, _ Streams) error { return Parse(f, []string{"-" + evil}, 0, 0) }},
		{"it", "", "", func(_ *flag.FlagSet, _ []string, s Streams) error { _, err := s.Err.Write([]byte(evil)); return err }},
	} {
		for _, name := range []string{"it", evil} {
			var told bytes.Buffer
			Run("", []Command{c}, []string{name}, Streams{Out: &told, Err: &told})
			if told.Len() == 0 || strings.ContainsAny(told.String(), "\x1b\a\r\u202e\u200b\u2028\u009b") || !utf8.Valid(told.Bytes()) {
				t.Errorf("%q tells %q", name, told.String())
			}
		}
	}
	var out bytes.Buffer
	if n, err := Plain(&out).Write([]byte("a\tb\n一号楼 é\n" + evil)); err != nil || n != len("a\tb\n一号楼 é\n"+evil) || !strings.HasPrefix(out.String(), "a\tb\n一号楼 é\n?]0;owned?") {
		t.Errorf("%d, %v, %q", n, err, out.String())
	}
}
