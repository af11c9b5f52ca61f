package panel

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"meterd/cmd/meterd/config"
	"meterd/cmd/meterd/console"
)

// patience is how long a test waits for what must come.
const patience = 20 * time.Second

// TestHelpIsAScreen holds the list of commands to 24 lines of 80 columns, with
// nothing cut.
func TestHelpIsAScreen(t *testing.T) {
	for _, lang := range []string{"en", "zh"} {
		p := &Panel{Config: &config.Config{Gateway: config.Gateway{Language: lang}}}
		dir := t.TempDir()
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- console.Serve(ctx, filepath.Join(dir, "sock"), p.Commands()) }()
		var out strings.Builder
		for end := time.Now().Add(patience); out.Len() == 0 && time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
			console.Ask(filepath.Join(dir, "sock"), console.Request{Command: []string{"help"}}, &out)
		}
		cancel()
		<-done
		lines := strings.Split(strings.TrimSpace(out.String()), "\n")
		if len(lines) < 20 || len(lines) > 21 { // and two of the console's own, and the prompt
			t.Errorf("%d lines:\n%s", len(lines), out.String())
		}
		for _, l := range lines {
			if strings.HasSuffix(l, "…") {
				t.Errorf("%s: cut: %s", lang, l)
			}
		}
	}
}

// TestCommandsAreDocumented holds docs/cli.md and its twin to the table of
// commands.
func TestCommandsAreDocumented(t *testing.T) {
	for _, paper := range []string{"../../../docs/cli.md", "../../../docs/cli.zh-CN.md"} {
		page, err := os.ReadFile(paper)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range (&Panel{Config: &config.Config{}}).Commands().List {
			if !regexp.MustCompile("`" + regexp.QuoteMeta(c.Name) + "[` ]").Match(page) {
				t.Errorf("%s has no row of %s", paper, c.Name)
			}
		}
	}
}
