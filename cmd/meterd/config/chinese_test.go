package config

import (
	"fmt"
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
		"m.toml:12: 错误: [[meter]] \"m1\"：没有名为 \"three-fase\" 的 profile\n  提示: 是否应为 \"three-phase\"？",
		"m.toml:13: 错误: [[meter]] \"m1\"：ct 应为整数，实为带引号的文本\n  提示: 请写 ct = 1，不加引号",
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
		{`[[meter]]`, "[meter]]", "the bracket is not closed"},
		{`"gw1"`, `"gw1";`, "id: no ; stands after a value"},
		{`"gw1"`, `"gw1" // mine`, "id: a comment begins with #, not with //"},
		{`"gw1"`, `"gw1" mine`, "id: nothing but a # and a comment may stand after a value"},
		{`"gw1"`, `""gw1""`, "id: one pair of quotes is enough"},
		{`id = `, "id = = ", "id: one = is enough"},
		{`id = `, "my id = \"x\"\nid = ", "my id: a key is one word"},
		{`id = `, "网关 = 1\nid = ", "网关: a key is one word"},
		{`[[bus]]`, "[clock]\nset = Yes\n[[bus]]", "set: write true or false, in small letters"},
		{`[[bus]]`, "[clock]\nset = TRUE # always\n[[bus]]", "set: write true or false, in small letters"},
		{`[[meter]]`, "baud = 24OO\n[[meter]]", "baud: this is no number, and a text needs quotes"},
		{`[[meter]]`, "baud = 2400 bps\n[[meter]]", "baud: this is no number, and a text needs quotes"},
		{`[[meter]]`, "baud = 9,600\n[[meter]]", "baud: no commas stand in a number"},
		{`[[meter]]`, "timeout = 500ms\n[[meter]]", "timeout: this is no number, and a text needs quotes"},
		{`[store]`, "[board]\nled = \"C:\\data\"\n[store]", "led: a backslash is written twice between quotes"},
		{`[[meter]]`, "[[profile]]\nname = \"q\"\n[[profile.poll]]\nevery = \"1m\"\npoints = [voltage, current]\n[[meter]]", "points: each text of a list needs quotes, and a comma after it"},
		{`[[meter]]`, "[[profile]]\nname = \"q\"\n[[profile.poll]]\nevery = \"1m\"\npoints = [\"voltage\" \"current\"]\n[[meter]]", "points: each text of a list needs quotes, and a comma after it"},
		{`[[meter]]`, "[[profile]]\nname = \"q\"\n[[profile.poll]]\nevery = \"1m\"\npoints = \"voltage\", \"current\"\n[[meter]]", "points: a list stands in brackets: [ ]"},
		{`[[meter]]`, "[[profile]]\nname = \"q\"\n[[profile.poll]]\nevery = \"1m\"\npoints = \"voltage\"\n[[meter]]", "points must be a list of texts, but is a text in quotes"},
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

// TestWordsForBrokersAndAddresses: what people type for them, and what they mean.
func TestWordsForBrokersAndAddresses(t *testing.T) {
	broker := minimal + "[[uplink]]\nname = \"t\"\nkind = \"tuya\"\nusername = \"u\"\nbroker = \"%s\"\n[uplink.tuya]\nproduct_id = \"p\"\n"
	for _, c := range []struct{ broker, en, zh string }{
		{"192.168.1.10:1883", "begins with neither tcp:// nor ssl://\n  hint: do you mean \"tcp://192.168.1.10:1883\"?", "不以 tcp:// 或 ssl:// 开头\n  提示: 是否应为 \"tcp://192.168.1.10:1883\"？"},
		{"http://host:1883", "begins with neither tcp:// nor ssl://\n  hint: write ssl://host:port or tcp://host:port", "不以 tcp:// 或 ssl:// 开头"},
		{"ssl://host", "lacks host or port: want ssl://host:port\n  hint: do you mean \"ssl://host:8883\"?", "缺少主机或端口：应为 ssl://主机:端口"},
		{"tcp://host:99999", "lacks host or port: 99999 is not one of 1 to 65535", "缺少主机或端口：99999 不在 1 至 65535 之间"},
		{"tcp：//host:1883", "a wide sign of a Chinese keyboard: ：\n  hint: do you mean \"tcp://host:1883\"?", "用了全角符号：："},
		{"mqtts://host:8883", "begins with mqtts://, and is taken as ssl://host:8883", "以 mqtts:// 开头，按 ssl://host:8883 处理"},
		{"tcp://host:8883", "is reached without TLS, at the port of TLS", "不用 TLS，却是 TLS 的端口"},
	} {
		_, problems := Parse("m.toml", fmt.Sprintf(broker, c.broker))
		if len(problems) != 1 || !strings.Contains(problems[0].In("en"), c.en) || !strings.Contains(problems[0].In("zh"), c.zh) {
			t.Errorf("%s: %v", c.broker, problems)
		}
	}
	for address, hint := range map[string]string{"2024 1120 0101": `do you mean "202411200101"?`, "２０２４１１２００１０１": `do you mean "202411200101"?`, "20241120010": "11 digits: is a zero missing in front?", "2024112001011": "12 digits, as printed on the meter"} {
		_, problems := Parse("m.toml", strings.Replace(minimal, "202411200101", address, 1))
		if len(problems) != 1 || !strings.HasPrefix(problems[0].Hint, hint) {
			t.Errorf("%s: %v, want %s", address, problems, hint)
		}
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
