package station

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"slices"
	"testing"
	"time"

	"meterd/cmd/meterd/config"
	"meterd/cmd/meterd/journal"
	"meterd/cmd/meterd/update"
	"meterd/uplink"
)

// asked is a platform that is asked for packages; what it does next is what a
// test says.
type asked struct {
	did  []string
	err  error
	pack uplink.Package
}

func (a *asked) Report(context.Context, string) error {
	a.did = append(a.did, "report")
	return a.err
}

func (a *asked) Check(context.Context, string) (uplink.Package, bool, error) {
	a.did = append(a.did, "check")
	return a.pack, a.pack.Job != "" && a.err == nil, a.err
}

func (a *asked) Tell(_ context.Context, p uplink.Progress) error {
	a.did = append(a.did, "tell")
	return a.err
}

// TestAPlatformIsAskedInItsOrder: the version first, what there is to tell, then
// whether there is a package; and not sooner than a minute after what failed.
func TestAPlatformIsAskedInItsOrder(t *testing.T) {
	j := journal.New(io.Discard, slog.LevelInfo)
	st := New(Config{Version: "v1", Journal: j, Update: update.New(time.Now(), update.Config{Log: slog.New(j)})})
	u := (&shift{Station: st, config: &config.Config{}}).newUpgrades("cloud")
	now := time.Now()
	p, pl := &asked{}, pulling{ask: now, daily: now.Add(time.Hour)}
	does := func(what string, want ...string) {
		t.Helper()
		p.did = nil
		u.pullOnce(t.Context(), p, &pl, now)
		if !slices.Equal(p.did, want) {
			t.Errorf("%s: %v, want %v", what, p.did, want)
		}
	}
	p.err = errors.New("away")
	does("at the start", "report")
	does("at once after a failure")
	now = now.Add(pullAgain)
	p.err = nil
	does("a minute later", "report")
	does("then", "check")
	does("then")
	now = now.Add(time.Hour)
	p.pack = uplink.Package{Job: "7", Version: "v2"}
	does("the next day", "check")
	if got := <-u.next; got.Job != "7" {
		t.Errorf("handed over is %+v", got)
	}
	does("while it comes", "tell")
	does("while nothing changes")
	u.set(uplink.Progress{Job: "7", Stage: uplink.Fetching, Percent: 9})
	does("nine percent later")
	u.set(uplink.Progress{Job: "7", Stage: uplink.Fetching, Percent: 10})
	does("ten percent later", "tell")
	pl.ask = now // it rings
	does("while it comes, and rings")
	u.set(uplink.Progress{Job: "7", Stage: uplink.Failed, Failure: uplink.NotTaken})
	p.err = errors.New("away")
	for i := range mostTold + 1 {
		does("what came of it, away", "tell")
		now = now.Add(pullAgain)
		if i == 0 && pl.told.Stage == uplink.Failed {
			t.Error("it counts as told")
		}
	}
	p.err, p.pack = nil, uplink.Package{}
	does("it goes on", "check")
	u.set(uplink.Progress{Job: "8", Stage: uplink.Installed})
	u.at.At = now.Add(-25 * time.Hour)
	does("what is of yesterday")
}
