package journal

import (
	"bytes"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"meterd/board"
	"meterd/cmd/meterd/config"
	"meterd/dlt645"
)

// configText is a configuration with secrets.
const configText = `[gateway]
id = "stick"
[store]
path = "DIR/x.ring"
[console]
pin = "246813579"
[[bus]]
name = "b1"
port = "/dev/none"
[[meter]]
name = "m1"
bus = "b1"
address = "202411200101"
profile = "three-phase"
password = "02987654"
`

func newTestLog(t *testing.T, more string, level slog.Level) (*slog.Logger, *Journal, *bytes.Buffer) {
	t.Helper()
	text := strings.ReplaceAll(configText, "DIR", t.TempDir()) + more
	c, problems := config.Parse("x.toml", text)
	if config.Failed(problems) {
		t.Fatal(problems)
	}
	var out bytes.Buffer
	j := New(&out, level)
	j.Use(c, text)
	return slog.New(j), j, &out
}

func TestOneLineAnEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, j, out := newTestLog(t, "", slog.LevelInfo)
		log.With("bus", "b1").Warn("meter offline", "meter", "Unit 101", "err", errors.New("no answer"))
		log.Info("meterd ends", "err", error(nil))
		log.Info("connected", "broker", "tcp://x/?pw=02987654")
		log.Info("command", "text", "two\nlines \x1b[2J \u202e", "at", time.Unix(0, 0))
		log.Debug("refused", "di", "02010100")
		want := `2000-01-01 08:00:00 WARN  meter offline bus=b1 meter="Unit 101" err="no answer"
2000-01-01 08:00:00 info  meterd ends
2000-01-01 08:00:00 info  connected broker="tcp://x/?pw=***"
2000-01-01 08:00:00 info  command text="two\nlines \x1b[2J \u202e" at="1970-01-01 08:00:00"
`
		if out.String() != want {
			t.Errorf("got\n%swant\n%s", out, want)
		}
		if n := len(j.lines.Last(100)); n != 4 {
			t.Errorf("%d lines are kept", n)
		}
	})
}

func TestTheLogSpeaksChinese(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, _, out := newTestLog(t, "", slog.LevelInfo)
		log.Handler().(*Journal).lang = "zh"
		log.Warn("meter offline", "meter", "m1", "why", dlt645.Text{EN: "silence", ZH: "无应答"})
		if want := "2000-01-01 08:00:00 WARN  电表离线 meter=m1 why=无应答\n"; out.String() != want {
			t.Errorf("got %q, want %q", out, want)
		}
	})
}

// TestAFloodIsCounted: of a thousand alike a few are told, then how many there
// were; what is about something else is told.
func TestAFloodIsCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, j, out := newTestLog(t, "", slog.LevelInfo)
		for i := range 1000 {
			log.Error("the port does not work", "bus", "b1", "n", i)
			time.Sleep(50 * time.Millisecond)
		}
		log.Error("the port does not work", "bus", "b2")
		time.Sleep(time.Minute)
		j.sweep(time.Now())
		lines := strings.Split(strings.TrimSpace(out.String()), "\n")
		if len(lines) != 5 || !strings.HasSuffix(lines[2], "n=2") || !strings.HasSuffix(lines[3], "bus=b2") || !strings.HasSuffix(lines[4], "bus=b1 n=999 (997 like it within a minute)") {
			t.Errorf("told:\n%s", out)
		}
		j.drain()
		if kept, err := j.Kept(100); err != nil || len(kept) != 5 {
			t.Errorf("%d errors are on flash, %v", len(kept), err)
		}
		// Debug is asked for on purpose, and never counted or kept.
		before := len(j.lines.Last(1000))
		loud, _, dumped := newTestLog(t, "", slog.LevelDebug)
		for range 100 {
			loud.Debug("frame", "bus", "b1")
		}
		if n := strings.Count(dumped.String(), "\n"); n != 100 || len(j.lines.Last(1000)) != before {
			t.Errorf("%d of 100 frames are told", n)
		}
	})
}

// TestAFloodOfSubjectsIsBounded: the memory of what was told is, too.
func TestAFloodOfSubjectsIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, j, out := newTestLog(t, "", slog.LevelInfo)
		for i := range 5000 {
			log.Warn("meter offline", "meter", i)
		}
		if n := len(j.bursts); n > mostBursts+1 {
			t.Errorf("%d are watched", n)
		}
		if n := strings.Count(out.String(), "\n"); n != mostBursts+burstTold {
			t.Errorf("%d lines", n)
		}
		time.Sleep(2 * time.Minute)
		j.sweep(time.Now())
		if n := len(j.bursts); n != 0 {
			t.Errorf("%d are watched a minute later", n)
		}
	})
}

// TestEveryMessageHasItsChinese looks for the messages in the source. Each is
// a text on its own, so that it can be looked up.
func TestEveryMessageHasItsChinese(t *testing.T) {
	used := map[string]bool{"errors cannot be kept on flash": true, "a reading is lost": true, "an event is lost": true}
	for _, dir := range []string{"../../../board", "../../../meter", "../../../store", "../../../uplink", ".."} {
		err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || strings.Contains(path, "test/") {
				return err
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
			if err != nil {
				return err
			}
			ast.Inspect(file, func(n ast.Node) bool {
				if text, ok := logged(n); ok {
					used[text] = true
					if chinese[text] == "" {
						t.Errorf("%s: the message %q has no Chinese", path, text)
					}
				}
				return true
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(used) < 30 {
		t.Errorf("only %d messages were found: the search is wrong", len(used))
	}
	for text := range chinese {
		if !used[text] {
			t.Errorf("nobody says %q any more", text)
		}
	}
}

// logged gives the message of a call such as log.Info("message", …).
func logged(n ast.Node) (string, bool) {
	call, ok := n.(*ast.CallExpr)
	if !ok || len(call.Args) == 0 {
		return "", false
	}
	sel, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || !slices.Contains([]string{"Info", "Warn", "Error", "told", "alarmed"}, sel.Sel.Name) {
		return "", false
	}
	lit, ok := call.Args[0].(*ast.BasicLit)
	if !ok || lit.Kind != token.STRING {
		return "", false
	}
	text, err := strconv.Unquote(lit.Value)
	return text, err == nil
}

// TestAFlashThatStandsStillHoldsNobodyUp: who logs goes on, and what the flash
// takes later is counted.
func TestAFlashThatStandsStillHoldsNobodyUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, j, out := newTestLog(t, "", slog.LevelInfo)
		for i := range 1000 { // nobody drains
			log.Error("no console", "meter", i)
		}
		if n := strings.Count(out.String(), "\n"); n != 1000 || len(j.toKeep) != mostToKeep {
			t.Errorf("%d lines are told, %d wait", n, len(j.toKeep))
		}
		j.drain()
		if kept, err := j.Kept(1000); err != nil || len(kept) == 0 || len(kept) > mostToKeep || !strings.HasPrefix(kept[0], "(+936) ") {
			t.Errorf("%d are kept, the first %q, %v", len(kept), kept[:1], err)
		}
	})
}

// TestAFlashThatFailsIsToldOnce, and not by the log itself.
func TestAFlashThatFailsIsToldOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, j, out := newTestLog(t, "", slog.LevelInfo)
		j.errors = &board.ErrorFile{Path: filepath.Join(t.TempDir(), "none", "errors")}
		for i := range 3 {
			log.Error("no console", "meter", i)
		}
		j.drain()
		if n := strings.Count(out.String(), "errors cannot be kept on flash"); n != 1 {
			t.Errorf("told %d times:\n%s", n, out)
		}
		if err := os.Mkdir(filepath.Dir(j.errors.Path), 0o700); err != nil {
			t.Fatal(err)
		}
		log.Error("no console", "meter", 4)
		j.drain()
		if kept, _ := j.Kept(10); len(kept) != 1 || !strings.HasPrefix(kept[0], "(+3) ") {
			t.Errorf("kept %q", kept)
		}
	})
}
