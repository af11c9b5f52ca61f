package shown

import (
	"slices"
	"testing"
)

func TestRowsAreReadAndHeld(t *testing.T) {
	const page = "# Page\n\n## One\n\n| | topic | shown by |\n|---|---|---|\n| up | `a/{x}/b` | `TestOne` |\n| down | `c`, and the answers | no: a reason |\n| sub | `d/#` | |\n| over | `e` | `TestTwo` |\n| up | `g` | soon |\n| up | `h` | `TestOne` | more |\n\n## Two\n\n| up | `f` | `TestThree` |\n"
	want := []row{
		{"up", "a/{x}/b", "TestOne", ""}, {"down", "`c`, and the answers", "", "a reason"}, {"?", "| sub | `d/#` | |", "", ""},
		{"?", "| over | `e` | `TestTwo` |", "", ""}, {"up", "g", "", ""}, {"?", "| up | `h` | `TestOne` | more |", "", ""},
	}
	if got := rowsOf(page, "One"); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := rowsOf(page, "Two"); len(got) != 1 || got[0].test != "TestThree" {
		t.Errorf("got %q", got)
	}
	if len(rowsOf(page, "Three")) != 0 {
		t.Error("a section that is not there has rows")
	}
	r := row{direction: "up", topic: "a/{x}/b.c"}
	for line, want := range map[string]bool{"up a/1/b.c": true, "down a/1/b.c": false, "up a/1/2/b.c": false, "up a/1/bxc": false, "up a/1/b.c/d": false, "up a//b.c": false} {
		if r.is(line) != want {
			t.Errorf("%q is %v: %v", r.topic, line, !want)
		}
	}
}
