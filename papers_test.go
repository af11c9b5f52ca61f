package meterd_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode"
)

// paper is a document that a comment or another one names: a file, and a
// heading of it after #.
var paper = regexp.MustCompile(`([A-Za-z0-9_./-]+\.md)(#[A-Za-z0-9_-]+)?`)

// link is a link of a document to another one, to a file, or within itself.
var link = regexp.MustCompile(`\]\(([A-Za-z0-9_./-]*)(#[\p{L}\p{N}_-]+)?\)`)

// slug is what a heading is called in a link.
func slug(heading string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(strings.TrimSpace(heading)) {
		switch {
		case unicode.IsLetter(r), unicode.IsDigit(r), r == '-', r == '_':
			b.WriteRune(r)
		case r == ' ':
			b.WriteRune('-')
		}
	}
	return b.String()
}

// anchors are the headings of a document, and the anchors that it sets.
func anchors(t *testing.T, path string) map[string]bool {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]bool{}
	for line := range strings.Lines(string(b)) {
		if strings.HasPrefix(line, "#") {
			all[slug(strings.TrimLeft(line, "#"))] = true
		}
		for _, m := range regexp.MustCompile(`<a id="([^"]+)">`).FindAllStringSubmatch(line, -1) {
			all[m[1]] = true
		}
	}
	return all
}

// missing tells why a document, or its heading, is not there; "" if it is.
func missing(t *testing.T, from, name, anchor string) string {
	t.Helper()
	for _, dir := range []string{filepath.Dir(from), ".", "docs"} {
		path := filepath.Join(dir, name)
		if name == "" {
			path = from
		}
		if _, err := os.Stat(path); err != nil {
			continue
		}
		if a := strings.TrimPrefix(anchor, "#"); a != "" && !anchors(t, path)[a] {
			return path + " has no " + anchor
		}
		return ""
	}
	return "there is no " + name
}

// TestPapersThatCommentsCiteAreThere: what a comment names can be read here.
func TestPapersThatCommentsCiteAreThere(t *testing.T) {
	seen := 0
	walk(t, ".go", func(path string) {
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, path, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, group := range file.Comments {
			for _, c := range group.List {
				for _, m := range paper.FindAllStringSubmatch(c.Text, -1) {
					seen++
					if why := missing(t, path, m[1], m[2]); why != "" {
						t.Errorf("%s: %s: %s", fset.Position(c.Pos()), m[0], why)
					}
				}
			}
		}
	})
	if seen < 5 {
		t.Errorf("only %d papers are cited: the search is wrong", seen)
	}
}

// TestLinksBetweenPapersLead somewhere: to a file, and to a heading of it. A
// document in Chinese leads to others in Chinese where there are such.
func TestLinksBetweenPapersLead(t *testing.T) {
	const english, chinese = ".md", ".zh-CN.md"
	seen := 0
	walk(t, ".md", func(path string) {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllStringSubmatch(string(b), -1) {
			if m[1]+m[2] == "" {
				continue
			}
			seen++
			to := path
			if m[1] != "" {
				to = filepath.Join(filepath.Dir(path), m[1])
			}
			if _, err := os.Stat(to); err != nil {
				t.Errorf("%s: %s: there is no %s", path, m[0], to)
				continue
			}
			if a := strings.TrimPrefix(m[2], "#"); a != "" && !anchors(t, to)[a] {
				t.Errorf("%s: %s: %s has no %s", path, m[0], to, m[2])
			}
			twin := strings.TrimSuffix(to, english) + chinese
			if _, err := os.Stat(twin); err == nil && twin != path && strings.HasSuffix(path, chinese) && !strings.HasSuffix(to, chinese) {
				t.Errorf("%s: %s: %s is in Chinese", path, m[0], twin)
			}
		}
	})
	if seen < 100 {
		t.Errorf("only %d links are seen: the search is wrong", seen)
	}
}

func walk(t *testing.T, ext string, visit func(path string)) {
	t.Helper()
	err := filepath.WalkDir(".", func(path string, e fs.DirEntry, err error) error {
		if e != nil && e.IsDir() && (e.Name() == "bin" || e.Name() == ".git" || e.Name() == "testdata") {
			return fs.SkipDir
		}
		if err == nil && !e.IsDir() && strings.HasSuffix(path, ext) {
			visit(path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// named is a test that a document names.
var named = regexp.MustCompile("`((?:Test|Fuzz|Benchmark)[A-Z][A-Za-z0-9]*)`")

// TestTestsThatPapersNameAreThere: who reads that a test holds something finds
// the test.
func TestTestsThatPapersNameAreThere(t *testing.T) {
	there := map[string]bool{}
	walk(t, "_test.go", func(path string) {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok {
				there[f.Name.Name] = true
			}
		}
	})
	seen := 0
	walk(t, ".md", func(path string) {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range named.FindAllStringSubmatch(string(b), -1) {
			if seen++; !there[m[1]] {
				t.Errorf("%s names %s, and there is none of that name", path, m[1])
			}
		}
	})
	if seen < 20 {
		t.Errorf("only %d tests are named: the search is wrong", seen)
	}
}

// partsOf gives the levels of a document's headings in their order, and how
// many fences of code it has.
func partsOf(t *testing.T, path string) (levels string, fences int) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		switch rest := strings.TrimLeft(line, "#"); {
		case strings.HasPrefix(line, "```"):
			fences++
		case fences%2 == 0 && len(rest) < len(line) && strings.HasPrefix(rest, " "):
			levels += strconv.Itoa(len(line) - len(rest))
		}
	}
	return levels, fences
}

// TestTwinsHaveTheSameParts: a document in English and its twin in Chinese have
// the same chapters and examples.
func TestTwinsHaveTheSameParts(t *testing.T) {
	for _, name := range []string{"README", "docs/install", "docs/integrate", "docs/tour", "docs/security", "docs/features", "docs/figures", "docs/platforms", "docs/record", "docs/updates", "docs/card"} {
		want, fences := partsOf(t, name+".md")
		if got, n := partsOf(t, name+".zh-CN.md"); got != want || n != fences {
			t.Errorf("%s.zh-CN.md has headings of the levels %s and %d fences, its twin has %s and %d", name, got, n, want, fences)
		}
	}
}
