package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"meterd/cmd/meterd/config"
	"meterd/meter"
)

// trialText is a configuration whose only line never opens.
const trialText = `[gateway]
id = "%s"
[store]
path = "%s/x.ring"
size = "1MiB"
[[bus]]
name = "b1"
port = "/dev/none"
[[meter]]
name = "m1"
bus = "b1"
address = "202411200101"
profile = "three-phase"
`

// newTrial is a station whose configuration "new" has taken the place of
// "old" just now. Nothing of it runs.
func newTrial(t *testing.T, old string) *daemon {
	t.Helper()
	dir := t.TempDir()
	conf := newConfFile(filepath.Join(dir, "meterd.toml"))
	if old == "" {
		old = fmt.Sprintf(trialText, "old", dir)
	}
	text := fmt.Sprintf(trialText, "new", dir)
	if err := os.WriteFile(conf.path, []byte(old), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := conf.install(text, old, "stick"); err != nil {
		t.Fatal(err)
	}
	st, err := newStation(conf, newJournal(io.Discard, slog.LevelInfo))
	if err != nil {
		t.Fatal(err)
	}
	c, problems := config.Parse(conf.path, text)
	if config.Failed(problems) {
		t.Fatal(problems)
	}
	d := &daemon{station: st, config: c}
	d.pollers = []*meter.Poller{d.poller(c.Buses[0])}
	st.begin(d, change{text: text, onTrial: true})
	return d
}

func TestAConfigurationThatBringsNothingUpGoesBackAfterTenMinutes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newTrial(t, "")
		began := time.Now()
		d.prove(t.Context())
		if took := time.Since(began); took != 10*time.Minute {
			t.Errorf("after %v, want 10 minutes", took)
		}
		next := <-d.changes
		if next.config.Gateway.ID != "old" || next.onTrial {
			t.Errorf("%q is to run, on trial %v", next.config.Gateway.ID, next.onTrial)
		}
		if b, _ := os.ReadFile(d.conf.path); !strings.Contains(string(b), `id = "old"`) || string(b) != next.text {
			t.Errorf("on flash is\n%s", b)
		}
		if v := d.view(); v.state != wentBack || !strings.Contains(v.text.EN, "no meter has answered") {
			t.Errorf("it tells %+v", v)
		}
	})
}

func TestWithoutAUsableConfigurationBeforeItStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newTrial(t, "[gateway]\nid = \"empty\"\n")
		d.prove(t.Context())
		if len(d.changes) != 0 || d.view().state != proved || !strings.Contains(d.view().text.EN, "none to go back to") {
			t.Errorf("%d changes, %+v", len(d.changes), d.view())
		}
		if onTrial, _, _ := d.conf.start(d.text); onTrial {
			t.Error("it is on trial still")
		}
	})
}

func TestATrialThatIsCutShortStaysOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newTrial(t, "")
		ctx, cancel := context.WithTimeout(t.Context(), 9*time.Minute)
		defer cancel()
		d.prove(ctx)
		st := &station{log: d.log, conf: newConfFile(d.conf.path)}
		next, _, err := st.firstChange()
		if err != nil || !next.onTrial || next.config.Gateway.ID != "new" {
			t.Errorf("the first start runs %+v, %v", next, err)
		}
		if next, _, err = st.firstChange(); err != nil || next.onTrial || next.config.Gateway.ID != "old" {
			t.Errorf("the second start runs %+v, %v", next, err)
		}
		if next, _, err = st.firstChange(); err != nil || next.onTrial || next.config.Gateway.ID != "old" {
			t.Errorf("the third start runs %+v, %v", next, err)
		}
	})
}

func TestAConfigurationThatCannotRunGoesBackAtOnce(t *testing.T) {
	d := newTrial(t, "")
	next, err := d.unusable(change{text: d.text, onTrial: true}, errors.New("no ring"))
	if err != nil || next.config.Gateway.ID != "old" {
		t.Errorf("%+v, %v", next, err)
	}
	if _, err := d.unusable(*next, errors.New("no ring")); err == nil {
		t.Error("the old one has nothing to go back to")
	}
}

// TestADamagedFileIsReplacedByTheOneBefore: nobody is there to mend it.
func TestADamagedFileIsReplacedByTheOneBefore(t *testing.T) {
	d := newTrial(t, "")
	if err := d.conf.confirm(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(d.conf.path, []byte("[gate"), 0o600); err != nil {
		t.Fatal(err)
	}
	st := &station{log: d.log, conf: newConfFile(d.conf.path)}
	next, problems, err := st.firstChange()
	if err != nil || next.config.Gateway.ID != "old" || len(problems) == 0 {
		t.Errorf("%+v, %v, %v", next, problems, err)
	}
}
