package station

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"meterd/cmd/meterd/journal"
	"meterd/cmd/meterd/takeover"
	"meterd/store"
)

// plainStick is a directory in a stick's place.
type plainStick struct {
	dir    string
	visits int  // until it is pulled, where it is
	pulled bool // at some time
}

func (s *plainStick) Visit(_ bool, f func(string) error) error {
	if s.pulled && s.visits == 0 {
		return errors.New("input/output error")
	}
	s.visits--
	return f(s.dir)
}

func (s *plainStick) put(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// report gives what was written, "" if nothing was.
func (s *plainStick) report(t *testing.T) string {
	t.Helper()
	synctest.Wait()
	all, err := filepath.Glob(filepath.Join(s.dir, "meterd-report-*"))
	if err != nil || len(all) > 1 {
		t.Fatal(all, err)
	}
	if len(all) == 0 {
		return ""
	}
	b, err := os.ReadFile(all[0])
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// stickText is a configuration of the line that the station of the tests has,
// with secrets; MORE is what a test adds.
const stickText = `[gateway]
id = "stick"
[store]
path = "DIR/x.ring"
size = "1MiB"
[console]
socket = "DIR/sock"
pin = "246813579"
[[bus]]
name = "b1"
port = "/dev/none"
[[meter]]
name = "m1"
bus = "b1"
address = "202411200101"
profile = "three-phase"
password = "02987654"
`

// newTestStation is a station whose configuration is in that file. Nothing of
// it runs.
func newTestStation(t *testing.T, file string) *Station {
	t.Helper()
	return New(Config{Version: "test", Built: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC), Files: takeover.NewFiles(file), Journal: journal.New(io.Discard, slog.LevelInfo)})
}

// newStickStation is a station that runs "good", all proved, and takes changes
// as a real one does, on lines that never open. Ran tells what came to run;
// prove has its trial end well.
func newStickStation(t *testing.T, usb string) (st *Station, ran func() []string, text string) {
	t.Helper()
	dir := t.TempDir()
	text = strings.ReplaceAll(stickText, "DIR", dir)
	good := strings.Replace(text, `"stick"`, `"good"`, 1) + usb
	st = newTestStation(t, filepath.Join(dir, "meterd.toml"))
	if err := os.WriteFile(st.Files.Path, []byte(good), 0o600); err != nil {
		t.Fatal(err)
	}
	first, problems, err := st.First()
	if err != nil {
		t.Fatal(err, problems)
	}
	ring, err := store.Open(filepath.Join(dir, "x.ring"), store.Options{Geometry: store.Geometry{Size: 1 << 20}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ring.Close() })
	st.ring = ring
	var mu sync.Mutex
	var names []string
	run := func(c takeover.Change) {
		st.enter(newShift(st, c.Config), c)
		mu.Lock()
		defer mu.Unlock()
		names = append(names, c.Config.Gateway.ID)
	}
	run(first)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-ctx.Done():
				return
			case c := <-st.takeover.Next():
				run(st.takeover.Whole(c))
			}
		}
	}()
	t.Cleanup(func() { cancel(); <-done })
	return st, func() []string {
		mu.Lock()
		defer mu.Unlock()
		return append([]string(nil), names...)
	}, text
}

// prove ends the trial: what it names has come up, or nothing within its time.
func prove(t *testing.T, st *Station, came bool) {
	t.Helper()
	st.takeover.Prove(t.Context(), func() (takeover.Came, takeover.Came) {
		return takeover.Came{Meter: came}, takeover.Came{Meter: true}
	})
}

// plug has the stick looked at, until the returned func pulls it.
func plug(t *testing.T, st *Station, s *plainStick, plugged bool) (pull func()) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		st.stick(ctx, "sda1", s, plugged)
	}()
	time.Sleep(2 * time.Second)
	synctest.Wait()
	return func() { cancel(); <-done }
}

func wants(t *testing.T, report string, words ...string) {
	t.Helper()
	for _, w := range words {
		if !strings.Contains(report, w) {
			t.Errorf("the report lacks %q:\n%s", w, report)
		}
	}
	for _, secret := range []string{"246813579", "02987654"} {
		if strings.Contains(report, secret) {
			t.Errorf("the report holds the secret %s:\n%s", secret, report)
		}
	}
	for line := range strings.Lines(report) {
		if !strings.HasSuffix(line, "\r\n") {
			t.Errorf("the line %q does not end as Windows wants it", line)
		}
	}
}

// TestAStickBringsAConfiguration: it is taken over, written with the one
// before beside it, and told of twice: at once, and when it has proved itself.
func TestAStickBringsAConfiguration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st, ran, text := newStickStation(t, "")
		s := &plainStick{dir: t.TempDir()}
		s.put(t, stickConfig, text)
		pull := plug(t, st, s, true)
		wants(t, s.report(t), "TAKEN OVER, ON TRIAL", "it goes back by itself", "what is running:", "meterd stick")
		if got := ran(); len(got) != 2 || got[1] != "stick" {
			t.Errorf("ran %v", got)
		}
		if b, _ := os.ReadFile(st.Files.Path); string(b) != text {
			t.Errorf("on flash is\n%s", b)
		}
		if b, _ := os.ReadFile(st.Files.Path + ".prev"); !strings.Contains(string(b), `id = "good"`) {
			t.Errorf("kept is\n%s", b)
		}
		prove(t, st, true)
		time.Sleep(2 * time.Second)
		wants(t, s.report(t), "result: TAKEN OVER\r\n")
		pull()
		if err := os.Remove(filepath.Join(s.dir, reportName("stick"))); err != nil {
			t.Fatal(err)
		}
		// The same once more is nothing to do.
		pull = plug(t, st, s, true)
		wants(t, s.report(t), "NOTHING TO DO", "runs already")
		pull()
		if got := ran(); len(got) != 2 {
			t.Errorf("ran %v", got)
		}
	})
}

// TestAStickWhoseConfigurationIsTakenBack: the report says why. Left in at a
// start it is not tried again, plugged in anew it is.
func TestAStickWhoseConfigurationIsTakenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st, ran, text := newStickStation(t, "")
		s := &plainStick{dir: t.TempDir()}
		s.put(t, stickConfig, text)
		pull := plug(t, st, s, true)
		prove(t, st, false)
		time.Sleep(2 * time.Second)
		wants(t, s.report(t), "TAKEN BACK", "no meter has answered")
		pull()
		if err := os.Remove(filepath.Join(s.dir, reportName("stick"))); err != nil {
			t.Fatal(err)
		}
		pull = plug(t, st, s, false)
		wants(t, s.report(t), "REFUSED", "taken back before")
		pull()
		if got := ran(); strings.Join(got, " ") != "good stick good" {
			t.Errorf("ran %v", got)
		}
		if err := os.Remove(filepath.Join(s.dir, reportName("good"))); err != nil {
			t.Fatal(err)
		}
		pull = plug(t, st, s, true)
		wants(t, s.report(t), "ON TRIAL")
		pull()
	})
}

func TestSticksThatAreRefused(t *testing.T) {
	for _, c := range []struct {
		what string
		usb  string
		make func(t *testing.T, s *plainStick, text string)
		want []string
	}{
		{"mistakes are told with their lines", "", func(t *testing.T, s *plainStick, text string) {
			s.put(t, stickConfig, strings.Replace(text, "address", "adress", 1))
		}, []string{"REFUSED", "meterd.toml:15: error", `unknown key "adress"`, `do you mean "address"`}},
		{"a syntax error hides the secret that it meets", "", func(t *testing.T, s *plainStick, text string) {
			s.put(t, stickConfig, strings.Replace(text, `"246813579"`, `246813579x`, 1))
		}, []string{"REFUSED", "meterd.toml:8: error"}},
		{"a port that does not open", "", func(t *testing.T, s *plainStick, text string) {
			s.put(t, stickConfig, strings.Replace(text, "/dev/none", "/dev/other", 1))
		}, []string{"REFUSED", `meterd.toml:9: error: [[bus]] "b1": port /dev/other does not open`}},
		{"a huge file", "", func(t *testing.T, s *plainStick, text string) {
			s.put(t, stickConfig, text+strings.Repeat("#", takeover.MostConfig))
		}, []string{"REFUSED", "at most 262144 are read"}},
		{"a directory", "", func(t *testing.T, s *plainStick, _ string) {
			if err := os.Mkdir(filepath.Join(s.dir, stickConfig), 0o700); err != nil {
				t.Fatal(err)
			}
		}, []string{"REFUSED", "is a directory"}},
		{"a symbolic link", "", func(t *testing.T, s *plainStick, text string) {
			s.put(t, "real", text)
			if err := os.Symlink("real", filepath.Join(s.dir, stickConfig)); err != nil {
				t.Fatal(err)
			}
		}, []string{"REFUSED", "symbolic link"}},
		{"no signature where one is asked for", signedBy, func(t *testing.T, s *plainStick, text string) {
			s.put(t, stickConfig, text)
		}, []string{"REFUSED", "usb.public_key is set, and meterd.toml.minisig is missing"}},
		{"the signature of another text", signedBy, func(t *testing.T, s *plainStick, text string) {
			s.put(t, stickConfig, text)
			s.put(t, stickSignature, signatureOfTest)
		}, []string{"REFUSED", "the signature is not of this text"}},
		{"bytes that are no text", "", func(t *testing.T, s *plainStick, _ string) {
			s.put(t, stickConfig, "\x00\xff\xfe\x01")
		}, []string{"REFUSED", "meterd.toml:1: error"}},
	} {
		t.Run(c.what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				st, ran, text := newStickStation(t, c.usb)
				before, _ := os.ReadFile(st.Files.Path)
				s := &plainStick{dir: t.TempDir()}
				c.make(t, s, text)
				pull := plug(t, st, s, true)
				wants(t, s.report(t), c.want...)
				pull()
				after, _ := os.ReadFile(st.Files.Path)
				if got := ran(); len(got) != 1 || string(after) != string(before) {
					t.Errorf("ran %v, on flash is\n%s", got, after)
				}
			})
		})
	}
}

const (
	signedBy        = "[usb]\npublic_key = \"RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3\"\n"
	signatureOfTest = "untrusted comment: signature from minisign secret key\nRUQf6LRCGA9i559r3g7V1qNyJDApGip8MfqcadIgT9CuhV3EMhHoN1mGTkUidF/z7SrlQgXdy8ofjb7bNJJylDOocrCo8KLzZwo=\ntrusted comment: timestamp:1633700835\tfile:test\tprehashed\nwLMDjy9FLAuxZ3q4NlEvkgtyhrr0gtTu6KC4KBJdITbbOeAi1zBIYo0v4iTgt8jJpIidRJnp94ABQkJAgAooBQ=="
)

func TestTheReportSpeaksChinese(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st, _, text := newStickStation(t, signedBy)
		st.onDuty().config.Gateway.Language = "zh"
		s := &plainStick{dir: t.TempDir()}
		s.put(t, stickConfig, text)
		pull := plug(t, st, s, true)
		wants(t, s.report(t), "结果: 已拒绝", "已设置 usb.public_key，但 meterd.toml.minisig 缺失", "当前运行：")
		s.put(t, stickSignature, signatureOfTest)
		pull()
		pull = plug(t, st, s, true)
		wants(t, s.report(t), "签名与文件或密钥不符")
		pull()
	})
}

// TestTheReportSpeaksAsTheNewConfiguration: a new board has no language yet, and who
// wrote the file on the stick reads what is wrong with it.
func TestTheReportSpeaksAsTheNewConfiguration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st, _, text := newStickStation(t, "")
		s := &plainStick{dir: t.TempDir()}
		text = strings.Replace(text, "[store]", "language = \"zh\"\n[store]", 1)
		s.put(t, stickConfig, strings.Replace(text, "address", "adress", 1))
		pull := plug(t, st, s, true)
		wants(t, s.report(t), "结果: 已拒绝", "提示: 是否应为 \"address\"？", "当前运行：")
		pull()
		s.put(t, stickConfig, strings.Replace(text, "/dev/none", "/dev/other", 1))
		pull = plug(t, st, s, true)
		wants(t, s.report(t), "端口 /dev/other 无法打开")
		pull()
		if err := os.Remove(filepath.Join(s.dir, reportName("good"))); err != nil {
			t.Fatal(err)
		}
		s.put(t, stickConfig, text)
		pull = plug(t, st, s, true)
		prove(t, st, false)
		time.Sleep(2 * time.Second)
		wants(t, s.report(t), "结果: 已恢复原配置")
		pull()
	})
}

// TestAStickWithoutAConfigurationIsLeftAlone: it belongs to somebody.
func TestAStickWithoutAConfigurationIsLeftAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st, _, _ := newStickStation(t, "")
		s := &plainStick{dir: t.TempDir()}
		plug(t, st, s, true)()
		if r := s.report(t); r != "" {
			t.Errorf("written onto it:\n%s", r)
		}
	})
}

// TestAStickThatIsPulledEarly harms nothing: what was read whole is taken over.
func TestAStickThatIsPulledEarly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st, ran, text := newStickStation(t, "")
		s := &plainStick{dir: t.TempDir(), pulled: true}
		plug(t, st, s, true)()
		if len(ran()) != 1 {
			t.Error("something runs that was not read")
		}
		s.visits = 1 // enough to read it
		s.put(t, stickConfig, text)
		plug(t, st, s, true)()
		if r := s.report(t); r != "" {
			t.Errorf("written past its time:\n%s", r)
		}
		if got := ran(); len(got) != 2 {
			t.Errorf("ran %v", got)
		}
	})
}

// TestAReportGoesNowhereElse: its name on the stick may be a trap.
func TestAReportGoesNowhereElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st, _, text := newStickStation(t, "")
		s := &plainStick{dir: t.TempDir()}
		s.put(t, stickConfig, strings.Replace(text, "address", "adress", 1))
		victim := filepath.Join(t.TempDir(), "victim")
		if err := errors.Join(os.WriteFile(victim, []byte("untouched"), 0o600), os.Symlink(victim, filepath.Join(s.dir, reportName("good")))); err != nil {
			t.Fatal(err)
		}
		plug(t, st, s, true)()
		if b, _ := os.ReadFile(victim); string(b) != "untouched" {
			t.Errorf("written over: %s", b)
		}
	})
	if got := reportName("电站/1 a+b"); got != "meterd-report-___1_a_b.txt" {
		t.Errorf("the report is named %s", got)
	}
}
