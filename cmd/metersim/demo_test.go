package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// TestDemo runs the demo as a newcomer does, where there is no terminal, with
// each platform.
func TestDemo(t *testing.T) {
	atRealPace(t)
	binary := buildDaemon(t)
	for kind := range stages {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			picture := filepath.Join(t.TempDir(), "demo.svg")
			if status := run(t.Context(), []string{"demo", "-platform", kind, "-for", "20s", "-meterd", binary, "-picture", picture}); status != 0 {
				t.Errorf("exit status %d", status)
			}
			if b, err := os.ReadFile(picture); err != nil || !bytes.Contains(b, []byte("BROKER STOPPED")) {
				t.Errorf("no picture of the outage: %v", err)
			}
		})
	}
	if status := run(t.Context(), []string{"demo", "-platform", "nobody"}); status != 2 {
		t.Errorf("a platform that is none: exit status %d", status)
	}
}
