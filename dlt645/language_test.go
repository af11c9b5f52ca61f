package dlt645_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"meterd/dlt645"
)

// TestALanguageSaysItsHalfOfEachText.
func TestALanguageSaysItsHalfOfEachText(t *testing.T) {
	both := func(what string, text dlt645.Text, say func(dlt645.Language) string) {
		t.Helper()
		if en, zh := say(dlt645.English), say(dlt645.Chinese); en != text.EN || zh != text.ZH {
			t.Errorf("%s: got %q and %q, want %q", what, en, zh, text)
		}
		if zero := say(dlt645.Language{}); zero != text.EN {
			t.Errorf("%s: the zero value says %q, want %q", what, zero, text.EN)
		}
	}
	energy := dlt645.DI{Code: 0x00010203}
	both("identifier", dlt645.Text{EN: "forward active energy tariff 2, 3 settlement days back", ZH: "(上3结算日)正向有功电能(费率2)"},
		func(l dlt645.Language) string { return l.NameOf(energy) })
	demand := dlt645.Item{DI: dlt645.DI{Code: 0x01010000}, Index: 1}
	both("item", dlt645.Text{EN: "forward active maximum demand total time", ZH: "正向有功最大需量(总)时间"},
		func(l dlt645.Language) string { name, _ := l.Name(demand); return name })
	if name, ok := dlt645.English.Name(dlt645.Item{DI: dlt645.DI{Code: 0x99000001}}); ok || name != "" {
		t.Errorf("an unknown identifier is named %q", name)
	}
	word := dlt645.Item{DI: dlt645.DI{Code: 0x04000501}, Value: dlt645.Value{Kind: dlt645.Bits, Text: "0044"}}
	for i, want := range []dlt645.Bit{{Number: 2, Name: dlt645.Text{EN: "clock battery low", ZH: "时钟电池欠压"}}, {Number: 6, Name: dlt645.Text{EN: "bit 6", ZH: "第6位"}}} {
		both("bit", want.Name, func(l dlt645.Language) string { return l.SetBits(word)[i].Name })
		if got := dlt645.SetBits(word)[i]; got != want || dlt645.Chinese.SetBits(word)[i].Number != want.Number {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
	refusal := &dlt645.Refusal{Code: []byte{0x06}}
	both("refusal", dlt645.Text{EN: "no requested data, password error or not authorised", ZH: "无请求数据、密码错/未授权"},
		func(l dlt645.Language) string { return l.Refusal(refusal) })
	part := dlt645.Part{Field: dlt645.FieldFreezeTime, Data: []byte{0x30, 0x12, 0x99, 0x99}}
	both("part", dlt645.Text{EN: "each day at 12:30", ZH: "每日12:30"}, func(l dlt645.Language) string { return l.Meaning(part) })
	both("field", dlt645.FieldBaud.Text(), func(l dlt645.Language) string { return l.Field(dlt645.FieldBaud) })
	both("command", dlt645.CommandClose.Text(), func(l dlt645.Language) string { return l.Command(dlt645.CommandClose) })
	both("output", dlt645.OutputTariff.Text(), func(l dlt645.Language) string { return l.Output(dlt645.OutputTariff) })
}

// TestWhoAsksEnglishAloneHoldsNoChinese: two programs that do the same, in
// English, and in both languages.
func TestWhoAsksEnglishAloneHoldsNoChinese(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds two programs")
	}
	english, both := build(t, "english"), build(t, "both")
	words, err := os.ReadFile("testdata/chinese.txt")
	if err != nil {
		t.Fatal(err)
	}
	found, want := 0, 0
	for line := range strings.Lines(string(words)) {
		_, zh, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "|")
		if !ok || len(zh) < len("电能") || zh[0] < 0x80 {
			continue // too short to be nothing else
		}
		want++
		if bytes.Contains(english, []byte(zh)) {
			t.Errorf("the program that asks English alone holds %q", zh)
		}
		if bytes.Contains(both, []byte(zh)) {
			found++
		}
	}
	if found != want {
		t.Errorf("the program that asks both holds %d of %d words: what is looked for is not what it says", found, want)
	}
	if len(english) >= len(both) {
		t.Errorf("%d bytes in English, %d in both languages", len(english), len(both))
	}
	t.Logf("%d bytes in English, %d in both languages: %d more", len(english), len(both), len(both)-len(english))
}

// build gives the program of testdata/languages/NAME after it ran.
func build(t *testing.T, name string) []byte {
	path := filepath.Join(t.TempDir(), name)
	if out, err := exec.Command("go", "build", "-ldflags", "-s -w", "-o", path, "./testdata/languages/"+name).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	out, err := exec.Command(path, "FEFEFEFE680101201124206891063334343534553716").CombinedOutput()
	want := "A-phase voltage 220.1 V\n"
	if name == "both" {
		want = "A-phase voltage A相电压 220.1 V\n"
	}
	if err != nil || string(out) != want {
		t.Fatalf("%s: %v, got %q, want %q", name, err, out, want)
	}
	program, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return program
}
