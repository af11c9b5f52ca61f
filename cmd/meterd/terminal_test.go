package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"

	"meterd/cmd/meterd/console"
	"meterd/cmd/meterd/console/vttest"
)

func TestAbilityOfATerminal(t *testing.T) {
	for _, c := range []struct {
		name string
		env  map[string]string
		want console.Terminal
	}{
		{"init on a serial port says nothing", nil, console.Terminal{Escapes: true}},
		{"a dumb one", map[string]string{"TERM": "dumb", "LANG": "en_US.UTF-8"}, console.Terminal{UTF8: true}},
		{"a VT100", map[string]string{"TERM": "vt100"}, console.Terminal{Escapes: true}},
		{"xterm", map[string]string{"TERM": "xterm-256color", "LC_ALL": "zh_CN.utf8"}, console.Terminal{Escapes: true, Colors: true, UTF8: true}},
		{"xterm without colours", map[string]string{"TERM": "xterm", "NO_COLOR": "1", "LANG": "C"}, console.Terminal{Escapes: true}},
		{"LC_ALL goes before LANG", map[string]string{"TERM": "vt220", "LC_ALL": "zh_CN.GBK", "LANG": "zh_CN.UTF-8"}, console.Terminal{Escapes: true}},
	} {
		if got := ability(func(k string) string { return c.env[k] }); got != c.want {
			t.Errorf("%s: got %+v, want %+v", c.name, got, c.want)
		}
	}
}

// TestConsoleComesBackAfterAHangUp pulls the terminal out and plugs another
// one in under the same name.
func TestConsoleComesBackAfterAHangUp(t *testing.T) {
	dir := t.TempDir()
	tty := filepath.Join(dir, "tty")
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	var log strings.Builder
	go func() {
		done <- serveTerminal(ctx, tty, 9600, func() *console.Session { return newSession("", filepath.Join(dir, "sock"), "", dir) }, &log)
	}()
	for range 2 {
		master, slave, err := pty.Open()
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(slave.Name(), tty+".new"); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(tty+".new", tty); err != nil {
			t.Fatal(err)
		}
		screen := vttest.New(80, 24)
		master.SetReadDeadline(time.Now().Add(patience))
		buf := make([]byte, 1024)
		for !strings.HasSuffix(screen.String(), "meterd>\n") {
			n, err := master.Read(buf)
			if err != nil {
				t.Fatalf("no prompt: %v\n%s", err, screen)
			}
			screen.Write(buf[:n])
		}
		slave.Close()
		master.Close()
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
