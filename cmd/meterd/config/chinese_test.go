package config

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"
)

// tellers are the functions that note a problem, with the places of its hint and
// of its format.
var tellers = map[string][2]int{"problem": {1, 2}, "note": {2, 3}, "wrong": {1, 2}, "tell": {1, 2}, "newProblem": {2, 3}}

// literalsTold gives each literal text that a problem is told with, by its place.
func literalsTold(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	told := map[string]string{}
	fset := token.NewFileSet()
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") || file == "chinese.go" {
			continue
		}
		parsed, err := parser.ParseFile(fset, file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		add := func(e ast.Expr) {
			if l, ok := e.(*ast.BasicLit); ok && l.Kind == token.STRING {
				if s, err := strconv.Unquote(l.Value); err == nil && s != "" {
					told[s] = fset.Position(l.Pos()).String()
				}
			}
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CallExpr:
				name := ""
				switch f := n.Fun.(type) {
				case *ast.Ident:
					name = f.Name
				case *ast.SelectorExpr:
					name = f.Sel.Name
				}
				if at, ok := tellers[name]; ok {
					for _, i := range at {
						if i < len(n.Args) {
							add(n.Args[i])
						}
					}
				}
				if name == "string" || name == "lookup" {
					add(n.Args[len(n.Args)-1])
				}
			case *ast.KeyValueExpr:
				if k, ok := n.Key.(*ast.Ident); ok && (k.Name == "format" || k.Name == "hint") {
					add(n.Value)
				}
			}
			return true
		})
	}
	return told
}

// TestEachMistakeIsToldInChinese: with the same words of the configuration in it.
func TestEachMistakeIsToldInChinese(t *testing.T) {
	told := literalsTold(t)
	if len(told) < 150 {
		t.Errorf("only %d texts are told: the search is wrong", len(told))
	}
	for text, at := range told {
		if _, ok := chinese[text]; !ok && fragments.Replace(text) == text {
			t.Errorf("%s: %q is not in chinese.go", at, text)
		}
	}
	verb := regexp.MustCompile(`%(\[[0-9]\])?[.0-9]*([a-z%])`)
	for en, zh := range chinese {
		var verbs [2][]string
		for i, s := range []string{en, zh} {
			for _, m := range verb.FindAllStringSubmatch(s, -1) {
				verbs[i] = append(verbs[i], m[2])
			}
			slices.Sort(verbs[i])
		}
		if !slices.Equal(verbs[0], verbs[1]) {
			t.Errorf("%q has other values than %q", zh, en)
		}
		if !strings.ContainsFunc(zh, func(r rune) bool { return unicode.Is(unicode.Han, r) }) && strings.ContainsFunc(strings.NewReplacer("%s", "", "%v", "", "broker", "", "rs485", "", "port", "", "power_fail", "", "public_key", "", "true or false", "").Replace(en), unicode.IsLetter) && !strings.Contains(en, "[") {
			t.Errorf("%q is not in Chinese: %q", en, zh)
		}
	}
}

func TestAMistakeInChinese(t *testing.T) {
	_, problems := Parse("m.toml", strings.Replace(strings.Replace(minimal, `"three-phase"`, `"three-fase"`, 1), `"202411200101"`, `"24112000101"`, 1)+"ct = \"1\"\n")
	var got []string
	for _, p := range problems {
		got = append(got, p.In("zh"))
	}
	want := []string{
		"m.toml:11: 错误: [[meter]] \"m1\"：表号 \"24112000101\" 有 11 位，应为 12 位数字\n  提示: 11 位：前面是否少了 0？较短的表号在左侧补 0：\"024112000101\"",
		"m.toml:12: 错误: [[meter]] \"m1\"：没有名为 \"three-fase\" 的 profile\n  提示: 是否应为 \"three-phase\"?",
		"m.toml:13: 错误: [[meter]] \"m1\"：ct 应为整数，实为带引号的文本",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
}

// TestWhatTheLibraryRefusesNeverRuns: a text that was mended for the rest of it
// to be checked is a mistake all the same.
func TestWhatTheLibraryRefusesNeverRuns(t *testing.T) {
	for _, c := range []struct{ from, to, want string }{
		{`"gw1"`, "gw1", "id: the text needs quotes"},
		{`"gw1"`, "“gw1”", "curly quotes"},
		{`"gw1"`, `"gw1`, "the quote is not closed"},
		{`id = `, `id ＝ `, "a wide sign of a Chinese keyboard: ＝"},
		{`id = `, "id\u3000= ", "an invisible character, U+3000"},
		{`id = `, "id\u200b = ", "an invisible character, U+200B"},
		{`"202411200101"`, "012411200101", "address: a number that begins with 0 needs quotes"},
		{`[[meter]]`, "[[meter]", "the bracket is not closed"},
		{`[[meter]]`, "【【meter】】", "a wide sign of a Chinese keyboard: 【"},
		{`[store]`, "[gateway]", "stands twice"},
	} {
		_, problems := Parse("m.toml", strings.Replace(minimal, c.from, c.to, 1))
		if len(problems) == 0 || !Unusable(problems) || !strings.Contains(problemsText(problems), c.want) {
			t.Errorf("%s for %s: got %v, want %q", c.to, c.from, problems, c.want)
		}
		if c.to != "[gateway]" && len(problems) != 1 {
			t.Errorf("%s for %s: more is told than that: %v", c.to, c.from, problems)
		}
	}
	many := strings.Repeat("x y\n", 1000)
	if c, problems := Parse("m.toml", many); c != nil || len(problems) != mostSlips+1 {
		t.Errorf("of many mistakes %d are told", len(problems))
	}
}

// TestWordsForTimeZones: those of China's people.
func TestWordsForTimeZones(t *testing.T) {
	for _, name := range []string{"UTC+8", "GMT+8", "CST", "Beijing", "beijing", "Asia/Beijing", "北京", "UTC + 8", "+08:00"} {
		_, problems := Parse("m.toml", strings.Replace(minimal, "[store]", "timezone = \""+name+"\"\n[store]", 1))
		if len(problems) != 1 || problems[0].Hint != `do you mean "Asia/Shanghai"?` {
			t.Errorf("%s: %v", name, problems)
		}
	}
	for _, name := range []string{"UTC", "Asia/Shanghai", "Europe/Berlin"} {
		if _, problems := Parse("m.toml", strings.Replace(minimal, "[store]", "timezone = \""+name+"\"\n[store]", 1)); len(problems) != 0 {
			t.Errorf("%s: %v", name, problems)
		}
	}
}

// TestAPlanThatNobodyCanKeepIsAMistake; one that is only full is a warning.
func TestAPlanThatNobodyCanKeepIsAMistake(t *testing.T) {
	for points, warning := range map[string]bool{`"voltage", "current", "power.active", "power.reactive", "power.factor", "energy.forward"`: false, `"voltage", "current", "power.active", "frequency"`: true} {
		text := strings.Replace(minimal, `"three-phase"`, `"p"`, 1) + "[[profile]]\nname = \"p\"\n[[profile.poll]]\nevery = \"1s\"\npoints = [" + points + "]\n"
		c, problems := Parse("m.toml", text)
		plan, crowding := c.Plan(problems)
		if len(problems) != 0 || len(crowding) != 1 || crowding[0].Warning != warning || crowding[0].Line != 5 {
			t.Errorf("%s: load %v, told %v, %v", points, plan, problems, crowding)
		}
	}
}
