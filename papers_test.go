package meterd_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"
)

// paper is a document that a comment or another one names: a file, and a
// heading of it after #.
var paper = regexp.MustCompile(`([A-Za-z0-9_./-]+\.md)(#[A-Za-z0-9_-]+)?`)

// link is a link of a document to another one, to a file, or within itself.
var link = regexp.MustCompile(`\]\(([A-Za-z0-9_./-]*)(#[^)\s]+)?\)`)

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

// TestLinksBetweenPapersLead somewhere: to a file, and to a heading of it; and
// those of a Chinese one to the Chinese twin where there is one.
func TestLinksBetweenPapersLead(t *testing.T) {
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
			twin := strings.TrimSuffix(to, ".md") + chinese
			if _, err := os.Stat(twin); err == nil && strings.HasSuffix(path, chinese) && twin != path {
				t.Errorf("%s: %s: there is %s", path, m[0], twin)
			}
		}
	})
	if seen < 100 {
		t.Errorf("only %d links are seen: the search is wrong", seen)
	}
}

// chinese ends the name of a document in Chinese.
const chinese = ".zh-CN.md"

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

// parts are the shape of a document.
type parts struct {
	levels string   // of its headings, in their order
	fences int      // of code
	rows   []string // of its tables: the code that each begins with
	lines  int      // of code that is indented
}

func partsOf(t *testing.T, path string) (p parts) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		switch rest := strings.TrimLeft(line, "#"); {
		case strings.HasPrefix(line, "```"):
			p.fences++
		case p.fences%2 == 1:
		case len(rest) < len(line) && strings.HasPrefix(rest, " "):
			p.levels += strconv.Itoa(len(line) - len(rest))
		case strings.HasPrefix(line, "    "):
			p.lines++
		case strings.HasPrefix(line, "| `"):
			cell, _, _ := strings.Cut(line[len("| "):], " | ")
			p.rows = append(p.rows, strings.ReplaceAll(cell, "、", ", "))
		}
	}
	return p
}

// TestTwinsHaveTheSameParts: a document in English and its twin in Chinese have
// the same chapters and examples.
func TestTwinsHaveTheSameParts(t *testing.T) {
	for _, name := range []string{"README", "docs/install", "docs/integrate", "docs/tour", "docs/security", "docs/features", "docs/figures", "docs/configuration", "docs/points", "docs/cli", "docs/platforms", "docs/record", "docs/updates", "docs/card"} {
		want, got := partsOf(t, name+".md"), partsOf(t, name+chinese)
		if got.levels != want.levels || got.fences != want.fences {
			t.Errorf("%s%s has headings of the levels %s and %d fences, its twin has %s and %d", name, chinese, got.levels, got.fences, want.levels, want.fences)
		}
	}
}

// TestTwinsNameTheSame keys, commands and examples, where one looks them up.
func TestTwinsNameTheSame(t *testing.T) {
	for _, name := range []string{"docs/configuration", "docs/points", "docs/cli", "docs/platforms", "docs/record", "docs/updates", "docs/card"} {
		want, got := partsOf(t, name+".md"), partsOf(t, name+chinese)
		if !slices.Equal(got.rows, want.rows) || got.lines != want.lines {
			t.Errorf("%s%s has %d lines of code and the rows\n%s\nits twin has %d and\n%s", name, chinese, got.lines, strings.Join(got.rows, "\n"), want.lines, strings.Join(want.rows, "\n"))
		}
	}
}

// TestTablesHaveTheirHeads: an empty line in a table ends it, and what follows
// would be shown as text.
func TestTablesHaveTheirHeads(t *testing.T) {
	walk(t, ".md", func(path string) {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(string(b), "\n")
		for i, line := range lines[1 : len(lines)-1] {
			if strings.HasPrefix(line, "| ") && !strings.HasPrefix(lines[i], "|") && !strings.HasPrefix(lines[i+2], "|--") {
				t.Errorf("%s:%d: %s has no head", path, i+2, line)
			}
		}
	})
}
