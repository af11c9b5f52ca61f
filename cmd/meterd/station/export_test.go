package station

import (
	"crypto/rand"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"aead.dev/minisign"

	"meterd/cmd/meterd/report"
	"meterd/dlt645"
	"meterd/meter"
)

// readOnce puts a reading of the meter of the tests into the ring.
func readOnce(t *testing.T, st *Station) {
	t.Helper()
	st.onDuty().sink(meter.Reading{Meter: st.onDuty().config.Meters[0].Address, Time: time.Date(2026, 11, 20, 2, 15, 0, 0, time.UTC), Trusted: true,
		Values: []meter.PointValue{{Point: "voltage.a", Value: dlt645.Value{Kind: dlt645.Number, Dec: dlt645.Decimal{Coef: 2201, Scale: 1}}}}})
}

const exported = "meterd-export-good/202411200101-2026-11.csv"

// TestAStickAsksForData, with a file or a folder, alone or beside a configuration.
func TestAStickAsksForData(t *testing.T) {
	for _, c := range []struct {
		what string
		make func(t *testing.T, s *plainStick, text string)
		want []string
	}{
		{"a file", func(t *testing.T, s *plainStick, _ string) { s.put(t, "export", "") }, []string{"result: DATA WRITTEN", "data: 1 readings of 1 meters in 1 files, in the folder meterd-export-good"}},
		{"a file with a hidden ending", func(t *testing.T, s *plainStick, _ string) { s.put(t, "export.txt", "") }, []string{"DATA WRITTEN"}},
		{"a folder", func(t *testing.T, s *plainStick, _ string) {
			if err := os.Mkdir(filepath.Join(s.dir, "export"), 0o700); err != nil {
				t.Fatal(err)
			}
		}, []string{"DATA WRITTEN"}},
		{"with a refused configuration", func(t *testing.T, s *plainStick, text string) {
			s.put(t, "export", "")
			s.put(t, stickConfig, strings.Replace(text, "address", "adress", 1))
		}, []string{"result: REFUSED", "data: 1 readings", `unknown key "adress"`}},
	} {
		t.Run(c.what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				st, ran, text := newStickStation(t, "")
				readOnce(t, st)
				s := &plainStick{dir: t.TempDir()}
				c.make(t, s, text)
				pull := plug(t, st, s, true)
				defer pull()
				wants(t, s.report(t), c.want...)
				want := "\ufefftime,meter,source,voltage.a (V)\r\n2026-11-20 10:15:00,m1,live,220.1\r\n"
				if b, err := os.ReadFile(filepath.Join(s.dir, exported)); string(b) != want {
					t.Errorf("got %q, %v, want %q", b, err, want)
				}
				if got := ran(); len(got) != 1 {
					t.Errorf("ran %v", got)
				}
				wantsPage(t, filepath.Join(s.dir, "meterd-export-good", report.Name))
			})
		})
	}
}

// wantsPage wants the whole page for a browser, with the reading, the board, and
// no secret.
func wantsPage(t *testing.T, file string) {
	t.Helper()
	page, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"gateway":"good"`, `"name":"m1","address":"202411200101"`, `["voltage.a","220.1","V"]`, `"started":`, `"board_uptime_s":`, `<script type="application/json" id="end">true</script>`} {
		if !strings.Contains(string(page), want) {
			t.Errorf("the page has not %s", want)
		}
	}
	for _, secret := range []string{"246813579", "02987654"} {
		if strings.Contains(string(page), secret) {
			t.Errorf("the page holds the secret %s", secret)
		}
	}
}

// TestDataAreGivenToNobodyElse: not to a stick that was there at the start, not
// through a link, and where signatures are asked for to one with a signature of
// the word export alone.
func TestDataAreGivenToNobodyElse(t *testing.T) {
	public, private, err := minisign.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	sign := func(text, comment string) string {
		return string(minisign.SignWithComments(private, []byte(text), comment, ""))
	}
	usb := "[usb]\npublic_key = \"" + public.String() + "\"\n"
	for _, c := range []struct {
		what, usb string
		plugged   bool
		make      func(t *testing.T, s *plainStick)
		given     bool
		want      string // in the report; "": there is none
	}{
		{"left in at the start", "", false, func(t *testing.T, s *plainStick) { s.put(t, "export", "") }, false, ""},
		{"a folder that leads elsewhere", "", true, func(t *testing.T, s *plainStick) {
			s.put(t, "export", "")
			if err := os.Symlink(t.TempDir(), filepath.Join(s.dir, "meterd-export-good")); err != nil {
				t.Fatal(err)
			}
		}, false, "DATA NOT WRITTEN"},
		{"unsigned", usb, true, func(t *testing.T, s *plainStick) { s.put(t, "export", "export") }, false, "usb.public_key is set"},
		{"signed", usb, true, func(t *testing.T, s *plainStick) {
			s.put(t, "export", "export\n")
			s.put(t, "export.minisig", sign("export\n", "gateway:good date:2026-11-20T12:00:00Z"))
		}, true, "DATA WRITTEN"},
		{"signed for another board", usb, true, func(t *testing.T, s *plainStick) {
			s.put(t, "export", "export\n")
			s.put(t, "export.minisig", sign("export\n", "gateway:other date:2026-11-20T12:00:00Z"))
		}, false, `it is signed for gateway "other"`},
		{"a signed configuration for it", usb, true, func(t *testing.T, s *plainStick) {
			s.put(t, "export", "[gateway]\n")
			s.put(t, "export.minisig", sign("[gateway]\n", "gateway:good date:2026-11-20T12:00:00Z"))
		}, false, "must hold the word export"},
	} {
		t.Run(c.what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				st, _, _ := newStickStation(t, c.usb)
				readOnce(t, st)
				s := &plainStick{dir: t.TempDir()}
				c.make(t, s)
				pull := plug(t, st, s, c.plugged)
				defer pull()
				if c.want == "" {
					if r := s.report(t); r != "" {
						t.Errorf("written onto it:\n%s", r)
					}
				} else {
					wants(t, s.report(t), c.want)
				}
				if _, err := os.Stat(filepath.Join(s.dir, exported)); (err == nil) != c.given {
					t.Errorf("data given: %v, want %v", err == nil, c.given)
				}
			})
		})
	}
}
