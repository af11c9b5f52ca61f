package config

import (
	"strings"
	"testing"
)

// TestWhatPeopleType: mistakes of somebody with Notepad or a telephone. Each is
// told once, at its line, with what would be right, in both languages.
func TestWhatPeopleType(t *testing.T) {
	const broker = "\n[[uplink]]\nname = \"t\"\nkind = \"tuya\"\nusername = \"u\"\nbroker = \"tcp://host:1883\"\n[uplink.tuya]\nproduct_id = \"p\"\n"
	const second = "[[meter]]\nname = \"m2\"\nbus = \"b1\"\naddress = \"202411200102\"\nprofile = \"three-phase\"\n"
	for _, c := range []struct{ from, to, en, zh string }{
		{`"202411200101"`, `"2O24112OO1O1"`, "holds a character that is no digit\n  hint: do you mean \"202411200101\"?", "含有非数字字符\n  提示: 是否应为 \"202411200101\"？"},
		{`"202411200101"`, `"No.202411200101"`, "hint: do you mean \"202411200101\"?", "是否应为 \"202411200101\"？"},
		{`"202411200101"`, "\"\u200b202411200101\"", "hint: do you mean \"202411200101\"?", "是否应为 \"202411200101\"？"},
		{`"202411200101"`, `"２０２４１１２００１０１"`, "a wide sign of a Chinese keyboard: ２\n  hint: do you mean \"202411200101\"?", "用了全角符号：２"},
		{`"202411200101"`, `"AAAAAAAAAAAA"`, "is not one meter's own\n  hint: 12 digits, as printed on the meter", "不是单块电表的地址"},
		{`"202411200101"`, `202411200101`, "but is a whole number\n  hint: write address = \"…\"", "实为整数\n  提示: 请写 address = \"…\""},
		{`address = `, `表号 = `, "表号: a key is one word of the letters a to z\n  hint: do you mean \"address\"?", "是否应为 \"address\"？"},
		{`profile = `, "ct = \"200/5\"\nprofile = ", "ct = \"200/5\" is no ratio\n  hint: a whole number: 60 for 300/5 A", "ct = \"200/5\" 不是变比\n  提示: 应为整数：300/5 A 写 60"},
		{`profile = `, "ct = 200/5\nprofile = ", "ct = \"200/5\" is no ratio\n  hint: a whole number: 60 for 300/5 A", "不是变比"},
		{`profile = `, "ct = \"40\"\nprofile = ", "hint: write ct = 40, without quotes", "请写 ct = 40，不加引号"},
		{`profile = `, "pt = 1,5\nprofile = ", "pt = \"1,5\" is no ratio", "不是变比"},
		{`profile = `, "pt = -10\nprofile = ", "pt = -10 is not between 1 and 100000", "pt = -10 不在 1 至 100000 之间"},
		{`port = `, "baud = \"9600\"\nport = ", "hint: write baud = 9600, without quotes", "请写 baud = 9600，不加引号"},
		{`port = `, "sync_clocks = \"yes\"\nport = ", "hint: write sync_clocks = true, without quotes", "请写 sync_clocks = true，不加引号"},
		{`profile = `, "allow = \"relay\"\nprofile = ", "hint: write allow = [\"…\"]", "请写 allow = [\"…\"]"},
		{`[store]`, "language = \"中文\"\n[store]", "language = \"中文\" is not known\n  hint: do you mean \"zh\"?", "是否应为 \"zh\"？"},
		{`"/dev/ttyS1"`, `"192.168.1.50:4001"`, "hint: do you mean \"tcp://192.168.1.50:4001\"?", "是否应为 \"tcp://192.168.1.50:4001\"？"},
		{`"/dev/ttyS1"`, `"\dev\ttyS1"`, "port: the folders of a path are parted by /, not by a backslash", "路径用 / 分隔"},
		{`"/tmp/x.ring"`, `'C:\data\x.ring'`, "is what Windows calls a path\n  hint: like \"/data/readings.ring\"", "是 Windows 的路径"},
		{`"/tmp/x.ring"`, `"x.ring"`, "does not begin with /", "不以 / 开头"},
		{`[[bus]]`, `[bus]`, "[[bus]] must be an array of tables\n  hint: write [[bus]], in double brackets, before each", "[[bus]] 应为表数组\n  提示: 请写 [[bus]]，用双方括号"},
		{`[[meter]]`, `[ [meter] ] # 一楼`, "[[meter]] must be an array of tables", "[[meter]] 应为表数组"},
		{`[[meter]]`, `[meter]]`, "the bracket is not closed", "方括号没有闭合"},
		{`[[bus]]`, "[gateway]\nlanguage = \"en\"\n[[bus]]", "[gateway] stands twice\n  hint: put the keys of both under one of them", "[gateway] 重复\n  提示: 请把两处的内容合并到一处"},
		{`[[bus]]`, second + "[[bus]]\nname = \"b0\"\nport = \"/dev/ttyS0\"\n[[bus]]", "", ""},
		{`[[meter]]`, second + "[[meter]]", "", ""},
		{`"tcp://host:1883"`, `"tcp://host:1883 "`, "broker ends or begins with a blank\n  hint: do you mean \"tcp://host:1883\"?", "broker 首尾有空格"},
	} {
		text := minimal + broker
		want := 1 + strings.Count(text[:max(strings.Index(text, c.from), 0)], "\n")
		_, problems := Parse("m.toml", strings.Replace(text, c.from, c.to, 1))
		if c.en == "" {
			if len(problems) != 0 {
				t.Errorf("%s: %v", c.to, problems)
			}
			continue
		}
		if len(problems) != 1 || problems[0].Line != want || !strings.Contains(problems[0].In("en"), c.en) || !strings.Contains(problems[0].In("zh"), c.zh) {
			for _, p := range problems {
				t.Errorf("%s: line %d: got\n%s\n%s\nwant line %d, %q, %q", c.to, p.Line, p.In("en"), p.In("zh"), want, c.en, c.zh)
			}
			if len(problems) == 0 {
				t.Errorf("%s: nothing is told", c.to)
			}
		}
	}
}

// TestSingleBracketsEverywhere: people who write [meter] write it for each meter.
// None of them is told to be left out, and the rest is checked.
func TestSingleBracketsEverywhere(t *testing.T) {
	text := strings.ReplaceAll(minimal, "[[", "[")
	text = strings.ReplaceAll(text, "]]", "]") + "[meter]\nname = \"m2\"\nbus = \"b1\"\naddress = \"202411200101\"\nprofile = \"three-phase\"\n"
	c, problems := Parse("m.toml", text)
	told := problemsText(problems)
	if c == nil || len(c.Meters) != 2 || len(problems) != 4 || strings.Count(told, "must be an array of tables") != 3 || !strings.Contains(told, "belongs to meter \"m1\" already") {
		t.Errorf("got %s", told)
	}
	_, problems = assembled("[meters]\nfile = \"meters.csv\"\n"+common, map[string]string{"meters.csv": "name,address,bus,profile\nm,202411200101,b1,three-phase\n"}).Parse(nothingBeside)
	if told := problemsText(problems); len(problems) != 1 || !strings.Contains(told, "m.toml:1") && !strings.Contains(told, "meterd.toml:1: error: [[meters]] must be an array of tables") {
		t.Errorf("got %s", told)
	}
}

// TestWhatIsNoText: nothing more is told of a file that says nothing.
func TestWhatIsNoText(t *testing.T) {
	for text, want := range map[string]string{
		"PK\x03\x04\x14\x00":                   "it is a workbook or an archive under another name, and no text\n  hint: save it as plain text: in Notepad, with the ending .toml",
		"\xa4@\xb8\xb9\xbc\xd3\xff":            "it is neither UTF-8 nor UTF-16 nor GB18030",
		`{\rtf1\ansi [gateway]}`:               "it is a document of WordPad or Word, and no plain text",
		"<!DOCTYPE html>\n<body>id = 1</body>": "it is a web page, and no plain text",
	} {
		_, problems := assembled(text, nil).Parse(nothingBeside)
		if told := problemsText(problems); len(problems) != 1 || !Unusable(problems) || !strings.Contains(told, want) {
			t.Errorf("%q: got %s, want %s", text, told, want)
		}
	}
}

// TestTheLineOfAnotherMeterInChinese names the line as the rest of the sentence.
func TestTheLineOfAnotherMeterInChinese(t *testing.T) {
	_, problems := Parse("m.toml", minimal+"[[meter]]\nname = \"m2\"\nbus = \"b1\"\naddress = \"202411200101\"\nprofile = \"three-phase\"\n")
	if len(problems) != 1 || !strings.Contains(problems[0].In("en"), "already, line 8") || !strings.Contains(problems[0].In("zh"), "第 8 行") {
		t.Errorf("got %v", problems)
	}
}

// TestIdsAsTheyAreCopied: with a blank at the end, or typed with a Chinese keyboard,
// they are warned of.
func TestIdsAsTheyAreCopied(t *testing.T) {
	for _, c := range []struct{ from, to, want string }{
		{`product_id = "p"`, `product_id = "p "`, "product_id ends or begins with a blank"},
		{`product_id = "p"`, `product_id = "ｐ"`, "a wide sign of a Chinese keyboard: ｐ"},
		{`username = "u"`, `username = "u１"`, "a wide sign of a Chinese keyboard: １"},
		{`product_id = "p"`, `product_id = "p"`, ""},
	} {
		text := minimal + "[[uplink]]\nname = \"t\"\nkind = \"tuya\"\nusername = \"u\"\nbroker = \"tcp://host:1883\"\n[uplink.tuya]\nproduct_id = \"p\"\n"
		_, problems := Parse("m.toml", strings.Replace(text, c.from, c.to, 1))
		got := ""
		for _, p := range problems {
			got += p.In("en")
		}
		if c.want == "" && got != "" || !strings.Contains(got, c.want) || Failed(problems) {
			t.Errorf("%s: %v, want a warning: %s", c.to, problems, c.want)
		}
	}
}
