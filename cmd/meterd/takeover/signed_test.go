package takeover

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"aead.dev/minisign"

	"meterd/board"
	"meterd/cmd/meterd/config"
	"meterd/cmd/meterd/console"
)

// signer is somebody with a key.
type signer struct {
	public  string
	private minisign.PrivateKey
}

func newSigner(t *testing.T) signer {
	t.Helper()
	public, private, err := minisign.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	text, err := public.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	_, key, _ := strings.Cut(string(text), "\n")
	return signer{strings.TrimSpace(key), private}
}

func (s signer) sign(text, comment string) []byte {
	return minisign.SignWithComments(s.private, []byte(text), comment, "")
}

// TestWhomASignatureIsFor: what the trusted comment says is obeyed; that it says
// nothing is enough, unless the configuration that runs asks for more.
func TestWhomASignatureIsFor(t *testing.T) {
	s, other := newSigner(t), newSigner(t)
	const byMinisign = "timestamp:1633700835\tfile:meterd.toml\thashed"
	for _, c := range []struct {
		comment string
		board   bool // signed_for = "board"
		want    string
	}{
		{byMinisign, false, ""},
		{"", false, ""},
		{byMinisign, true, "names neither gateway nor date"},
		{"gateway:gw1 date:2026-11-29T12:00:00Z", false, ""},
		{"gateway:gw1 date:2026-11-29T12:00:00Z", true, ""},
		{"gateway:* date:2026-11-29T12:00:00Z", true, ""},
		{"gateway:gw2 date:2026-11-29T12:00:00Z", false, `it is signed for gateway "gw2", and this is "gw1"`},
		{"gateway:gw2 date:2026-11-29T12:00:00Z", true, `it is signed for gateway "gw2", and this is "gw1"`},
		{"gateway:GW1 date:2026-11-29T12:00:00Z", false, `it is signed for gateway "GW1"`},
		{"gateway:gw1", false, "is not understood: config: it has no date"},
		{"gateway:gw1 date:yesterday", false, "is not understood"},
	} {
		runs := &config.Config{Gateway: config.Gateway{ID: "gw1"}, USB: config.USB{PublicKey: s.public, SignedFor: c.board}}
		signed, err := Verify(runs, "text", s.sign("text", c.comment))
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q, signed_for board %v: %v, want %q", c.comment, c.board, err, c.want)
		}
		if told, ok := errors.AsType[*console.Told](err); err != nil && (!ok || !strings.Contains(told.Hint.EN, `minisign -Sm meterd.toml -t "gateway:gw1 date:`) || told.Text.ZH == "" || told.Hint.ZH == "") {
			t.Errorf("%q: it is told as %#v", c.comment, err)
		}
		if err == nil && (signed == nil) != !strings.HasPrefix(c.comment, "gateway:") {
			t.Errorf("%q says %v", c.comment, signed)
		}
		if _, err := Verify(runs, "text", other.sign("text", c.comment)); !errors.Is(err, board.ErrSignature) {
			t.Errorf("%q by another key: %v", c.comment, err)
		}
	}
}

// dated is what a signer says on that day of the month.
func dated(day int) *config.Signed {
	return &config.Signed{Gateway: config.AnyGateway, Date: time.Date(2026, 11, day, 12, 0, 0, 0, time.UTC)}
}

// TestWhatIsOlderThanWhatRunsIsRefused, over restarts, after what has no date, and
// with the date of the one before once that was put back.
func TestWhatIsOlderThanWhatRunsIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "meterd.toml")
	runs := "first"
	if err := os.WriteFile(path, []byte(runs), 0o600); err != nil {
		t.Fatal(err)
	}
	for i, step := range []struct {
		text   string
		day    int // 0: it has no date
		taken  bool
		proves bool // else the one before is put back
		date   int  // that counts afterwards
	}{
		{"of the 10th", 10, true, true, 10},
		{"of the 9th", 9, false, false, 10},
		{"of the 10th too", 10, true, true, 10},
		{"of the 20th, which brings nothing up", 20, true, false, 10},
		{"of the 9th", 9, false, false, 10},
		{"of the 20th, which brings nothing up", 20, true, false, 10},
		{"of the 15th", 15, true, true, 15},
		{"without a date", 0, true, true, 15},
		{"of the 14th", 14, false, false, 15},
		{"without a date, which brings nothing up", 0, true, false, 15},
		{"of the 14th", 14, false, false, 15},
		{"of the 16th", 16, true, true, 16},
	} {
		f := NewFiles(path) // after a restart
		c := Candidate{Text: step.text, By: "stick"}
		if step.day > 0 {
			c.Signed = dated(step.day)
		}
		err := f.notOlder(c.Signed, runs)
		if (err == nil) != step.taken {
			t.Fatalf("step %d, %s: %v", i, step.text, err)
		}
		if told, ok := errors.AsType[*console.Told](err); err != nil && (!ok || !strings.Contains(told.Text.EN, "it is older") || told.Hint.EN == "" || told.Hint.ZH == "") {
			t.Errorf("step %d: it is told as %v", i, err)
		}
		if err == nil {
			if err = f.install(c, runs); err == nil && step.proves {
				runs, err = step.text, f.confirm()
			} else if err == nil {
				_, err = f.back()
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if got := NewFiles(path).Signed(runs); !got.Equal(dated(step.date).Date) {
			t.Errorf("step %d, %s: what runs counts as signed on %v, want the %dth", i, step.text, got, step.date)
		}
	}
	// What came past the take-over counts as the newest that was taken.
	if got := NewFiles(path).Signed("changed on the board"); !got.Equal(dated(16).Date) {
		t.Errorf("a changed file counts as signed on %v", got)
	}
	if info, err := os.Stat(path + ".signed"); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
}

// TestPowerCutWhileADateIsNoted: whichever of the two runs then, its own date
// counts.
func TestPowerCutWhileADateIsNoted(t *testing.T) {
	for cut := range 5 {
		dir := t.TempDir()
		f := cutFile(t, dir, -1)
		if err := os.WriteFile(f.Path, []byte("first"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(f.install(Candidate{Text: "old", Signed: dated(10)}, "first"), f.confirm()); err != nil {
			t.Fatal(err)
		}
		cutFile(t, dir, cut).install(Candidate{Text: "new", Signed: dated(20)}, "old")
		text := running(t, f)
		want := map[string]int{"old": 10, "new": 20}[text]
		if got := NewFiles(f.Path).Signed(text); !got.Equal(dated(want).Date) {
			t.Errorf("cut %d: %s counts as signed on %v", cut, text, got)
		}
	}
}

// TestAnOlderConfigurationIsNoCandidate: it is refused before it is looked at,
// and what runs already is nothing to do however old.
func TestAnOlderConfigurationIsNoCandidate(t *testing.T) {
	dir := t.TempDir()
	o := New(NewFiles(filepath.Join(dir, "meterd.toml")), discard())
	text := named(dir, "old")
	runs, _ := config.Parse("x.toml", text)
	o.Begin(Change{Config: runs, Text: text})
	if err := o.Files.noteSigned(text, "", dated(20)); err != nil {
		t.Fatal(err)
	}
	p := o.Propose(t.Context(), Candidate{Text: named(dir, "new"), By: "stick", Signed: dated(19)})
	if p.Accepted() || p.Err == nil || !strings.Contains(p.Err.Error(), "it was signed on 2026-11-19T12:00:00Z, and what runs on 2026-11-20T12:00:00Z") {
		t.Errorf("%+v", p)
	}
	if p := o.Propose(t.Context(), Candidate{Text: text, By: "stick", Signed: dated(19)}); !p.Same {
		t.Errorf("what runs is answered %+v", p)
	}
	if v := o.View(); v.Step != None {
		t.Error(fmt.Sprint("it stands at ", v))
	}
}
