package takeover

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestAFileOfSeveralPartsOnTheBoardItself: a table that was changed is another
// configuration, and what it takes the place of can be gone back to without it.
func TestAFileOfSeveralPartsOnTheBoardItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		put := func(name, text string) {
			t.Helper()
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		whole := named(dir, "old")
		head, _, _ := strings.Cut(whole, "[[meter]]")
		put("meterd.toml", head+"[[meters]]\nfile = \"meters.csv\"\nprofile = \"three-phase\"\nbus = \"b1\"\n")
		put("meters.csv", "name,address\nm1,202411200101\n")
		o := New(NewFiles(filepath.Join(dir, "meterd.toml")), discard())
		first, problems, err := o.First()
		if err != nil || len(problems) != 0 || len(first.Config.Meters) != 1 {
			t.Fatalf("the start gives %v, %v", problems, err)
		}
		o.Begin(first)
		propose := func() Proposal {
			t.Helper()
			a, err := Read(o.Files.Path)
			if err != nil {
				t.Fatal(err)
			}
			return o.Propose(t.Context(), Candidate{Text: a.Text, By: "console", Origin: a})
		}
		if p := propose(); !p.Same {
			t.Errorf("nothing has changed, and it gives %+v", p)
		}
		put("meters.csv", "name,address\nm1,202411200101\nm2,2411200102\n")
		if p := propose(); p.Accepted() || len(p.Problems) != 1 || p.Problems[0].File != "meters.csv" || p.Problems[0].Line != 3 {
			t.Errorf("a mistake in the table gives %+v", p)
		}
		put("meters.csv", "name,address\nm1,202411200101\nm2,202411200102\n")
		if p := propose(); !p.Accepted() {
			t.Fatalf("the table gives %+v", p)
		}
		time.Sleep(2 * changeAfter)
		next := o.Whole(<-o.Next())
		if len(next.Config.Meters) != 2 {
			t.Errorf("%d meters run", len(next.Config.Meters))
		}
		o.Begin(next)
		put("meters.csv", "garbage")
		if text, err := o.Files.back(); err != nil || strings.Contains(text, "202411200102") || !strings.Contains(text, "202411200101") {
			t.Errorf("back gives %v\n%s", err, text)
		}
	})
}
