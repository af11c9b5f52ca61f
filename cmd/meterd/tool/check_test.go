package tool

import (
	"crypto/sha256"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"meterd/cmd/meterd/config"
)

const (
	goodConfig = `[gateway]
id = "gw1"
[store]
path = "/tmp/x.ring"
[[bus]]
name = "b1"
port = "/dev/ttyS1"
[[meter]]
name = "m1"
bus = "b1"
address = "202411200101"
profile = "three-phase"
`
	goodPlan = `bus b1: 2400 baud, `
)

func configFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "meterd.toml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestCheckSaysAllThatIsWrongWithItsLine(t *testing.T) {
	typo := strings.Replace(goodConfig, "[store]", "timezon = \"UTC\"\n[store]", 1)
	for _, tt := range []struct {
		name, text string
		status     int
		out        []string // parts, in this order
		told       string   // FILE stands for the file
	}{
		{"nothing is wrong", goodConfig, 0, []string{goodPlan, " % of the line's time\n", "  m1 every 1m: 6 requests, 289 bytes, ", "  m1 every 15m: 4 requests, "}, ""},
		{"an unknown key", typo, 1, []string{`FILE:3: error: `, `unknown key "timezon"`, `do you mean "timezone"`}, "error: FILE: 1 mistake\n"},
		{"two mistakes", strings.Replace(typo, meter1, "2024", 1), 1, []string{`FILE:3: error: `, `FILE:12: error: `, `address "2024" has 4 characters`}, "error: FILE: 2 mistakes\n"},
		{"no TOML", "[gateway", 1, []string{"FILE:1: error: the bracket is not closed", "[gateway] lacks id", "there is no [[meter]]"}, "error: FILE: 5 mistakes\n"},
		{"the plan in Chinese", strings.Replace(goodConfig, "[store]", "language = \"zh\"\n[store]", 1), 0, []string{"占线路时间 ", "  m1 每 1m：6 个请求，289 字节，"}, ""},
		{"in Chinese", strings.Replace(typo, "[store]", "language = \"zh\"\n[store]", 1), 1, []string{`FILE:3: 错误: [gateway]：未知的键 "timezon"`, `提示: 是否应为 "timezone"？`}, "error: FILE：1 处错误\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			file := configFile(t, tt.text)
			r := run(Check, "", file)
			if r.status != tt.status {
				t.Errorf("got exit status %d, want %d", r.status, tt.status)
			}
			rest := r.out
			for _, part := range tt.out {
				_, after, ok := strings.Cut(rest, strings.ReplaceAll(part, "FILE", file))
				if !ok {
					t.Fatalf("got\n%s\nwant in it, in this order, %q", r.out, tt.out)
				}
				rest = after
			}
			if want := strings.ReplaceAll(tt.told, "FILE", file); r.err != want {
				t.Errorf("got on standard error %q, want %q", r.err, want)
			}
		})
	}
}

func TestCheckTellsScriptsProblemsAndPlan(t *testing.T) {
	r := run(Check, "", "-json", configFile(t, goodConfig))
	o := objects(t, r.out)[0]
	plan, _ := o["plan"].([]any)
	if r.status != 0 || o["ok"] != true || len(o["problems"].([]any)) != 0 || len(plan) != 1 {
		t.Errorf("got exit status %d and %s, want ok, no problems and the plan of one bus", r.status, r.out)
	}
	if bus := plan[0].(map[string]any); bus["bus"] != "b1" || bus["baud"] != 2400.0 {
		t.Errorf("got the plan %v, want that of b1 at 2400 baud", bus)
	}
	r = run(Check, "", "-json", configFile(t, strings.Replace(goodConfig, meter1, "2024", 1)))
	o = objects(t, r.out)[0]
	problems, _ := o["problems"].([]any)
	if r.status != 1 || o["ok"] != false || len(problems) != 1 {
		t.Fatalf("got exit status %d and %s, want one problem", r.status, r.out)
	}
	if p := problems[0].(map[string]any); p["line"] != 11.0 || p["warning"] != false || !strings.Contains(p["text"].(string), `address "2024" has 4 characters`) {
		t.Errorf("got the problem %v, want that of the address in line 11", p)
	}
}

func TestCheckWantsOneFileThatIsThere(t *testing.T) {
	run(Check, "").want(t, 2, "", "0 arguments are not what it takes")
	run(Check, "", "a", "b").want(t, 2, "", "2 arguments are not what it takes")
	none := filepath.Join(t.TempDir(), "none.toml")
	r := run(Check, "", none)
	if r.status != 1 || !strings.Contains(r.out, none+":1: error: ") || !strings.Contains(r.out, "no such file") {
		t.Errorf("got exit status %d and %s, want that there is no such file", r.status, r.out)
	}
}

func TestCheckTellsWhatAPlatformCannotHold(t *testing.T) {
	const cloud = `[[uplink]]
name = "cloud"
kind = "tuya"
broker = "tcp://127.0.0.1:1883"
username = "vendor01"
[uplink.tuya]
product_id = "pid01"
`
	file := configFile(t, goodConfig+cloud)
	r := run(Check, "", file)
	if want := "uplink cloud: negative values of power.active.total are withheld: the platform's 3 cannot hold them\n"; r.status != 0 || !strings.Contains(r.out, want) {
		t.Errorf("got exit status %d and\n%s\nwant in it %s", r.status, r.out, want)
	}
	chinese := configFile(t, strings.Replace(goodConfig, "[gateway]", "[gateway]\nlanguage = \"zh\"", 1)+cloud)
	if r, want := run(Check, "", chinese), "上行 cloud：power.active.total 的负值不上送：超出平台 3 的范围\n"; r.status != 0 || !strings.Contains(r.out, want) {
		t.Errorf("got exit status %d and\n%s\nwant in it %s", r.status, r.out, want)
	}
	o := objects(t, run(Check, "", "-json", file).out)[0]
	all, _ := o["withheld"].([]any)
	found := false
	for _, w := range all {
		m := w.(map[string]any)
		found = found || m["uplink"] == "cloud" && m["point"] == "power.active.total" && m["to"] == "3" && m["what"] == "negative values"
	}
	if !found || o["ok"] != true {
		t.Errorf("got %v", o)
	}
}

// TestCheckSaysWhatToSign: the trusted comment for a configuration and the files
// beside it that it names, which is read as it is written.
func TestCheckSaysWhatToSign(t *testing.T) {
	file := configFile(t, goodConfig+`[[uplink]]
name = "cloud"
kind = "tuya"
broker = "ssl://127.0.0.1:1883"
username = "vendor01"
ca = "/data/certs/ca.pem"
cert = "/data/certs/own.pem"
key = "/data/certs/own.pem"
[uplink.tuya]
product_id = "pid01"
`)
	dir := filepath.Dir(file)
	for _, name := range []string{"own.pem", "other.pem"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("test"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	r := run(Check, "", "-comment", file)
	s, err := config.ParseSigned(strings.TrimSuffix(r.out, "\n"))
	if err != nil || s == nil || r.status != 0 {
		t.Fatalf("got exit status %d, %q and %q: %v", r.status, r.out, r.err, err)
	}
	if s.Gateway != "gw1" || time.Since(s.Date) > time.Hour || time.Since(s.Date) < 0 || len(s.Files) != 1 || s.Files[0] != (config.SignedFile{Name: "own.pem", Hash: sha256.Sum256([]byte("test"))}) {
		t.Errorf("it says %v", s)
	}
	if r := run(Check, "", "-comment", configFile(t, goodConfig+"x = 1\n")); r.status != 1 || !strings.Contains(r.out, `unknown key "x"`) || strings.Contains(r.out, "gateway:") {
		t.Errorf("of one with a mistake it says %q", r.out)
	}
}

// TestCheckIsOnlyText: a configuration may come from anywhere.
func TestCheckIsOnlyText(t *testing.T) {
	evil := strings.ReplaceAll(goodConfig, `"m1"`, `"m\u001b[2J\u202e"`)
	for _, text := range []string{evil, strings.Replace(evil, meter1, "2024", 1), "[gateway]\nid = \"\x1b[2J\"", "[gate\x1b[2J"} {
		r := run(Check, "", configFile(t, text))
		if told := r.out + r.err; strings.ContainsAny(told, "\x1b\u202e") || r.out == "" {
			t.Errorf("of %q it tells %q", text, told)
		}
	}
}
