package config

import (
	"fmt"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
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

// papers are the documents of the keys, in both languages.
var papers = []string{"../../../docs/configuration.md", "../../../docs/configuration.zh-CN.md"}

// keyRow is a row of one: a key and its default.
var keyRow = regexp.MustCompile("(?m)^\\| `([a-z0-9_.]+)` \\| (.*?) \\|")

// documented gives what a paper says of the default of each key.
func documented(t *testing.T, paper string) map[string]string {
	t.Helper()
	b, err := os.ReadFile(paper)
	if err != nil {
		t.Fatal(err)
	}
	defaults := map[string]string{}
	for _, m := range keyRow.FindAllStringSubmatch(string(b), -1) {
		if _, twice := defaults[m[1]]; twice {
			t.Errorf("%s has %s twice", paper, m[1])
		}
		defaults[m[1]] = m[2]
	}
	return defaults
}

// TestEveryKeyIsDocumented, and no other is.
func TestEveryKeyIsDocumented(t *testing.T) {
	keys := keysRead(t)
	if len(keys) < 80 {
		t.Errorf("only %d keys were looked up: the test does not see all", len(keys))
	}
	for _, paper := range papers {
		has := documented(t, paper)
		for _, key := range keys {
			if _, ok := has[key]; !ok {
				t.Errorf("%s lacks %s", paper, key)
			}
			delete(has, key)
		}
		for key := range has {
			t.Errorf("%s has %s, which the program does not read", paper, key)
		}
	}
}

// TestDocumentedDefaultsAreThePrograms: a configuration in which a key has the
// default that a paper names is the same as one without it.
func TestDocumentedDefaultsAreThePrograms(t *testing.T) {
	literal := regexp.MustCompile(`^[A-Za-z0-9_./:-]+$`) // others are in words
	words := []string{"required", "none", "nothing", "nameplate", "gateway.id", "product_id"}
	without := map[string]string{}
	for _, k := range kinds {
		without[k.name] = whole(t, k, "", "")
	}
	for _, paper := range papers {
		tried := 0
		for key, value := range documented(t, paper) {
			if !literal.MatchString(value) || slices.Contains(words, value) {
				continue
			}
			tried++
			of := "mqtt"
			if parts := strings.Split(key, "."); parts[0] == "uplink" && needed[parts[1]] != "" {
				of = parts[1]
			}
			for _, k := range kinds {
				if k.table != of {
					continue
				}
				if whole(t, k, key, value) != without[k.name] && whole(t, k, key, "'"+value+"'") != without[k.name] {
					t.Errorf("%s: %s is something else than %s unless it is given", paper, key, value)
				}
			}
		}
		if tried < 55 {
			t.Errorf("%s: only %d defaults were tried", paper, tried)
		}
	}
}

// needed is what the table of a kind of uplink must have.
var needed = map[string]string{
	"tuya": "product_id = 'p'\n", "onenet": "product_id = 'p'\ndevice = 'd'\naccess_key = 'bWV0ZXJzaW0='\n", "das": "product_id = 'p'\ndevice_id = 'd'\ndevice_secret = 's'\n",
	"iotkit": "product_key = 'p'\nproduct_secret = 's'\ndevice_name = 'd'\nmodel = 'm'\nsub_product_key = 'q'\nsub_model = 'n'\n",
}

// whole shows all that the program makes of a configuration with an uplink of
// some kind, in which a key has a value; "" where that is a mistake.
func whole(t *testing.T, k kind, key, value string) string {
	t.Helper()
	text := everyKind + "[[uplink]]\nname = 'u'\nkind = '" + k.name + "'\nbroker = 'ssl://x:1'\nusername = 'u'\n[uplink." + k.table + "]\n" + needed[k.table]
	for table := key; table != ""; {
		table = table[:max(0, strings.LastIndexByte(table, '.'))]
		head := regexp.MustCompile(`(?m)^\[+` + regexp.QuoteMeta(table) + `\]+\n`).FindString(text)
		if head == "" && strings.Contains(table, ".") {
			continue
		}
		if head == "" {
			head = "[" + table + "]\n"
			text += head
		}
		text = strings.Replace(text, head, head+key[len(table)+1:]+" = "+value+"\n", 1)
		break
	}
	c, problems := Parse("x.toml", text)
	if Failed(problems) {
		return ""
	}
	network, ntp := c.Network.Wanted(), c.Network.NTP // with its defaults
	c.Network = Network{}
	c.Profiles = c.Profiles[:1] // those that are built in follow
	all := shown(reflect.ValueOf([]any{*c, network, ntp, c.Uplinks[0].Make(Env{})}), nil)
	// Messages are counted from a random one, and that a key is there may be seen.
	return regexp.MustCompile(`\b(id|last|firstID|lastID|Speaks):\w+ `).ReplaceAllString(all, "")
}

// shown writes a value with all that it points to, except functions, the text
// that it was read from, and a pointer that leads back.
func shown(v reflect.Value, through []uintptr) string {
	switch v.Kind() {
	case reflect.Func, reflect.Chan, reflect.Invalid:
		return ""
	case reflect.Interface:
		return shown(v.Elem(), through)
	case reflect.Pointer:
		if v.IsNil() || slices.Contains(through, v.Pointer()) || v.Type() == reflect.TypeFor[*document]() || v.Type() == reflect.TypeFor[*time.Location]() {
			return ""
		}
		return shown(v.Elem(), append(through, v.Pointer()))
	case reflect.Struct:
		out := ""
		for i := range v.NumField() {
			out += v.Type().Field(i).Name + ":" + shown(v.Field(i), through) + " "
		}
		return "{" + out + "}"
	case reflect.Slice, reflect.Array:
		out := ""
		for i := range v.Len() {
			out += shown(v.Index(i), through) + ","
		}
		return "[" + out + "]"
	case reflect.Map:
		var all []string
		for at := v.MapRange(); at.Next(); {
			all = append(all, shown(at.Key(), through)+":"+shown(at.Value(), through))
		}
		slices.Sort(all)
		return fmt.Sprint(all)
	}
	return fmt.Sprintf("%v", v)
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
