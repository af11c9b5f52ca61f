package board

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestLinesKeepTheLast(t *testing.T) {
	l := NewLines(3)
	_, more := l.Since(0)
	for i := range 5 {
		l.Add(fmt.Sprint(i))
	}
	select {
	case <-more:
	default:
		t.Error("who waits is not told")
	}
	text := func(lines []Line) string {
		s := ""
		for _, x := range lines {
			s += fmt.Sprintf("%d:%s ", x.Number, x.Text)
		}
		return s
	}
	if got := text(l.Last(9)); got != "3:2 4:3 5:4 " {
		t.Errorf("the last: %s", got)
	}
	if got := text(l.Last(1)); got != "5:4 " {
		t.Errorf("the last one: %s", got)
	}
	if got, _ := l.Since(4); text(got) != "5:4 " {
		t.Errorf("since 4: %s", text(got))
	}
	if got, _ := l.Since(1); text(got) != "3:2 4:3 5:4 " {
		t.Errorf("since 1: %s", text(got))
	}
	l.Add(strings.Repeat("x", 10000))
	if n := len(l.Last(1)[0].Text); n > mostLine+len("…") {
		t.Errorf("a line of %d bytes is kept", n)
	}
}

// TestErrorsOnFlashAreFew: a storm of a day is a few hundred lines, of which
// the newest are kept in 64 KiB.
func TestErrorsOnFlashAreFew(t *testing.T) {
	f := &ErrorFile{Path: filepath.Join(t.TempDir(), "errors")}
	now := time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)
	for i := range 24 * 60 * 6 { // six a minute
		if err := f.Add(now, fmt.Sprintf("%s error %d %s", now.Format(time.TimeOnly), i, strings.Repeat("-", 100))); err != nil {
			t.Fatal(err)
		}
		now = now.Add(10 * time.Second)
	}
	total := int64(0)
	for _, path := range []string{f.Path, f.Path + ".1"} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		total += info.Size()
	}
	if total > 64<<10 {
		t.Errorf("%d bytes on flash, at most 64 KiB are allowed", total)
	}
	lines, err := f.Last(2)
	if err != nil || len(lines) != 2 || !strings.HasPrefix(lines[1], "(+5) ") {
		t.Errorf("%q, %v", lines, err)
	}
	all, _ := f.Last(1 << 20)
	if len(all) < 200 || len(all) > 64<<10/120 {
		t.Errorf("%d lines are kept", len(all))
	}
	if err := os.RemoveAll(filepath.Dir(f.Path)); err != nil {
		t.Fatal(err)
	}
	if err := f.Add(now.Add(time.Hour), "lost"); err == nil {
		t.Error("that it cannot be written is not told")
	}
}
