package onenet

import (
	"context"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"meterd/uplink"
	"meterd/uplink/uplinktest"
)

// bell counts how often it is rung.
type bell struct{ rung int }

func (*bell) Take(uplink.Package)       {}
func (*bell) Progress() uplink.Progress { return uplink.Progress{} }
func (b *bell) Ring()                   { b.rung++ }
func (*bell) Resume() string            { return "" }

var otaKey = base64.StdEncoding.EncodeToString([]byte("the key of the device"))

// puller is a board at a service of packages.
func puller(t *testing.T, service *uplinktest.OnenetOTA) (*Puller, *bell) {
	t.Helper()
	service.ProductID, service.Device, service.AccessKey = "469948", "gw", otaKey
	s := httptest.NewServer(service)
	t.Cleanup(s.Close)
	b := &bell{}
	dir, _ := uplink.NewDirectory(uplink.DirectoryConfig{})
	return NewPuller(StudioConfig{Identity: Identity{ProductID: "469948", Device: "gw", AccessKey: otaKey, Method: "sha1"}, Wildcard: true, Directory: dir}, s.URL+"/fuse-ota", http.DefaultClient.Do, b), b
}

// TestPackagesAreAskedFor: the version told, a package found and fetched, each
// step told in its order; by either service and either version of the token.
func TestPackagesAreAskedFor(t *testing.T) {
	for name, service := range map[string]*uplinktest.OnenetOTA{"the platform": {}, "the service of 2021": {Old: true}, "the newer token": {TokenVersion: "2022-05-01"}} {
		t.Run(name, func(t *testing.T) {
			p, _ := puller(t, service)
			ctx := t.Context()
			if err := p.Report(ctx, "v1.4.0-12-gabcdef0+dirty"); err != nil {
				t.Fatal(err)
			}
			if got := service.Versions(); !slices.Equal(got, []string{"v1.4.0-12-gabcdef0-d"}) {
				t.Errorf("reported %v", got)
			}
			if _, there, err := p.Check(ctx, "1.4.0"); there || err != nil {
				t.Errorf("without a task: %v, %v", there, err)
			}
			service.Add(7, "1.5.0", []byte("the file"), false)
			pack, there, err := p.Check(ctx, "1.4.0")
			if err != nil || !there || pack.Job != "7" || pack.Version != "1.5.0" || pack.Size != 8 || len(pack.Digest) != 32 {
				t.Fatalf("%+v, %v, %v", pack, there, err)
			}
			if service.TokenVersion == "" {
				r, _ := http.NewRequest(http.MethodGet, pack.URL, nil)
				for k, v := range pack.Header {
					r.Header.Set(k, v)
				}
				resp, err := http.DefaultClient.Do(r)
				if err != nil {
					t.Fatal(err)
				}
				defer resp.Body.Close()
				if b, _ := io.ReadAll(resp.Body); string(b) != "the file" || pack.Good(resp.Header.Get) != nil {
					t.Errorf("the file is %q", b)
				}
			}
			for _, at := range []uplink.Progress{{Stage: uplink.Fetching}, {Stage: uplink.Fetching, Percent: 100}, {Stage: uplink.Installing}, {Stage: uplink.OnTrial}, {Stage: uplink.Installed}} {
				at.Job = "7"
				if err := p.Tell(ctx, at); err != nil {
					t.Errorf("%+v: %v", at, err)
				}
			}
			if got := service.Steps(7); !slices.Equal(got, []int{0, 99, 100, 101, 201}) {
				t.Errorf("told %v", got)
			}
			if err := p.Tell(ctx, uplink.Progress{Job: "7", Stage: uplink.Installed}); err != nil {
				t.Errorf("what has ended the task is told again: %v", err)
			}
			if err := p.Tell(ctx, uplink.Progress{Job: "7", Stage: uplink.Fetching}); err == nil {
				t.Error("a task that has ended is fetched")
			}
			if v := service.Violations(); len(v) > 0 {
				t.Errorf("violations: %v", v)
			}
		})
	}
}

// TestWhatCameOfAPackage is told by the numbers that the document has.
func TestWhatCameOfAPackage(t *testing.T) {
	for failure, want := range map[uplink.Failure]int{uplink.NoRoom: 102, uplink.Broken: 107, uplink.BadDigest: 205, uplink.NotTaken: 206, uplink.TakenBack: 206} {
		service := &uplinktest.OnenetOTA{}
		p, _ := puller(t, service)
		service.Add(7, "1.5.0", []byte("the file"), false)
		if err := p.Tell(t.Context(), uplink.Progress{Job: "7", Stage: uplink.Failed, Failure: failure}); err != nil {
			t.Error(err)
		}
		if got := service.Steps(7); !slices.Equal(got, []int{want}) || len(service.Violations()) > 0 {
			t.Errorf("%d: told %v, %v", failure, got, service.Violations())
		}
	}
	p, _ := puller(t, &uplinktest.OnenetOTA{})
	if err := p.Tell(t.Context(), uplink.Progress{Job: "../7", Stage: uplink.Installed}); err == nil {
		t.Error("a job that is no number is told")
	}
}

// TestADifferenceIsRefused: nothing here could put it together.
func TestADifferenceIsRefused(t *testing.T) {
	service := &uplinktest.OnenetOTA{}
	p, _ := puller(t, service)
	service.Add(8, "1.5.0", []byte("a difference"), true)
	if _, there, err := p.Check(t.Context(), "1.4.0"); there || err == nil {
		t.Errorf("%v, %v", there, err)
	}
	if got := service.Steps(8); !slices.Equal(got, []int{206}) {
		t.Errorf("told %v", got)
	}
}

// TestAServiceThatAnswersOtherwise is told of as it is, and nothing is taken.
func TestAServiceThatAnswersOtherwise(t *testing.T) {
	for name, tc := range map[string]struct {
		status int
		text   string
		auth   bool
	}{
		"no JSON":                  {200, "<html>", false},
		"no code":                  {200, "{}", false},
		"trouble":                  {500, `{"code":0}`, false},
		"another code":             {200, `{"code":7,"msg":"internal"}`, false},
		"who are you":              {401, "", true},
		"who are you, in a code":   {200, `{"errno":1,"error":"Auth error"}`, true},
		"a task without an id":     {200, `{"code":0,"data":{"size":5,"type":1}}`, false},
		"a task without a size":    {200, `{"code":0,"data":{"tid":5,"type":1}}`, false},
		"a task that is a list":    {200, `{"code":0,"data":[]}`, false},
		"an answer without an end": {200, `{"code":0,"data":"` + strings.Repeat("x", 1<<20), false},
	} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(tc.status)
			io.WriteString(w, tc.text)
		}))
		p, _ := puller(t, &uplinktest.OnenetOTA{})
		p.base = s.URL
		if pack, there, err := p.Check(t.Context(), "1"); there || err == nil || errors.Is(err, errAuth) != tc.auth {
			t.Errorf("%s: %+v, %v, %v", name, pack, there, err)
		}
		s.Close()
	}
	p, _ := puller(t, &uplinktest.OnenetOTA{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := p.Report(ctx, "1"); err == nil {
		t.Error("nobody waits, and it is told")
	}
}

// TestTheBellIsAnswered where packages are taken.
func TestTheBellIsAnswered(t *testing.T) {
	p, b := puller(t, &uplinktest.OnenetOTA{})
	rc := p.Receive(p.now(), uplink.Inbound{Topic: "$sys/469948/gw/ota/inform", Payload: []byte(`{"id":"12"}`)})
	if b.rung != 1 || rc.Reply == nil || rc.Reply.Topic != "$sys/469948/gw/ota/inform_reply" || !strings.Contains(string(rc.Reply.Payload), `"id":"12","code":200`) {
		t.Errorf("rung %d times, %+v", b.rung, rc.Reply)
	}
}
