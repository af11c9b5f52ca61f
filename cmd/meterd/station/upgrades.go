package station

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"sync"
	"time"

	"meterd/cmd/meterd/fetch"
	"meterd/cmd/meterd/takeover"
	"meterd/cmd/meterd/update"
	"meterd/uplink"
)

// upgrades takes the packages of the one platform that the configuration
// lets bring them: fetched, checked by our own key and rules, on trial as one
// from a stick is. It implements uplink.Upgrades.
type upgrades struct {
	sh     *shift
	name   string // of the uplink
	next   chan uplink.Package
	bell   chan struct{}
	resume string // the job that was at work when the board stopped

	mu sync.Mutex
	at uplink.Progress // of this start; guarded by mu
}

func (sh *shift) newUpgrades(name string) *upgrades {
	return &upgrades{sh: sh, name: name, next: make(chan uplink.Package, 1), bell: make(chan struct{}, 1), resume: sh.Update.Fetching(name)}
}

// Take hands a package over; of several that come while one is at work the
// newest counts.
func (u *upgrades) Take(p uplink.Package) {
	select {
	case <-u.next:
	default:
	}
	select {
	case u.next <- p:
	default:
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.at.Stage != uplink.Fetching && u.at.Stage != uplink.Installing {
		u.at = uplink.Progress{Job: p.Job, Version: p.Version, Stage: uplink.Fetching, At: time.Now()}
	}
}

// Ring has the platform asked for a package.
func (u *upgrades) Ring() {
	select {
	case u.bell <- struct{}{}:
	default:
	}
}

// Resume gives the job that was at work when the board stopped.
func (u *upgrades) Resume() string {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.at.Job != "" {
		return ""
	}
	return u.resume
}

// Progress tells of the last package: of this start, else of what this start
// runs.
func (u *upgrades) Progress() uplink.Progress {
	u.mu.Lock()
	at := u.at
	u.mu.Unlock()
	v := u.sh.Update.View()
	if at.Job != "" && at.Job != v.Job || v.By != u.name || v.Job == "" || at.Stage == uplink.Fetching {
		return at
	}
	p := uplink.Progress{Job: v.Job, Version: v.To.Version, At: v.At}
	switch v.Phase {
	case update.Written:
		p.Stage = uplink.Installing
	case update.OnTrial:
		p.Stage = uplink.OnTrial
	case update.Proved:
		p.Stage = uplink.Installed
	case update.WentBack:
		p.Stage, p.Failure, p.Text = uplink.Failed, uplink.TakenBack, v.Why.In(u.sh.config.Gateway.Language)
	}
	if at.Stage == uplink.Failed && p.Stage != uplink.OnTrial && at.At.After(p.At) { // it came once more, and was not taken
		return at
	}
	return p
}

// set notes how far the package of this start is.
func (u *upgrades) set(p uplink.Progress) {
	p.At = time.Now()
	u.mu.Lock()
	defer u.mu.Unlock()
	u.at = p
}

// run takes one package after the other until the context ends.
func (u *upgrades) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case p := <-u.next:
			u.take(ctx, p)
		}
	}
}

const (
	// tellFor is how long the platform has to hear that a package is whole in its
	// place, before the program ends.
	tellFor = 5 * time.Second
	// trialLooked is how often it is seen whether a configuration is on trial.
	trialLooked = 5 * time.Second
)

// take takes a package.
func (u *upgrades) take(ctx context.Context, p uplink.Package) {
	at := uplink.Progress{Job: p.Job, Version: p.Version, Stage: uplink.Fetching}
	u.set(at)
	u.sh.log.Info("the platform has a program for this board", "uplink", u.name, "version", p.Version, "bytes", p.Size)
	for u.sh.configOnTrial() || u.sh.Update.Held() != nil {
		if !pause(ctx, trialLooked) {
			return
		}
	}
	if err := u.sh.Update.KeepFetching(u.name, p.Job); err != nil {
		u.sh.log.Warn("that a program is fetched cannot be noted", "uplink", u.name, "err", err)
	}
	facts, err := u.fetch(ctx, p, func(percent int) {
		at.Percent = percent
		u.set(at)
	})
	if err != nil && ctx.Err() != nil { // it goes on after the next start
		return
	}
	if err := u.sh.Update.KeepFetching("", ""); err != nil {
		u.sh.log.Warn("that a program is fetched cannot be noted", "uplink", u.name, "err", err)
	}
	switch {
	case err == nil:
		at.Stage, at.Percent, at.Version = uplink.Installing, 100, facts.Version
		u.set(at)
		pause(ctx, tellFor)
		u.sh.giveWay() // also where this shift ends: nothing else is taken any more until it starts
	case errors.Is(err, update.ErrSame):
		at.Stage, at.Version = uplink.Installed, facts.Version
		u.set(at)
	default:
		at.Stage, at.Failure, at.Text = uplink.Failed, failureOf(err), whyOf(err).In(u.sh.config.Gateway.Language)
		u.set(at)
		u.sh.log.Error("the platform's program is not taken", "uplink", u.name, "version", p.Version, "why", whyOf(err))
	}
}

// pause reports false once the context ends.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// failureOf tells a platform what went wrong.
func failureOf(err error) uplink.Failure {
	if _, ok := errors.AsType[*update.NoRoom](err); ok {
		return uplink.NoRoom
	}
	switch {
	case errors.Is(err, fetch.ErrDigest):
		return uplink.BadDigest
	case errors.Is(err, fetch.ErrBroken), errors.Is(err, fetch.ErrRefused):
		return uplink.Broken
	}
	return uplink.NotTaken
}

// fetch brings a package to its slot, as it comes.
func (u *upgrades) fetch(ctx context.Context, p uplink.Package, told func(percent int)) (update.Facts, error) {
	if p.Size > update.MostImage {
		return update.Facts{}, fmt.Errorf("%w: %d bytes", fetch.ErrRefused, p.Size)
	}
	trust, err := u.trust()
	if err != nil {
		return update.Facts{}, err
	}
	f := &fetch.File{URL: p.URL, Header: p.Header, Size: p.Size, Digest: p.Digest, Good: p.Good, TLS: trust, Told: told}
	if err := f.Open(ctx); err != nil {
		return update.Facts{}, err
	}
	defer f.Close()
	return u.sh.takeUpdate(ctx, f, update.Offer{By: u.name, Job: p.Job})
}

// trust is what an https server is checked by.
func (u *upgrades) trust() (*tls.Config, error) {
	conf := &tls.Config{MinVersion: tls.VersionTLS12}
	if !u.sh.clock.Trusted(time.Now()) { // a board without a clock would find each certificate too young
		conf.Time = func() time.Time { return u.sh.Built }
	}
	file := u.sh.config.Update.CA
	if file == "" {
		return conf, nil
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	conf.RootCAs = x509.NewCertPool()
	if !conf.RootCAs.AppendCertsFromPEM(b) {
		return nil, fmt.Errorf("%s holds no certificate", file)
	}
	return conf, nil
}

// do sends a request of a platform that is asked for packages.
func (u *upgrades) do(r *http.Request) (*http.Response, error) {
	trust, err := u.trust()
	if err != nil {
		return nil, err
	}
	return fetch.Do(r.Context(), r, trust)
}

const (
	// pullAgain is the pause after a request that failed.
	pullAgain = time.Minute
	// pullEvery is how often a platform that does not ring is asked; it is another
	// minute of the day for each board.
	pullEvery = 24 * time.Hour
	// pullTold is how often it is seen whether there is something to tell.
	pullTold = 2 * time.Second
	// mostTold is how often it is tried again to tell one thing.
	mostTold = 5
	// toldWithin is how long the platform is told what came of a package: a request
	// that was answered is not made again in one start.
	toldWithin = 24 * time.Hour
)

// pull tells a platform by requests what runs and how far a package is, and
// asks for one: at the start, when it rings, and once a day.
func (u *upgrades) pull(ctx context.Context, p uplink.Puller, connected func() bool) {
	for !connected() {
		if !pause(ctx, pullTold) {
			return
		}
	}
	now := time.Now()
	pl := pulling{ask: now, daily: now.Add(time.Duration(rand.Int64N(int64(pullEvery))))}
	for {
		u.pullOnce(ctx, p, &pl, time.Now())
		t := time.NewTimer(pullTold)
		select {
		case <-ctx.Done():
			t.Stop()
			return
		case <-u.bell:
			pl.ask = time.Now()
		case <-t.C:
		}
		t.Stop()
	}
}

// pulling is where such a platform stands.
type pulling struct {
	reported bool            // what runs
	told     uplink.Progress // of a package, last
	tries    int             // to tell the next, that failed
	again    time.Time       // no request before: the last has failed
	ask      time.Time       // for a package
	daily    time.Time
}

// pullOnce makes the request that is due. What is on trial is not reported: the
// platform would take the package for installed.
func (u *upgrades) pullOnce(ctx context.Context, p uplink.Puller, pl *pulling, now time.Time) {
	at := u.Progress()
	if now.Before(pl.again) || at.Stage == uplink.OnTrial {
		return
	}
	var err error
	switch {
	case !pl.reported:
		err = p.Report(ctx, u.sh.Version)
		pl.reported = err == nil
	case u.news(now, pl.told, at):
		if err = p.Tell(ctx, at); err != nil && pl.tries < mostTold {
			pl.tries++
		} else { // who goes on refusing it has heard it
			pl.told, pl.tries = at, 0
		}
	case at.Stage != uplink.Fetching && at.Stage != uplink.Installing && !now.Before(pl.ask):
		var pack uplink.Package
		var there bool
		if pack, there, err = p.Check(ctx, u.sh.Version); err == nil {
			for !pl.daily.After(now) {
				pl.daily = pl.daily.Add(pullEvery)
			}
			pl.ask = pl.daily
		}
		if there {
			u.Take(pack)
		}
	}
	if err != nil && ctx.Err() == nil {
		u.sh.log.Warn("the platform cannot be asked for programs", "uplink", u.name, "err", err)
		pl.again = now.Add(pullAgain)
	}
}

// news reports whether there is something to tell beyond what was.
func (u *upgrades) news(now time.Time, told, at uplink.Progress) bool {
	switch {
	case at.Job == "" || at.Stage == uplink.NoPackage:
		return false
	case at.Stage >= uplink.Installed && now.Sub(at.At) > toldWithin:
		return false
	case told.Job != at.Job || told.Stage != at.Stage:
		return true
	}
	return at.Stage == uplink.Fetching && at.Percent >= told.Percent+10
}

// configOnTrial reports whether a configuration is on trial, or about to be.
func (sh *shift) configOnTrial() bool {
	v := sh.takeover.View()
	return v.Step != takeover.None || v.Phase == takeover.OnTrial || v.Phase == takeover.Partly
}
