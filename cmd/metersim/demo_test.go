package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// TestDemo runs the demo as a newcomer does, where there is no terminal.
func TestDemo(t *testing.T) {
	binary := buildDaemon(t)
	picture := filepath.Join(t.TempDir(), "demo.svg")
	if status := run(t.Context(), []string{"demo", "-for", "20s", "-meterd", binary, "-picture", picture}); status != 0 {
		t.Errorf("exit status %d", status)
	}
	if b, err := os.ReadFile(picture); err != nil || !bytes.Contains(b, []byte("BROKER STOPPED")) {
		t.Errorf("no picture of the outage: %v", err)
	}
}
