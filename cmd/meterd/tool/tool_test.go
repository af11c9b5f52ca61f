package tool

import (
	"encoding/json"
	"flag"
	"strings"
	"testing"

	"meterd/cmd/meterd/cli"
)

// tool is what the table of commands runs.
type tool func(*flag.FlagSet, []string, cli.Streams) error

// ran is what came of a command.
type ran struct {
	status   int
	out, err string
}

// run runs one command as the program does, with a text on standard input.
func run(c tool, in string, args ...string) ran {
	var out, told strings.Builder
	status := cli.Run("", []cli.Command{{Name: "it", Run: c}}, append([]string{"it"}, args...),
		cli.Streams{In: strings.NewReader(in), Out: &out, Err: &told})
	return ran{status, out.String(), told.String()}
}

// want holds a command to its exit status, to what it prints and to a part of
// what it tells on standard error, "" nothing at all.
func (r ran) want(t *testing.T, status int, out, told string) {
	t.Helper()
	if r.status != status {
		t.Errorf("got exit status %d, want %d; it told %q", r.status, status, r.err)
	}
	if r.out != out {
		t.Errorf("got on standard output\n%s\nwant\n%s", r.out, out)
	}
	if told == "" && r.err != "" || !strings.Contains(r.err, told) {
		t.Errorf("got on standard error %q, want %q", r.err, told)
	}
}

// objects reads a JSON object from each line.
func objects(t *testing.T, text string) (all []map[string]any) {
	t.Helper()
	for line := range strings.Lines(text) {
		var o map[string]any
		if err := json.Unmarshal([]byte(line), &o); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		all = append(all, o)
	}
	return all
}

// objectsOf reads a list of JSON objects.
func objectsOf(t *testing.T, text string) (all []map[string]any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &all); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return all
}
