package main

import (
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"meterd/cmd/meterd/cli"
	"meterd/cmd/meterd/linetest"
	"meterd/dlt645/dlt645test"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"meterd": main})
}

// TestScripts runs testdata/script: command lines with what they print. Each
// script finds a line with two meters at $LINE.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:  "testdata/script",
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){"envsubst": envsubst, "waitsocket": waitSocket, "waitfor": waitFor},
		Setup: func(env *testscript.Env) error {
			zone := dayZone(time.Now())
			path, stop, err := linetest.Open(&dlt645test.Line{Baud: linetest.Baud, Meters: linetest.Meters(zone)})
			if err != nil {
				return err
			}
			env.Defer(stop)
			env.Setenv("LINE", path)
			env.Setenv("ZONE", zone.String())
			return nil
		},
	})
}

// envsubst FILE fills the environment's variables into a file.
func envsubst(ts *testscript.TestScript, _ bool, args []string) {
	path := ts.MkAbs(args[0])
	text := os.Expand(ts.ReadFile(path), ts.Getenv)
	ts.Check(os.WriteFile(path, []byte(text), 0o600))
}

// patience is how long a script waits for what must come.
const patience = time.Minute

func until(ts *testscript.TestScript, what string, ok func() bool) {
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if ok() {
			return
		}
	}
	ts.Fatalf("not within %v: %s", patience, what)
}

// waitsocket PATH waits until somebody answers on a unix socket.
func waitSocket(ts *testscript.TestScript, _ bool, args []string) {
	until(ts, args[0], func() bool {
		c, err := net.Dial("unix", args[0])
		if err == nil {
			c.Close()
		}
		return err == nil
	})
}

// waitfor COMMAND PATTERN runs a command until it prints the pattern.
func waitFor(ts *testscript.TestScript, _ bool, args []string) {
	pattern := regexp.MustCompile(args[1])
	words := strings.Fields(os.Expand(args[0], ts.Getenv))
	out := ""
	until(ts, args[1], func() bool {
		ts.Exec(words[0], words[1:]...)
		out = ts.ReadFile("stdout")
		return pattern.MatchString(out)
	})
}

// dayZone is a zone in which it is not near midnight, when meters ignore the
// time.
func dayZone(now time.Time) *time.Location {
	for _, name := range []string{"Asia/Shanghai", "UTC"} {
		if zone, err := time.LoadLocation(name); err == nil && now.In(zone).Hour() > 0 && now.In(zone).Hour() < 23 {
			return zone
		}
	}
	panic("no zone")
}

// TestContractFile checks the complete configuration of the documentation,
// with the parts of later versions as warnings.
func TestContractFile(t *testing.T) {
	file := filepath.Join("config", "testdata", "complete.toml")
	if _, err := os.Stat(file); err != nil {
		t.Fatal(err)
	}
	devnull, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer devnull.Close()
	out, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	if status := run([]string{"check", file}, cli.Streams{In: devnull, Out: out, Err: out}); status != 0 {
		b, _ := os.ReadFile(out.Name())
		t.Errorf("exit status %d\n%s", status, b)
	}
}

// TestCommandsAndFlagsAreDocumented holds the first table of docs/cli.md, and
// of its twin, to the program's own: each command has a row, or several, and no
// flag lacks there.
func TestCommandsAndFlagsAreDocumented(t *testing.T) {
	for _, paper := range []string{"../../docs/cli.md", "../../docs/cli.zh-CN.md"} {
		page, err := os.ReadFile(paper)
		if err != nil {
			t.Fatal(err)
		}
		flags := 0
		for _, c := range commands {
			rows := strings.Join(regexp.MustCompile("(?m)^\\| `meterd "+c.Name+"[` ].*$").FindAllString(string(page), -1), "\n")
			if rows == "" {
				t.Errorf("%s has no row of %s", paper, c.Name)
			}
			var told strings.Builder
			run([]string{c.Name, "-h"}, cli.Streams{Err: &told})
			for _, m := range regexp.MustCompile(`(?m)^  (-[a-z-]+)`).FindAllStringSubmatch(told.String(), -1) {
				if flags++; !regexp.MustCompile(`[ (\[` + "`]" + m[1] + "[] `]").MatchString(rows) {
					t.Errorf("%s: %s lacks %s", paper, c.Name, m[1])
				}
			}
		}
		if flags < 50 {
			t.Errorf("%s: only %d flags were looked for", paper, flags)
		}
	}
}
