package dlt645

import (
	"flag"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var updateChinese = flag.Bool("update-chinese", false, "write the words of chinese.go")

// dictionary reads testdata/chinese.txt: a line for each word, in English as it is
// in the source, and in Chinese.
func dictionary(t *testing.T) map[string]string {
	b, err := os.ReadFile("testdata/chinese.txt")
	if err != nil {
		t.Fatal(err)
	}
	words := map[string]string{}
	for line := range strings.Lines(string(b)) {
		line = strings.TrimSuffix(line, "\n")
		if strings.HasPrefix(line, "#") {
			continue
		}
		en, zh, ok := strings.Cut(line, "|")
		if !ok || zh == "" || words[en] != "" {
			t.Errorf("%q is no line of English|Chinese, or the second of its word", line)
		}
		words[en] = zh
	}
	return words
}

// TestChineseWordsAreThoseOfTheDictionary: chinese.go holds them as they are found.
func TestChineseWordsAreThoseOfTheDictionary(t *testing.T) {
	words, lines := dictionary(t), map[string]string{}
	for en, zh := range words {
		key := chineseKey(en)
		if other, ok := lines[key]; ok {
			t.Errorf("%q has the key of %s: write one of them otherwise", en, other)
		}
		lines[key] = zh
	}
	var want strings.Builder
	for _, key := range slices.Sorted(maps.Keys(lines)) {
		want.WriteString(key + lines[key] + "\n")
	}
	if *updateChinese {
		writeChinese(t, want.String())
		return
	}
	if string(chineseWords) != want.String() {
		t.Error("chinese.go holds other words than testdata/chinese.txt; -update-chinese writes them anew")
	}
	for en, zh := range words {
		if got := chinese(en); got != zh {
			t.Errorf("%q is %q, want %q", en, got, zh)
		}
	}
	for _, number := range []string{"", "0", "7", "224"} {
		if got := chinese(number); got != number {
			t.Errorf("the number %q is %q", number, got)
		}
	}
}

func writeChinese(t *testing.T, words string) {
	b, err := os.ReadFile("chinese.go")
	if err != nil {
		t.Fatal(err)
	}
	before, _, _ := strings.Cut(string(b), "[]byte(`")
	if err := os.WriteFile("chinese.go", []byte(before+"[]byte(`"+words+"`)\n"), 0o666); err != nil {
		t.Fatal(err)
	}
}

// TestEachWordIsInTheDictionaryAndNoOther, of all names and sentences.
func TestEachWordIsInTheDictionaryAndNoOther(t *testing.T) {
	words, used := dictionary(t), map[string]bool{}
	sayEverything(Language{func(word string) string {
		if _, number := strconv.Atoi(word); word != "" && number != nil {
			used[word] = true
		}
		return word
	}})
	for word := range used {
		if words[word] == "" {
			t.Errorf("%q is not in testdata/chinese.txt", word)
		}
	}
	for word := range words {
		if !used[word] {
			t.Errorf("%q is in testdata/chinese.txt, and nothing is called so", word)
		}
	}
}

// sayEverything says all that there is to say.
func sayEverything(l Language) {
	for p, d := range directories {
		for _, e := range d.entries {
			for _, di := range e.ends(Protocol(p)) {
				l.NameOf(di)
				for i := range max(len(e.parts), len(loadParts)) {
					l.Name(Item{DI: di, Index: uint16(i)})
				}
				for _, digits := range []string{"0000", "FFFF", "0202", "0104", "0406"} {
					l.SetBits(Item{DI: di, Value: Value{Kind: Bits, Text: digits}})
				}
			}
		}
		for bit := range 17 {
			code := uint16(1) << bit
			l.Refusal(&Refusal{Protocol(p), []byte{byte(code)}})
			l.Refusal(&Refusal{Protocol(p), []byte{byte(code), byte(code >> 8)}})
		}
	}
	l.Refusal(&Refusal{})
	for f := range FieldValue + 1 {
		l.Field(f)
		for c := range 256 {
			b := byte(c)
			for _, data := range [][]byte{{b, 1, b, b, b, b}, {b, 0x99, 0x99, 0x99, 0, 0}, {b, b, 0x99, 0x99, 0, 0}, {b, b, b, 0x99, 0, 0}, {0xFF, 0xFF, 0xFF, 0xFF, 0, 0}} {
				n := fieldLen[f]
				if n == 0 {
					n = len(data)
				}
				l.Meaning(Part{Field: f, Data: data[:n]})
			}
		}
	}
}
