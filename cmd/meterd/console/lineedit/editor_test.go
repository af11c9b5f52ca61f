package lineedit

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"meterd/cmd/meterd/console/vttest"
)

const (
	left, right, up, down  = "\x1b[D", "\x1b[C", "\x1b[A", "\x1b[B"
	home, end, del         = "\x1b[1~", "\x1b[F", "\x1b[3~"
	wordLeft, wordRight    = "\x1bb", "\x1bf"
	backspace, kill, word  = "\x7f", "\x0b", "\x17"
	begin, wipe, interrupt = "\x01", "\x15", "\x03"
)

// typed is an editor with what was typed on it, and its screen.
type typed struct {
	*Editor
	screen *vttest.Screen
	lines  []string
	bytes  int // that the last key sent to the terminal
}

func newTyped(escapes bool) *typed {
	t := &typed{Editor: &Editor{Columns: 80, Escapes: escapes}, screen: vttest.New(80, 24)}
	t.screen.Escapes = escapes
	t.screen.Write([]byte(t.Start("gw> ")))
	return t
}

func (t *typed) keys(s string) {
	for _, c := range []byte(s) {
		out, ev := t.Feed(c)
		t.screen.Write([]byte(out))
		t.bytes = len(out)
		switch ev {
		case Line:
			t.lines = append(t.lines, t.Take())
			t.screen.Write([]byte(t.Start("gw> ")))
		case Interrupt:
			t.screen.Write([]byte(t.Start("gw> ")))
		case Clear: // the owner gives it an empty row
			t.screen.Write([]byte("\r\n" + t.Start("gw> ")))
		}
	}
}

func TestEditing(t *testing.T) {
	for _, c := range []struct{ name, keys, want string }{
		{"typed as it is", "status", "status"},
		{"a letter in the middle", "stus" + left + left + "at", "status"},
		{"Chinese letters are taken away whole", "一号楼" + backspace, "一号"},
		{"a letter between Chinese ones", "一号楼" + left + left + "x", "一x号楼"},
		{"home and end", "tatus" + home + "s" + end + "!", "status!"},
		{"Ctrl-A and Delete", "xstatus" + begin + del, "status"},
		{"Ctrl-K", "status all" + left + left + left + left + kill, "status"},
		{"Ctrl-W", "meter Unit" + word + "all", "meter all"},
		{"Ctrl-W over blanks", "meter Unit  " + word, "meter "},
		{"Ctrl-U", "what" + wipe + "status", "status"},
		{"word left and right", "read m1 voltage" + wordLeft + wordLeft + "x" + wordRight + "y", "read xm1y voltage"},
		{"arrows of the keypad's application mode", "ab\x1bOD" + "c", "acb"},
		{"Ctrl and arrow", "one two\x1b[1;5Dx", "one xtwo"},
		{"bytes that are no UTF-8 are left out", "sta\xfftus\x80", "status"},
		{"a character that is cut off", "a\xe4\xb8b", "ab"},
		{"a sequence that is not known", "a\x1b[99;99Xb", "ab"},
		{"a sequence that never ends", "a\x1b[" + strings.Repeat("1", 40) + "b", "a" + strings.Repeat("1", 26) + "b"},
		{"control characters are no letters", "a\x00\x1c\x1fb", "ab"},
		{"what has no width is no letter", "a\u200bb\u0301", "ab"},
		{"Ctrl-C gives up", "nonsense" + interrupt + "status", "status"},
		{"Delete at the end does nothing", "status" + del, "status"},
		{"Ctrl-D in a line deletes", "sxtatus" + home + right + "\x04", "status"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, escapes := range []bool{true, false} {
				ty := newTyped(escapes)
				ty.keys(c.keys)
				x, y := ty.screen.Cursor()
				if got, want := ty.screen.Line(y), strings.TrimRight("gw> "+c.want, " "); got != want {
					t.Errorf("escapes %v: the screen shows %q, want %q", escapes, got, want)
				}
				if want := 4 + Width(ty.Before()); x != want {
					t.Errorf("escapes %v: the cursor is in column %d, want %d", escapes, x, want)
				}
				if ty.keys("\r"); len(ty.lines) != 1 || ty.lines[0] != c.want {
					t.Errorf("escapes %v: got %q, want %q", escapes, ty.lines, c.want)
				}
				if len(ty.screen.Complaints) > 0 {
					t.Errorf("escapes %v: %v", escapes, ty.screen.Complaints)
				}
			}
		})
	}
}

func TestEnterIsOneKeyHoweverItIsSent(t *testing.T) {
	ty := newTyped(true)
	ty.keys("a\rb\nc\r\nd\r\r\n")
	if got, want := strings.Join(ty.lines, "|"), "a|b|c|d|"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestHistory(t *testing.T) {
	ty := newTyped(true)
	ty.keys("first\rsecond\rsecond\r  \rdraft" + up + up)
	if got := string(ty.line); got != "first" {
		t.Errorf("two up is %q, want first: blanks and repeats are not remembered", got)
	}
	ty.keys(up)
	if ty.screen.Bells != 1 {
		t.Errorf("beyond the oldest line: %d bells, want 1", ty.screen.Bells)
	}
	ty.keys(down + down)
	if got := string(ty.line); got != "draft" {
		t.Errorf("back down is %q, want the draft", got)
	}
	for range 3 * mostHistory {
		ty.keys("x\ry\r")
	}
	if len(ty.history) > mostHistory {
		t.Errorf("%d lines are remembered, want at most %d", len(ty.history), mostHistory)
	}
}

func TestSecretIsNeitherShownNorRemembered(t *testing.T) {
	ty := newTyped(true)
	ty.screen.Write([]byte("\r\n" + ty.StartSecret("PIN: ")))
	ty.keys("12" + left + "34" + up)
	if s := ty.screen.String(); strings.ContainsAny(s, "1234") {
		t.Errorf("the PIN is on the screen:\n%s", s)
	}
	ty.keys("\r" + up)
	if len(ty.lines) != 1 || ty.lines[0] != "1342" {
		t.Errorf("got %q", ty.lines)
	}
	if len(ty.history) != 0 {
		t.Errorf("remembered: %q", ty.history)
	}
}

// TestFewBytes bounds what one key sends: a byte takes 1 ms at 9600 baud.
func TestFewBytes(t *testing.T) {
	long := strings.Repeat("m", 60)
	for _, c := range []struct {
		name, before, key string
		most              int
	}{
		{"a letter at the end", "status", "x", 1},
		{"a Chinese letter at the end", "status", "号", 3},
		{"Backspace at the end", "status", backspace, 3},
		{"Backspace of a Chinese letter", "一号", backspace, 6},
		{"left", "status", left, 1},
		{"right", "status" + left, right, 1},
		{"home", long, home, 5},
		{"end", long + home, end, 5},
		{"a letter at the front of a long line", long + home + "\x06", "x", 66},
		{"Ctrl-U of a long line", long, wipe, 8},
		{"a letter that scrolls the row", strings.Repeat("ab", 37), "x", 80},
	} {
		ty := newTyped(true)
		ty.keys(c.before)
		total := 0
		for _, b := range []byte(c.key) {
			ty.keys(string([]byte{b}))
			total += ty.bytes
		}
		if total > c.most {
			t.Errorf("%s: %d bytes, want at most %d", c.name, total, c.most)
		}
	}
}

// TestScreenShowsTheLine types anything and holds the screen to the line.
func TestScreenShowsTheLine(t *testing.T) {
	pieces := []string{
		"a", "b", " ", "号", "楼", "é", left, right, up, down, home, end, del, wordLeft, wordRight, backspace, kill, word, wipe, "\r",
		strings.Repeat("x", 30), strings.Repeat("字", 20), "\xff", "\x1b",
	}
	rapid.Check(t, func(t *rapid.T) {
		ty := newTyped(rapid.Bool().Draw(t, "escapes"))
		for _, k := range rapid.SliceOfN(rapid.SampledFrom(pieces), 0, 40).Draw(t, "keys") {
			ty.keys(k)
			x, y := ty.screen.Cursor()
			shown := ty.screen.Line(y)
			if !strings.HasPrefix(shown, "gw>") || x > 79 || ty.screen.Wrapped > 0 || len(ty.screen.Complaints) > 0 {
				t.Fatalf("the screen is %q, cursor %d, wrapped %d, %v", shown, x, ty.screen.Wrapped, ty.screen.Complaints)
			}
			// What stands before the cursor on the screen stands before it in the line.
			before := strings.TrimPrefix(shownBefore(shown, x), "gw> ")
			if !strings.HasSuffix(ty.Before(), before) {
				t.Fatalf("before the cursor stands %q on the screen, %q in the line", before, ty.Before())
			}
			if Width(string(ty.line)) < 70 && strings.TrimRight(shown, " ") != strings.TrimRight("gw> "+string(ty.line), " ") {
				t.Fatalf("the screen shows %q, the line is %q", shown, string(ty.line))
			}
		}
	})
}

// shownBefore gives what stands in the first columns of a line.
func shownBefore(line string, columns int) string {
	var b strings.Builder
	put(&b, Cells(line + strings.Repeat(" ", columns))[:columns])
	return b.String()
}

func FuzzKeys(f *testing.F) {
	f.Add([]byte("status\r"), true)
	f.Add([]byte("一号楼"+left+backspace+up+"\r"), true)
	f.Add([]byte("\x1b[\x1b[1;5C\xe4\xb8\xff\x00"), false)
	f.Add([]byte(strings.Repeat("长", 100)+home+"x"), true)
	f.Fuzz(func(t *testing.T, keys []byte, escapes bool) {
		ty := newTyped(escapes)
		ty.keys(string(keys))
		if ty.screen.Wrapped > 0 || len(ty.screen.Complaints) > 0 {
			t.Errorf("wrapped %d, %v", ty.screen.Wrapped, ty.screen.Complaints)
		}
		if len(ty.line) > mostLine || len(ty.history) > mostHistory {
			t.Errorf("%d characters, %d lines of history", len(ty.line), len(ty.history))
		}
		x, _ := ty.screen.Cursor()
		if x > 79 {
			t.Errorf("the cursor is in column %d", x)
		}
	})
}
