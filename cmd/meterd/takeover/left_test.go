package takeover

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"meterd/cmd/meterd/config"
	"meterd/store"
)

// TestAnotherRingIsRefusedBeforeAnythingIsTakenOver, with what would stay behind
// in the one that runs, and not where nothing would.
func TestAnotherRingIsRefusedBeforeAnythingIsTakenOver(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "ring")
	r, err := store.Open(path, store.Options{Geometry: store.Geometry{Size: store.MinSize}, Flush: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for range 9 {
		if _, err := r.Append([]byte("a reading")); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		delivered uint64
		path      string
		want      string
	}{
		{4, filepath.Join(dir, "other"), "path is another one, and 5 readings in " + path + " are not delivered: they would stay there"},
		{4, path, ""},
		{9, filepath.Join(dir, "other"), ""},
	} {
		if err := r.SetCursor("u", c.delivered); err != nil {
			t.Fatal(err)
		}
		if err := r.Flush(); err != nil {
			t.Fatal(err)
		}
		text := func(path string) *config.Config {
			parsed, _ := config.Parse("meterd.toml", fmt.Sprintf("[gateway]\nid = \"gw\"\n[store]\npath = %q\n", path))
			return parsed
		}
		running, next := text(path), text(c.path)
		told := ""
		for _, p := range dryRun(next, running) {
			if strings.Contains(p.Text, "stay there") {
				told = p.Text
				if p.Warning || p.Hint == "" || p.Line != 4 {
					t.Errorf("%+v", p)
				}
			}
		}
		if !strings.Contains(told, c.want) || (c.want == "") != (told == "") {
			t.Errorf("%d delivered, path %s: told %q, want %q", c.delivered, c.path, told, c.want)
		}
	}
}
