package report

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write page.gz anew")

// page puts the files of the page together, with a policy that lets its own
// style and script in and nothing else.
func page(t *testing.T) string {
	t.Helper()
	read := func(names ...string) string {
		var all []string
		for _, name := range names {
			b, err := os.ReadFile(filepath.Join("page", name))
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, strings.TrimSpace(string(b)))
		}
		return "\n" + strings.Join(all, "\n") + "\n"
	}
	hash := func(text string) string {
		sum := sha256.Sum256([]byte(text))
		return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
	}
	style := read("uplot/uPlot.min.css", "page.css")
	script := read("uplot/uPlot.iife.min.js", "page.js")
	if strings.Contains(script, "</script") || strings.Contains(style, "</style") {
		t.Fatal("the script or the style would end itself")
	}
	licence := read("uplot/LICENSE")
	return strings.NewReplacer("{{policy}}", "style-src "+hash(style)+"; script-src "+hash(script), "{{style}}", style, "{{script}}", script).Replace(
		strings.Replace(strings.TrimSpace(read("page.html")), "<head>", "<!-- The charts are drawn by uPlot 1.6.32, https://github.com/leeoniya/uPlot"+licence+"-->\n<head>", 1)) + "\n"
}

// TestThePageIsPacked holds what is flashed to the files in page/.
func TestThePageIsPacked(t *testing.T) {
	want := page(t)
	if *update {
		var b bytes.Buffer
		w, _ := gzip.NewWriterLevel(&b, gzip.BestCompression)
		io.WriteString(w, want)
		w.Close()
		if err := os.WriteFile("page.gz", b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		packed = b.Bytes()
	}
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(r)
	if err != nil || string(got) != want {
		t.Errorf("page.gz holds another page than page/ (%v); go generate ./cmd/meterd/report writes it anew", err)
	}
	for _, outside := range []string{"src=", "href=\"http", "url(", "@import", "fetch(", "XMLHttp", "WebSocket", "innerHTML", "insertAdjacentHTML", "document.write", "eval("} {
		if strings.Contains(strings.ReplaceAll(want, "https://github.com/leeoniya/uPlot", ""), outside) {
			t.Errorf("the page has %q", outside)
		}
	}
}
