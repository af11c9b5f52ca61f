package config

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// everyKind is a configuration that has each kind of table once, so that each
// key is looked up.
const everyKind = `[gateway]
id = "x"
[store]
path = "x"
[[bus]]
name = "b"
port = "/dev/x"
[[meter]]
name = "m"
bus = "b"
address = "000000000001"
profile = "p"
[[profile]]
name = "p"
[[profile.poll]]
every = "1m"
points = ["voltage"]
[[profile.history]]
of = "load"
points = ["voltage"]
[[point]]
name = "own"
di = "02A30001"
`

// keysRead gives every key that the program looks up.
func keysRead(t *testing.T) []string {
	t.Helper()
	read := map[string]bool{}
	for _, kind := range Kinds() {
		text := everyKind + "[[uplink]]\nname = \"u\"\nkind = \"" + kind + "\"\nbroker = \"ssl://x:1\"\nusername = \"u\"\n[[uplink.map]]\npoint = \"voltage.a\"\nto = \"5\"\n[[uplink.device]]\nmeter = \"m\"\n"
		c, _ := Parse("x.toml", text)
		for key := range c.doc.asked {
			read[key] = true
		}
	}
	var keys []string
	for key := range read {
		if !slices.ContainsFunc(tablesOf(read), func(table string) bool { return key == table }) {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}

// tablesOf gives those of the keys that are tables: others stand below them.
func tablesOf(keys map[string]bool) (tables []string) {
	for key := range keys {
		for other := range keys {
			if strings.HasPrefix(other, key+".") {
				tables = append(tables, key)
				break
			}
		}
	}
	return tables
}

// TestEveryKeyIsDocumented, and no other is.
func TestEveryKeyIsDocumented(t *testing.T) {
	b, err := os.ReadFile("../../../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string]bool{}
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z0-9_.]+)` \\|").FindAllStringSubmatch(string(b), -1) {
		if documented[m[1]] {
			t.Errorf("%s is documented twice", m[1])
		}
		documented[m[1]] = true
	}
	keys := keysRead(t)
	if len(keys) < 80 {
		t.Errorf("only %d keys were looked up: the test does not see all", len(keys))
	}
	for _, key := range keys {
		if !documented[key] {
			t.Errorf("docs/configuration.md lacks %s", key)
		}
		delete(documented, key)
	}
	for key := range documented {
		t.Errorf("docs/configuration.md has %s, which the program does not read", key)
	}
}

// TestConfigShowsEveryKey that a configuration has, with its secrets hidden.
func TestConfigShowsEveryKey(t *testing.T) {
	b, err := os.ReadFile("testdata/complete.toml")
	if err != nil {
		t.Fatal(err)
	}
	shown, err := Hide(string(b))
	if err != nil {
		t.Fatal(err)
	}
	before, after := findLines(string(b)), findLines(shown)
	for path := range before {
		if _, ok := after[path]; !ok {
			t.Errorf("config does not show %s", path)
		}
	}
	if !strings.Contains(shown, Hidden) {
		t.Error("no secret is hidden")
	}
}
