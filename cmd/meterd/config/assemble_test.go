package config

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/quick"
	"unicode/utf16"
)

// assembled is what Assemble makes of main with these files beside it.
func assembled(main string, beside map[string]string) *Assembled {
	return Assemble("meterd.toml", []byte(main), func(name string) ([]byte, error) {
		text, ok := beside[name]
		if !ok {
			return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
		}
		return []byte(text), nil
	})
}

const common = `[gateway]
id = "gw1"
[store]
path = "/tmp/x.ring"
[[bus]]
name = "b1"
port = "/dev/ttyS1"
`

// TestATextIsMadeOfItsParts: each meter of a table is as if it had been written
// in the file itself, and a mistake is told where it was made.
func TestATextIsMadeOfItsParts(t *testing.T) {
	main := "[[include]] # of all boards\nfile = \"common.toml\"\n\n[[meters]]\nfile = \"meters.csv\"\nprofile = \"single-phase\"\n[clock]\nset = true\n"
	csv := "表号;名称;总线;Profile;CT;PT;允许;密码;max_power\r\n202411200101;一单元 101;b1;;60;;relay、set;02123456;26.4kW\r\n;;;;;;;;\r\n202411200102;\"二;102\";b1;three-phase;1;100;;;\r\n"
	a := assembled(main, map[string]string{"common.toml": common, "meters.csv": csv})
	c, problems := a.Parse(nothingBeside)
	if len(problems) != 0 {
		t.Fatal(problems)
	}
	var got []string
	for _, m := range c.Meters {
		got = append(got, fmt.Sprintf("%s %s %s %s %d/%d %v %X %v", m.Name, m.Address, m.Bus, m.Profile, m.CT, m.PT, m.Allow, m.Access.Password, m.MaxPower))
	}
	want := []string{"一单元 101 202411200101 b1 single-phase 60/1 [relay set] 02123456 26.4", "二;102 202411200102 b1 three-phase 1/100 [] 00000000 0"}
	if !slices.Equal(got, want) || !c.Clock.Set || c.Gateway.ID != "gw1" {
		t.Errorf("got %q, want %q", got, want)
	}
	if len(a.Parts) != 2 || a.Parts[0].Name != "common.toml" || a.Parts[1].Name != "meters.csv" {
		t.Errorf("parts %v", a.Parts)
	}
	// What is kept is whole: it needs nothing beside it.
	again, problems := Parse("meterd.toml", a.Text)
	if len(problems) != 0 || len(again.Meters) != 2 || again.Meters[1].Name != "二;102" {
		t.Errorf("the kept text gives %v", problems)
	}
}

func TestMistakesInParts(t *testing.T) {
	for _, c := range []struct{ what, main, common, csv, want string }{
		{"a zero that Excel has taken", "", "", "name,address,bus,profile\na,202411200101,b1,three-phase\nb,2411200102,b1,three-phase\n", "meters.csv:3: error: [[meter]] \"b\": address \"2411200102\" has 10 characters, want 12 digits\n  hint: 10 digits: is a zero missing in front?"},
		{"eleven digits", "", "", "name,address,bus,profile\nb,24112000102,b1,three-phase\n", "11 digits: is a zero missing in front?"},
		{"an exponent", "", "", "name,address,bus,profile\nb,2.02411E+11,b1,three-phase\n", "meters.csv:2: error: address \"2.02411E+11\" is a number with an exponent"},
		{"one address twice", "", "", "name,address,bus,profile\na,202411200101,b1,three-phase\nb,202411200101,b1,three-phase\n", `address 202411200101 on bus "b1" belongs to meter "a" already, meters.csv line 2`},
		{"an unknown column", "", "", "name,adress,bus\n", `meters.csv:1: error: there is no column "adress"`},
		{"a workbook under another name", "", "", "PK\x03\x04\x14\x00", "meters.csv:1: error: it is a workbook or an archive under another name, and no text\n  hint: save it from the spreadsheet anew, as CSV"},
		{"the same column twice", "", "", "name,名称\n", "two columns are name"},
		{"no headings", "", "", "a,202411200101,b1\n", "the first row names no column"},
		{"nothing", "", "", "\n", "the table holds no meter"},
		{"a cell without a heading", "", "", "name,address\na,202411200101,b1\n", `meters.csv:2: error: "b1" stands under no heading`},
		{"control characters", "", "", "name,address\n\"a\x1b[31m\",202411200101\n", "name holds characters that cannot be printed"},
		{"text that turns around", "", "", "name,address\na\u202eb,202411200101\n", "name holds characters that cannot be printed"},
		{"a huge cell", "", "", "name,address\n" + strings.Repeat("x", 1<<19) + ",202411200101\n", "name has 524288 bytes"},
		{"many rows", "", "", "name\n" + strings.Repeat("x\n", 100000), "more than 2048 meters"},
		{"no ratio", "", "", "name,ct\na,300/5\n", "ct = \"300/5\" is no ratio"},
		{"bytes", "", "", "\x00\x01\xff\xff", "meters.csv:1: error: it is neither UTF-8"},
		{"a mistake in an included file", "", strings.Replace(common, "[store]", "timezon = \"UTC\"\n[store]", 1), "", `common.toml:3: error: [gateway]: unknown key "timezon"`},
		{"a syntax error in an included file", "", strings.Replace(common, "[store]", "x\n[store]", 1), "", `common.toml:3: error: `},
		{"a file that is not there", "[[include]]\nfile = \"x.toml\"\n", "", "", "meterd.toml:1: error: [[include]]: x.toml cannot be read"},
		{"a file elsewhere", "[[include]]\nfile = \"../../etc/shadow\"\n", "", "", "is not a plain name"},
		{"an absolute path", "[[meters]]\nfile = \"/dev/zero\"\n", "", "", "is not a plain name"},
		{"no file", "[[include]]\n", "", "", "[[include]] lacks file"},
		{"an include in an include", "", "[[include]]\nfile = \"common.toml\"\n", "", "common.toml:1: error: [[include]]: a file that is included cannot include others"},
		{"a key that is none", "[[meters]]\nfile = \"meters.csv\"\nprofil = \"x\"\n", "", "", `[[meters]]: unknown key "profil"`},
		{"many files", strings.Repeat("[[meters]]\nfile = \"meters.csv\"\n", 17), "", "", "more than 16 files"},
	} {
		t.Run(c.what, func(t *testing.T) {
			beside := map[string]string{"common.toml": common, "meters.csv": "name,address,bus,profile\nm,202411200101,b1,three-phase\n"}
			if c.common != "" {
				beside["common.toml"] = c.common
			}
			if c.csv != "" {
				beside["meters.csv"] = c.csv
			}
			main := c.main
			if !strings.Contains(main, "common.toml") {
				main += "[[include]]\nfile = \"common.toml\"\n"
			}
			if !strings.Contains(main, "meters.csv") {
				main += "[[meters]]\nfile = \"meters.csv\"\n"
			}
			if c.what == "many files" {
				for i := range 17 {
					main = strings.Replace(main, `"meters.csv"`, fmt.Sprintf("%q", fmt.Sprint(i)), 1)
					beside[fmt.Sprint(i)] = beside["meters.csv"]
				}
			}
			_, problems := assembled(main, beside).Parse(nothingBeside)
			var told []string
			for _, p := range problems {
				told = append(told, p.String())
			}
			if all := strings.Join(told, "\n"); !Failed(problems) || !strings.Contains(all, c.want) || len(all) > 4<<20 {
				t.Errorf("got %.2000s\nwant %s", all, c.want)
			}
		})
	}
}

// TestACellThatCannotBeReadIsToldOnce, and what else is wrong in its row, too.
func TestACellThatCannotBeReadIsToldOnce(t *testing.T) {
	for what, c := range map[string]struct {
		row  string
		want int
	}{
		"rounded":        {"b,2.02411E+11,b1,three-phase", 1},
		"too long":       {"b,202411200102,b1," + strings.Repeat("x", mostCell+1), 1},
		"not printable":  {"b\u0001,202411200102,b1,three-phase", 1},
		"and another":    {"b,2.02411E+11,b2,three-phase", 2},
		"none is lacked": {"b,,b1,three-phase", 1},
	} {
		_, problems := assembled(common+"[[meters]]\nfile = \"meters.csv\"\n", map[string]string{"meters.csv": "name,address,bus,profile\na,202411200101,b1,three-phase\n" + c.row + "\n"}).Parse(nothingBeside)
		if len(problems) != c.want {
			t.Errorf("%s: got %v, want %d mistakes", what, problems, c.want)
		}
	}
}

// TestATableIsWrittenAsItIsRead: what meters -csv prints gives the same meters.
func TestATableIsWrittenAsItIsRead(t *testing.T) {
	text := common + `[[meter]]
name = "一, \"101\""
bus = "b1"
address = "000411200101"
profile = "three-phase"
protocol = "auto"
password = "02123456"
operator = "00000001"
ct = 60
max_power = "26.4kW"
allow = ["relay", "set"]
relay = { trip = "2A" }
[[meter]]
name = "m2"
bus = "b1"
address = "202411200102"
protocol = "1997"
profile = "single-phase"
`
	first, problems := Parse("meterd.toml", text)
	if len(problems) != 0 {
		t.Fatal(problems)
	}
	var b strings.Builder
	if err := WriteSheet(&b, first.Meters); err != nil {
		t.Fatal(err)
	}
	second, problems := assembled(common+"[[meters]]\nfile = \"m.csv\"\n", map[string]string{"m.csv": b.String()}).Parse(nothingBeside)
	if len(problems) != 0 {
		t.Fatal(problems, b.String())
	}
	var again strings.Builder
	if err := WriteSheet(&again, second.Meters); err != nil || again.String() != b.String() {
		t.Errorf("got %s, want %s", again.String(), b.String())
	}
	for i, m := range second.Meters {
		if got, want := fmt.Sprintf("%+v %s", *m.Handle, m.Profile), fmt.Sprintf("%+v %s", *first.Meters[i].Handle, first.Meters[i].Profile); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	if !strings.HasPrefix(b.String(), "\ufeffname,address,bus,profile,protocol,ct,password") || strings.Contains(b.String(), "pt") {
		t.Errorf("it begins with %.80q", b.String())
	}
}

// TestTextsOfOtherEditors: what is meant is read alike, whatever wrote it. The
// bytes of GBK are those of iconv.
func TestTextsOfOtherEditors(t *testing.T) {
	wide := func(order int) string {
		b := []byte{0xFF, 0xFE}
		if order == 1 {
			b = []byte{0xFE, 0xFF}
		}
		for _, u := range utf16.Encode([]rune("电表 A")) {
			if order == 1 {
				b = append(b, byte(u>>8), byte(u))
			} else {
				b = append(b, byte(u), byte(u>>8))
			}
		}
		return string(b)
	}
	for _, c := range []struct{ what, bytes, want, was string }{
		{"UTF-8", "电表", "电表", ""},
		{"UTF-8 with its mark", "\xef\xbb\xbf电表", "电表", ""},
		{"UTF-16, low byte first", wide(0), "电表 A", "UTF-16"},
		{"UTF-16, high byte first", wide(1), "电表 A", "UTF-16"},
		{"UTF-16 without a mark", "a\x00b\x00", "ab", "UTF-16"},
		{"GB 2312", "\xb5\xe7\xb1\xed\xa3\xac A", "电表， A", "GB18030"},
	} {
		got, was, ok := readable([]byte(c.bytes))
		if !ok || was != c.was || got != c.want {
			t.Errorf("%s: got %q in %q, %v", c.what, got, was, ok)
		}
	}
	for _, bytes := range []string{"\xb5", "\xff\xff\xff", "\x80\x80", "\xb5\x30", "a\xff\xfe"} {
		if got, was, ok := readable([]byte(bytes)); ok {
			t.Errorf("%q is read as %q in %s", bytes, got, was)
		}
	}
}

// TestEachCharacterOfGBK holds the computed rows to testdata/gbk.txt, in which
// stand the first and last characters of rows as Unicode's table CP936 has them.
func TestEachCharacterOfGBK(t *testing.T) {
	b, err := os.ReadFile(filepath.Join("testdata", "gbk.txt"))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for line := range strings.Lines(string(b)) {
		var code int
		var want string
		if _, err := fmt.Sscanf(line, "%X %s", &code, &want); err != nil {
			continue
		}
		n++
		if got, ok := gbText([]byte{byte(code >> 8), byte(code)}); !ok || got != want {
			t.Errorf("%X is %q, want %q", code, got, want)
		}
	}
	if n < 200 {
		t.Errorf("only %d characters", n)
	}
}

// TestAnyBytesAreBorne: whatever stands on a stick, something is told.
func TestAnyBytesAreBorne(t *testing.T) {
	f := func(main, part []byte) bool {
		a := assembled("[[include]]\nfile = \"a\"\n[[meters]]\nfile = \"b\"\n"+string(main), map[string]string{"a": string(part), "b": string(main)})
		_, problems := a.Parse(nothingBeside)
		return Failed(problems)
	}
	if err := quick.Check(f, nil); err != nil {
		t.Error(err)
	}
}

func FuzzSheet(f *testing.F) {
	f.Add("name,address\na,202411200101\n")
	f.Add("表号;名称\n=\"0012\";'a\n")
	f.Fuzz(func(t *testing.T, text string) {
		rows, problems := readSheet("m.csv", text)
		if len(rows) > mostRows || len(rows) == 0 && len(problems) == 0 {
			t.Errorf("%d rows, %d problems", len(rows), len(problems))
		}
		for _, r := range rows {
			for key, value := range r.cells {
				if strings.ContainsAny(value, "\n\r\x1b") {
					t.Errorf("%s = %q", key, value)
				}
			}
		}
	})
}

// TestWhatIsToldIsBounded: a thousand mistakes are enough, and no file with more
// of them runs, be all that is told a warning.
func TestWhatIsToldIsBounded(t *testing.T) {
	for _, text := range []string{minimal + strings.Repeat("[[meter]]\n", 5000), strings.Replace(minimal, "[[meter]]", strings.Repeat("[[uplink]]\nname = \" \"\npassword = \" \"\n", 2000)+"[[meter]]", 1)} {
		_, problems := Parse("m.toml", text)
		if len(problems) != mostProblems+1 || !Unusable(problems) || !strings.Contains(problems[mostProblems].Text, "more mistakes") {
			t.Errorf("%d problems, the last %v", len(problems), problems[len(problems)-1])
		}
	}
}

// TestAnUnknownColumnIsToldOnce, and not again for each cell under it.
func TestAnUnknownColumnIsToldOnce(t *testing.T) {
	main := "[[include]]\nfile = \"common.toml\"\n[[meters]]\nfile = \"meters.csv\"\nprofile = \"single-phase\"\n"
	_, problems := assembled(main, map[string]string{"common.toml": common, "meters.csv": "名称,表号,总线,楼层,电流互感器\na,202411200101,b1,3,60\nb,202411200102,b1,4,60\n"}).Parse(nothingBeside)
	if len(problems) != 1 || !strings.Contains(problemsText(problems), `there is no column "楼层"`) {
		t.Errorf("got %v", problems)
	}
}
