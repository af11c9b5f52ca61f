package console

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// verb is a place in a message that is filled in.
var verb = regexp.MustCompile(`%(\[\d+\])?[-+#0-9.]*[a-z]`)

// messageOf gives a message as the documents write it: "…" for each place that
// is filled in.
func messageOf(literal string) string {
	return strings.ReplaceAll(verb.ReplaceAllString(literal, "…"), "%%", "%")
}

// messages gives the texts, by language, that functions named problems hand to
// add as what is wrong: the first dlt645.Text of each call.
func messages(t *testing.T) (all []map[string]string) {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && strings.HasSuffix(strings.ToLower(f.Name.Name), "problems") {
				all = append(all, added(t, f)...)
			}
		}
	}
	return all
}

// added gives what a function hands to add.
func added(t *testing.T, f *ast.FuncDecl) (all []map[string]string) {
	ast.Inspect(f, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok || len(call.Args) < 2 {
			return true
		}
		name := ""
		switch f := call.Fun.(type) {
		case *ast.SelectorExpr:
			name = f.Sel.Name
		case *ast.Ident:
			name = f.Name
		}
		lit, ok := call.Args[0].(*ast.CompositeLit)
		if name != "add" || !ok {
			return true
		}
		text := map[string]string{}
		for _, e := range lit.Elts {
			kv := e.(*ast.KeyValueExpr)
			s, err := strconv.Unquote(kv.Value.(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			text[kv.Key.(*ast.Ident).Name] = s
		}
		all = append(all, text)
		return true
	})
	return all
}

// TestProblemsAreDocumented: whoever stands at the cupboard finds each message
// of status in the guide to the installation, in its own language.
func TestProblemsAreDocumented(t *testing.T) {
	all := messages(t)
	if len(all) < 30 {
		t.Fatalf("only %d messages were found: the search is wrong", len(all))
	}
	for lang, path := range map[string]string{"EN": "../../../docs/install.md", "ZH": "../../../docs/install.zh-CN.md"} {
		page, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range all {
			if row := "| `" + messageOf(text[lang]) + "` |"; !strings.Contains(string(page), row) {
				t.Errorf("%s has no row for the message of status: %s", path, row)
			}
		}
	}
}
