package config

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

const minimal = `[gateway]
id = "gw1"
[store]
path = "/tmp/x.ring"
[[bus]]
name = "b1"
port = "/dev/ttyS1"
[[meter]]
name = "m1"
bus = "b1"
address = "202411200101"
profile = "three-phase"
`

func TestDefaults(t *testing.T) {
	c, problems := Parse("x.toml", minimal)
	if len(problems) != 0 {
		t.Fatal(problems)
	}
	b := c.Buses[0]
	if b.Timing.Baud != 2400 || b.Timing.Bits != 11 || b.Timing.Preamble != 4 || b.Timing.Timeout != time.Second || b.Timing.ByteTimeout != 500*time.Millisecond ||
		b.Timing.Gap != 30*time.Millisecond || b.Timing.Retries != 1 || b.Probe != 5*time.Minute {
		t.Errorf("bus %+v", b)
	}
	if c.Store.Size != 64<<20 || c.Store.Flush != 10*time.Second || c.Gateway.Zone.String() != "Asia/Shanghai" || c.Console.Socket != "/run/meterd.sock" {
		t.Errorf("%+v %+v %+v", c.Store, c.Gateway, c.Console)
	}
}

// TestMistakes reads testdata/*.toml. A comment "## words" at the end of a
// line wants a problem on that line that holds the words; "##w" a warning.
// No other problem may be told.
func TestMistakes(t *testing.T) {
	files, err := filepath.Glob("testdata/*.toml")
	if err != nil || len(files) < 3 {
		t.Fatal(files, err)
	}
	want := regexp.MustCompile(`##(w?) (.*)$`)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			_, problems := Parse(file, string(text))
			told := map[int]string{}
			for _, p := range problems {
				told[p.Line] += fmt.Sprintf("%s\n", p)
			}
			for i, line := range strings.Split(string(text), "\n") {
				m := want.FindStringSubmatch(line)
				got := told[i+1]
				delete(told, i+1)
				if m == nil {
					if got != "" {
						t.Errorf("line %d is fine, but: %s", i+1, got)
					}
					continue
				}
				for words := range strings.SplitSeq(m[2], " ; ") {
					if !strings.Contains(got, words) {
						t.Errorf("line %d: want %q, got %q", i+1, words, got)
					}
				}
				if m[1] == "w" && strings.Contains(got, ": error:") {
					t.Errorf("line %d: want a warning, got %s", i+1, got)
				}
			}
			for line, text := range told {
				t.Errorf("line %d does not exist, but: %s", line, text)
			}
		})
	}
}

// TestWhatWindowsWrites: a text with a byte order mark and its ends of lines is
// read as any other, and its lines are told right; UTF-16 is named.
func TestWhatWindowsWrites(t *testing.T) {
	text := strings.ReplaceAll(minimal, "\n", "\r\n")
	if _, problems := Parse("x.toml", "\ufeff"+text); len(problems) != 0 {
		t.Error(problems)
	}
	_, problems := Parse("x.toml", "\ufeff"+strings.Replace(text, "id =", "idd =", 1))
	lines := map[int]bool{}
	for _, p := range problems {
		lines[p.Line] = true
	}
	if !lines[2] {
		t.Errorf("the mistake in line 2 is told as %v", problems)
	}
	var wide strings.Builder
	for _, r := range "\ufeff" + text {
		wide.WriteByte(byte(r))
		wide.WriteByte(byte(r >> 8))
	}
	if _, problems := Parse("x.toml", wide.String()); len(problems) != 1 || !strings.Contains(problems[0].Text, "UTF-8") {
		t.Errorf("UTF-16 is told as %v", problems)
	}
}

func TestLinesOfKeys(t *testing.T) {
	text := `# a comment
a = 1
[x] # [y]
"b c" = "[not] # a table"
d = [ 1,
  2, # ] not the end
]
e = """
f = 7
"""
[[p]]
g = { h = 1, i = "}" }
[[p.q]]
j.k = 1
[[p]]
[[p.q]]
l = 'it''s'
`
	text = strings.Replace(text, "'it''s'", "'its'", 1)
	want := map[string]int{
		"a": 2, "x": 3, "x.b c": 4, "x.d": 5, "x.e": 8, "p": 11, "p[0].q": 13, "p[1].q": 16, "p[0]": 11, "p[0].g": 12, "p[0].q[0]": 13, "p[0].q[0].j": 14, "p[0].q[0].j.k": 14,
		"p[1]": 15, "p[1].q[0]": 16, "p[1].q[0].l": 17,
	}
	got := findLines(text)
	for path, line := range want {
		if got[path] != line {
			t.Errorf("%s is found in line %d, want %d", path, got[path], line)
		}
	}
	for path := range got {
		if _, ok := want[path]; !ok {
			t.Errorf("found %s, which is no key", path)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(minimal)
	for _, file := range []string{"testdata/mistakes.toml", "testdata/complete.toml"} {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, problems := Parse("f.toml", text)
		if c == nil && !Failed(problems) {
			t.Error("neither a configuration nor a mistake")
		}
		lines := strings.Count(text, "\n") + 1
		for _, p := range problems {
			if p.Line < 1 || p.Line > lines+1 {
				t.Errorf("%s: there are %d lines", p, lines)
			}
		}
	})
}
