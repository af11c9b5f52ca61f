package config

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"meterd/uplink"
)

// TestFilesThatAConfigurationNamesAreBounded: what is no regular file of some
// size ends the reading at once, and names its key and its path.
func TestFilesThatAConfigurationNamesAreBounded(t *testing.T) {
	dir := t.TempDir()
	fifo, large := filepath.Join(dir, "fifo"), filepath.Join(dir, "large")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(large, bytes.Repeat([]byte("x"), mostPEM+1), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"/dev/zero": "it is no regular file", fifo: "it is no regular file", dir: "it is no regular file", large: "it has more than 1048576 bytes",
		filepath.Join(dir, "none"): "no such file",
	} {
		for key, load := range map[string]func() error{
			"ca":   func() error { _, err := loadTLS(readPEM, path, "", "", "", false); return err },
			"cert": func() error { _, err := loadTLS(readPEM, "", path, path, "", false); return err },
		} {
			err := load()
			if file, ok := errors.AsType[*uplink.FileError](err); !ok || file.Key != key || file.Path != path || !strings.Contains(file.Err.Error(), want) {
				t.Errorf("%s = %s: %v, want %q", key, path, err, want)
			}
		}
	}
}
