// Package shown holds docs/messages.md to the tests: each message of a
// platform's document names the test that shows it, or says why there is none.
package shown

import (
	"cmp"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"meterd/uplink/uplinktest"
)

// row is a line of the page.
type row struct{ direction, topic, test, reason string }

// Run holds the sections of a page to the tests of the package whose test runs
// it. Each test that a section names must be there. It is run once more, alone,
// and each topic that it is said to show must have passed then.
func Run(t *testing.T, page string, sections ...string) {
	t.Helper()
	if os.Getenv(uplinktest.HeardEnv) != "" {
		t.Skip("this is such a run")
	}
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	tests := testsHere(t)
	by := map[string][]row{}
	shows, without := 0, 0
	for _, section := range sections {
		rows := rowsOf(string(text), section)
		if len(rows) == 0 {
			t.Errorf("%s has no section %q", page, section)
		}
		for _, r := range rows {
			switch {
			case r.reason != "":
				without++
			case r.test == "":
				t.Errorf("%s %s is open: neither a test nor a reason", r.direction, r.topic)
			case !tests[r.test]:
				t.Errorf("%s %s: there is no test %s", r.direction, r.topic, r.test)
			default:
				shows++
				by[r.test] = append(by[r.test], r)
			}
			t.Logf("%-4s %-62s %s", r.direction, r.topic, cmp.Or(r.test, r.reason))
		}
	}
	t.Logf("%d messages: %d shown by %d tests, %d not applicable", shows+without, shows, len(by), without)
	for name, rows := range by {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			passed := heard(t, name)
			for _, r := range rows {
				if !slices.ContainsFunc(passed, r.is) {
					t.Errorf("%s %s did not pass", r.direction, r.topic)
				}
			}
		})
	}
}

var cell = regexp.MustCompile("^`([^`]*)`")

// rowsOf reads the table of a section.
func rowsOf(page, section string) (all []row) {
	_, rest, _ := strings.Cut(page, "\n## "+section+"\n")
	rest, _, _ = strings.Cut(rest, "\n## ")
	for _, line := range strings.Split(rest, "\n") {
		if !strings.HasPrefix(line, "|") || strings.HasPrefix(line, "|---") || strings.HasPrefix(line, "| | topic |") {
			continue
		}
		cells := strings.Split(strings.TrimSuffix(strings.TrimPrefix(line, "| "), " |"), " | ")
		if len(cells) != 3 || !slices.Contains([]string{"up", "down", "sub"}, cells[0]) {
			all = append(all, row{direction: "?", topic: line}) // open
			continue
		}
		r := row{direction: cells[0], topic: cells[1]}
		if m := cell.FindStringSubmatch(cells[1]); m != nil && m[0] == cells[1] {
			r.topic = m[1]
		}
		if m := cell.FindStringSubmatch(cells[2]); m != nil {
			r.test = m[1]
		}
		r.reason, _ = strings.CutPrefix(cells[2], "no: ")
		if r.reason == cells[2] {
			r.reason = ""
		}
		all = append(all, r)
	}
	return all
}

var place = regexp.MustCompile(`\\\{[a-z]+\\\}`)

// is reports whether a line of what passed is the row's message.
func (r row) is(line string) bool {
	direction, topic, _ := strings.Cut(line, " ")
	pattern := "^" + place.ReplaceAllString(regexp.QuoteMeta(r.topic), "[^/]+") + "$"
	return direction == r.direction && regexp.MustCompile(pattern).MatchString(topic)
}

// testsHere names the test functions of the package in this directory.
func testsHere(t *testing.T) map[string]bool {
	t.Helper()
	files, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, file := range files {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && strings.HasPrefix(fn.Name.Name, "Test") {
				names[fn.Name.Name] = true
			}
		}
	}
	return names
}

// heard runs a test alone and gives what passed in it.
func heard(t *testing.T, name string) []string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "heard")
	c := exec.CommandContext(t.Context(), os.Args[0], "-test.short", "-test.run", "^"+name+"$")
	c.Env = append(os.Environ(), uplinktest.HeardEnv+"="+file)
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(string(b)), "\n")
}
