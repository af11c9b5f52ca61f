package takeover

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"meterd/cmd/meterd/config"
)

// configText is a configuration of one line that never opens, with secrets.
const configText = `[gateway]
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

// named gives configText under another name.
func named(dir, id string) string {
	return strings.Replace(strings.ReplaceAll(configText, "DIR", dir), `"stick"`, fmt.Sprintf("%q", id), 1)
}

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

// newTrial is a take-over whose configuration "new" has taken the place of old
// just now, "" for one that is called "old".
func newTrial(t *testing.T, old string) (*Takeover, string) {
	t.Helper()
	return newTrialOf(t, old, "")
}

// newTrialOf is one whose new configuration has more in it.
func newTrialOf(t *testing.T, old, more string) (*Takeover, string) {
	t.Helper()
	dir := t.TempDir()
	if old == "" {
		old = named(dir, "old")
	}
	o := New(NewFiles(filepath.Join(dir, "meterd.toml")), discard())
	if err := os.WriteFile(o.Files.Path, []byte(old), 0o600); err != nil {
		t.Fatal(err)
	}
	running, _ := config.Parse("x.toml", named(dir, "old"))
	o.Begin(Change{Config: running, Text: old})
	text := named(dir, "new") + more
	if p := o.Propose(t.Context(), Candidate{Text: text, By: "stick"}); !p.Accepted() {
		t.Fatalf("not accepted: %+v", p)
	}
	c := <-o.Next()
	o.Begin(o.Whole(c))
	if o.View().Phase != OnTrial {
		t.Fatalf("it stands at %+v", o.View())
	}
	return o, text
}

// nothing has come up of a meter and no uplink.
func nothing() (Came, Came) { return Came{}, Came{Meter: true} }

func TestAConfigurationThatBringsNothingUpGoesBackAfterTenMinutes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, _ := newTrial(t, "")
		began := time.Now()
		o.Prove(t.Context(), nothing)
		if took := time.Since(began); took != 10*time.Minute {
			t.Errorf("after %v, want 10 minutes", took)
		}
		next := <-o.Next()
		if next.Config.Gateway.ID != "old" {
			t.Errorf("%q is to run", next.Config.Gateway.ID)
		}
		if b, _ := os.ReadFile(o.Files.Path); !strings.Contains(string(b), `id = "old"`) || string(b) != next.Text {
			t.Errorf("on flash is\n%s", b)
		}
		if v := o.View(); v.Phase != WentBack || !strings.Contains(v.Says.EN, "no meter has answered") {
			t.Errorf("it tells %+v", v)
		}
		o.Begin(next)
		if v := o.View(); v.Phase != WentBack || v.Step != None {
			t.Errorf("once it runs it tells %+v", v)
		}
	})
}

func TestWithoutAUsableConfigurationBeforeItStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, text := newTrial(t, "[gateway]\nid = \"empty\"\n")
		o.Prove(t.Context(), nothing)
		if v := o.View(); len(o.changes) != 0 || v.Phase != Proved || !strings.Contains(v.Says.EN, "none to go back to") {
			t.Errorf("%d changes, %+v", len(o.changes), v)
		}
		if onTrial, _, _ := o.Files.start(text); onTrial {
			t.Error("it is on trial still")
		}
	})
}

func TestWhatComesUpEndsATrial(t *testing.T) {
	for _, c := range []struct {
		what   string
		after  time.Duration // that the meter comes up; 0: never
		uplink time.Duration
		want   time.Duration // that Prove takes
		says   string
		trial  bool // still on flash after an hour
	}{
		{"all at once", time.Second, time.Second, time.Second, "it works", false},
		{"the meter first", time.Second, 9 * time.Minute, 9 * time.Minute, "it works", false},
		{"the meter alone", 5 * time.Minute, 0, 10 * time.Minute, "no uplink has connected", false},
		{"the uplink alone", 0, time.Minute, 10 * time.Minute, "no meter has answered within", false},
	} {
		t.Run(c.what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o, text := newTrial(t, "")
				began := time.Now()
				up := func(after time.Duration) bool { return after > 0 && time.Since(began) >= after }
				o.Prove(t.Context(), func() (Came, Came) {
					return Came{up(c.after), up(c.uplink)}, Came{true, true}
				})
				if took := time.Since(began); took != c.want {
					t.Errorf("after %v, want %v", took, c.want)
				}
				if v := o.View(); v.Phase != Proved || !strings.Contains(v.Says.EN, c.says) {
					t.Errorf("it tells %+v, want %q", v, c.says)
				}
				if onTrial, _, _ := o.Files.start(text); onTrial != c.trial {
					t.Errorf("on flash it is on trial: %v", onTrial)
				}
			})
		})
	}
}

// TestANetworkThatReachesNoPlatformGoesBack: on a card a meter that answers is
// no proof of it.
func TestANetworkThatReachesNoPlatformGoesBack(t *testing.T) {
	for _, c := range []struct {
		what    string
		card    bool
		network string
		uplink  bool // connects
		phase   Phase
		says    string
	}{
		{"another network", true, "[network]\nhost_name = \"x\"\n", false, WentBack, "in the network that its [network] tells"},
		{"another network that works", true, "[network]\nhost_name = \"x\"\n", true, Proved, "it works"},
		{"the same network in other words", true, "[network]\naddress = \"dhcp\"\n", false, Proved, "no uplink has connected"},
		{"a board that sets its network itself", false, "[network]\nhost_name = \"x\"\n", false, Proved, "no uplink has connected"},
	} {
		t.Run(c.what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o, _ := newTrialOf(t, "", c.network)
				o.card = func() bool { return c.card }
				o.Prove(t.Context(), func() (Came, Came) { return Came{Meter: true, Uplink: c.uplink}, Came{Meter: true, Uplink: true} })
				if v := o.View(); v.Phase != c.phase || !strings.Contains(v.Says.EN, c.says) {
					t.Errorf("it stands at %v and tells %q, want %v and %q", v.Phase, v.Says.EN, c.phase, c.says)
				}
			})
		})
	}
}

func TestATrialThatIsCutShortStaysOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, _ := newTrial(t, "")
		ctx, cancel := context.WithTimeout(t.Context(), 9*time.Minute)
		defer cancel()
		o.Prove(ctx, nothing)
		for i, c := range []struct {
			id    string
			phase Phase
		}{{"new", OnTrial}, {"old", WentBack}, {"old", Proved}} {
			again := New(NewFiles(o.Files.Path), discard())
			next, _, err := again.First()
			if err != nil || next.Config.Gateway.ID != c.id {
				t.Fatalf("start %d runs %+v, %v", i+1, next, err)
			}
			again.Begin(next)
			if v := again.View(); v.Phase != c.phase {
				t.Errorf("start %d stands at %v, want %v", i+1, v.Phase, c.phase)
			}
		}
	})
}

func TestAConfigurationThatCannotRunGoesBackAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, _ := newTrial(t, "")
		dir := filepath.Dir(o.Files.Path)
		o.confirm()
		o.on(Event{Kind: Look})
		if p := o.Propose(t.Context(), Candidate{Text: named(dir, "third"), By: "console"}); !p.Accepted() {
			t.Fatalf("%+v", p)
		}
		next, err := o.CannotRun(<-o.Next(), errors.New("no ring"))
		if err != nil || next.Config.Gateway.ID != "new" {
			t.Errorf("%+v, %v", next, err)
		}
		o.Begin(next)
		if _, err := o.CannotRun(next, errors.New("no ring")); err == nil {
			t.Error("the one before has nothing to go back to")
		}
	})
}

// TestADamagedFileIsReplacedByTheOneBefore: nobody is there to mend it.
func TestADamagedFileIsReplacedByTheOneBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, _ := newTrial(t, "")
		o.confirm()
		for _, damage := range []func() error{
			func() error { return os.WriteFile(o.Files.Path, []byte("[gate"), 0o600) },
			func() error { return os.Remove(o.Files.Path) },
		} {
			if err := damage(); err != nil {
				t.Fatal(err)
			}
			again := New(NewFiles(o.Files.Path), discard())
			next, problems, err := again.First()
			if err != nil || next.Config.Gateway.ID != "old" || len(problems) == 0 || again.View().Phase != WentBack {
				t.Errorf("%+v, %v, %v, %v", next, problems, err, again.View())
			}
			for _, says := range []string{again.View().Says.EN, again.View().Says.ZH} {
				if !strings.Contains(says, o.Files.Path) {
					t.Errorf("%q does not name %s", says, o.Files.Path)
				}
			}
		}
		if err := os.Remove(o.Files.prev()); err != nil {
			t.Fatal(err)
		}
		if _, problems, err := New(NewFiles(o.Files.Path), discard()).First(); err == nil || len(problems) == 0 {
			t.Errorf("with nothing at all: %v, %v", problems, err)
		}
	})
}

// TestWhatRunsAgainIsNoCandidate: a device that came back has the same run
// once more, while another configuration is on its way.
func TestWhatRunsAgainIsNoCandidate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, text := newTrial(t, "")
		dir := filepath.Dir(o.Files.Path)
		o.Again(t.Context())
		again := o.Whole(<-o.Next())
		if again.Text != text {
			t.Fatalf("again runs\n%s", again.Text)
		}
		if p := o.Propose(t.Context(), Candidate{Text: named(dir, "third"), By: "console"}); !p.Accepted() {
			t.Fatalf("%+v", p)
		}
		if p := o.Propose(t.Context(), Candidate{Text: named(dir, "fourth"), By: "stick"}); p.Err != ErrBusy {
			t.Errorf("a second one gets %+v", p)
		}
		until := o.View().Until
		o.Begin(again)
		if v := o.View(); v.Step != Written || v.Phase != OnTrial || v.Until != until {
			t.Errorf("after the same ran again it stands at %+v", v)
		}
		if c := o.Whole(<-o.Next()); c.Config.Gateway.ID != "third" {
			t.Errorf("then %q runs", c.Config.Gateway.ID)
		}
	})
}

func TestProposalsThatChangeNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, text := newTrial(t, "")
		dir := filepath.Dir(o.Files.Path)
		full := errors.New("no space left")
		write := o.Files.write
		for _, c := range []struct {
			what, text string
			broken     bool
			want       func(Proposal) bool
		}{
			{"the same", text, false, func(p Proposal) bool { return p.Same }},
			{"with a mistake", strings.Replace(named(dir, "x"), "address", "adress", 1), false, func(p Proposal) bool { return config.Failed(p.Problems) }},
			{"for a port that is not here", strings.Replace(named(dir, "x"), "/dev/none", "/dev/other", 1), false, func(p Proposal) bool { return config.Failed(p.Problems) }},
			{"on a full flash", named(dir, "x"), true, func(p Proposal) bool { return errors.Is(p.Err, full) }},
		} {
			o.Files.write = write
			if c.broken {
				o.Files.write = func(string, []byte, os.FileMode) error { return full }
			}
			if p := o.Propose(t.Context(), Candidate{Text: c.text, By: "stick"}); p.Accepted() || !c.want(p) {
				t.Errorf("%s: got %+v", c.what, p)
			}
			if v := o.View(); v.Step != None || v.Phase != OnTrial {
				t.Errorf("%s: it stands at %+v", c.what, v)
			}
			if b, _ := os.ReadFile(o.Files.Path); string(b) != text {
				t.Errorf("%s: on flash is\n%s", c.what, b)
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		o.turn <- struct{}{}
		if p := o.Propose(ctx, Candidate{Text: text, By: "stick"}); !errors.Is(p.Err, context.Canceled) {
			t.Errorf("while another is examined: %+v", p)
		}
	})
}

// TestABadCertificateTurnsOneUplinkOff: the file that held the platform's root
// is garbage now. Nobody takes such a configuration over, but the board that
// has it reads its meters all the same, and connects when the file is mended.
func TestABadCertificateTurnsOneUplinkOff(t *testing.T) {
	dir := t.TempDir()
	ca := filepath.Join(dir, "ca.pem")
	text := named(dir, "board") + fmt.Sprintf(`[[uplink]]
name = "cloud"
kind = "tuya"
broker = "ssl://mqtt.example:8883"
username = "vendor01"
ca = %q
[uplink.tuya]
product_id = "pid01"
`, ca)
	file := filepath.Join(dir, "meterd.toml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		what, holds string // "": it is not there
		warning     bool
		says        string
	}{
		{"not there", "", true, "there is no file " + ca + ", which ca names"},
		{"garbage", "no certificate", false, "ca: " + ca + ": it holds no certificate in PEM form"},
	} {
		if c.holds != "" {
			if err := os.WriteFile(ca, []byte(c.holds), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		next, problems, err := New(NewFiles(file), discard()).First()
		if err != nil || next.Config == nil || next.Config.Gateway.ID != "board" || len(next.Config.Uplinks) != 1 {
			t.Fatalf("%s: the board runs %+v, %v", c.what, next.Config, err)
		}
		if len(problems) != 1 || problems[0].Warning != c.warning || !strings.Contains(problems[0].Text, c.says) || problems[0].Line == 0 {
			t.Errorf("%s: told are %v", c.what, problems)
		}
		if _, err := next.Config.Uplinks[0].Endpoint.TLS(); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: the uplink is told %v", c.what, err)
		}
		synctest.Test(t, func(t *testing.T) {
			o, running := newTrial(t, "")
			if p := o.Propose(t.Context(), Candidate{Text: strings.ReplaceAll(text, `"board"`, `"other"`), By: "stick"}); p.Accepted() {
				t.Errorf("%s: it is taken over instead of\n%s", c.what, running)
			}
		})
	}
}
