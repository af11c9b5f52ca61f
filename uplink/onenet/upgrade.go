package onenet

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"meterd/uplink"
)

// Packages is where the platform is asked for packages of programs: HTTP is the
// only way, over MQTT it only rings (ota/inform).
//
//	POST BASE/{pid}/{dev}/version                    what runs
//	GET  BASE/{pid}/{dev}/check?type=2&version=V     is there a package?
//	GET  BASE/{pid}/{dev}/{tid}/download             Range; Ota-Errno tells what the status does not
//	POST BASE/{pid}/{dev}/{tid}/status {"step":n}    0 to 100: of the download; above: a result
//
// Type 2 is the application (SOTA). The answers are {code,msg,data}, those of the
// older service {errno,error,data}.
const Packages = "https://iot-api.heclouds.com/fuse-ota"

// The steps that are results.
const (
	stepDownloaded = 101
	stepNoRoom     = 102
	stepNotCome    = 107 // of another reason
	stepDone       = 201
	stepDigest     = 205
	stepNotTaken   = 206 // of another reason
)

// What a check says besides 0. Both are nothing to tell of.
const (
	codeNoTask   = 12012
	codeTaskDone = 12013
)

const (
	application = 2
	whole       = 1 // a package that is no difference to another

	// mostVersion is the longest version that the platform takes, of letters,
	// digits and _.-
	mostVersion = 20
	// mostServed bounds an answer in bytes.
	mostServed = 64 << 10
)

// Puller is Studio with packages: uplink.Puller.
type Puller struct {
	*Studio
	base     string
	do       func(*http.Request) (*http.Response, error)
	upgrades uplink.Upgrades
	now      func() time.Time // for the token
}

// NewPuller gives the platform with its packages, which are asked for at base by
// do and handed to upgrades.
func NewPuller(c StudioConfig, base string, do func(*http.Request) (*http.Response, error), upgrades uplink.Upgrades) *Puller {
	p := &Puller{Studio: NewStudio(c), base: strings.TrimSuffix(base, "/") + "/" + url.PathEscape(c.ProductID) + "/" + url.PathEscape(c.Device), do: do, upgrades: upgrades, now: time.Now}
	p.Studio.rung = upgrades.Ring
	return p
}

// errAuth says that the token was not taken.
var errAuth = errors.New("onenet: the token is not taken")

// authorization is the token of a request. Which version of it the service takes is
// told by no page: it is MQTT's, else the newer one, which clients were seen to
// need.
func (p *Puller) authorization(version string) string {
	return p.Identity.signVersion(p.now(), p.Identity.resource(), p.Identity.AccessKey, version)
}

// versions of tokens, in the order in which they are tried.
var tokenVersions = []string{tokenVersion, "2022-05-01"}

// served is what the service says.
type served struct {
	Code  *int            `json:"code"`
	Errno *int            `json:"errno"`
	Msg   string          `json:"msg"`
	Error string          `json:"error"`
	Data  json.RawMessage `json:"data"`
}

func (a served) code() (int, string, bool) {
	switch {
	case a.Code != nil:
		return *a.Code, a.Msg, true
	case a.Errno != nil:
		return *a.Errno, a.Error, true
	}
	return 0, "", false
}

// ask sends a request, with either token, and gives the answer.
func (p *Puller) ask(ctx context.Context, method, path string, body any) (a served, err error) {
	for _, version := range tokenVersions {
		a, err = p.askOnce(ctx, method, path, body, version)
		if !errors.Is(err, errAuth) {
			break
		}
	}
	return a, err
}

func (p *Puller) askOnce(ctx context.Context, method, path string, body any, version string) (a served, err error) {
	var sent io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return a, err
		}
		sent = bytes.NewReader(b)
	}
	r, err := http.NewRequestWithContext(ctx, method, p.base+path, sent)
	if err != nil {
		return a, fmt.Errorf("onenet: %w", err)
	}
	r.Header.Set("Authorization", p.authorization(version))
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	resp, err := p.do(r)
	if err != nil {
		return a, fmt.Errorf("onenet: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusUnauthorized || resp.StatusCode == http.StatusForbidden {
		return a, fmt.Errorf("%w: %s", errAuth, resp.Status)
	}
	b, err := io.ReadAll(io.LimitReader(resp.Body, mostServed))
	if err != nil {
		return a, fmt.Errorf("onenet: %w", err)
	}
	if resp.StatusCode != http.StatusOK || json.Unmarshal(b, &a) != nil {
		return a, fmt.Errorf("onenet: %s %s: %s", method, path, resp.Status)
	}
	code, msg, told := a.code()
	switch {
	case !told:
		return a, fmt.Errorf("onenet: %s %s: an answer without a code", method, path)
	case code != 0 && strings.Contains(strings.ToLower(msg), "auth"):
		return a, fmt.Errorf("%w: %d %s", errAuth, code, msg)
	}
	return a, nil
}

// refused is a code that is none of those that are expected.
func refused(a served) error {
	code, msg, _ := a.code()
	if code == 0 {
		return nil
	}
	return fmt.Errorf("%w %d %s", errCode, code, msg)
}

// errCode is a code of the service that means no good.
var errCode = errors.New("onenet: code")

// plainVersion is a version as the platform takes it.
func plainVersion(v string) string {
	v = strings.Map(func(r rune) rune {
		if strings.ContainsRune("_.-", r) || r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' {
			return r
		}
		return '-'
	}, v)
	return v[:min(len(v), mostVersion)]
}

// Report tells the version of the application; that of a module has to stand
// beside it.
func (p *Puller) Report(ctx context.Context, version string) error {
	a, err := p.ask(ctx, http.MethodPost, "/version", map[string]string{"s_version": plainVersion(version), "f_version": plainVersion(version)})
	if err != nil {
		return err
	}
	return refused(a)
}

// Check asks for a package. One that is a difference to another program is
// refused: there is nothing here that could put it together.
func (p *Puller) Check(ctx context.Context, version string) (uplink.Package, bool, error) {
	a, err := p.ask(ctx, http.MethodGet, "/check?type="+strconv.Itoa(application)+"&version="+url.QueryEscape(plainVersion(version)), nil)
	if err != nil {
		return uplink.Package{}, false, err
	}
	if code, _, _ := a.code(); code == codeNoTask || code == codeTaskDone {
		return uplink.Package{}, false, nil
	}
	if err := refused(a); err != nil {
		return uplink.Package{}, false, err
	}
	var task struct {
		Target string `json:"target"`
		ID     int64  `json:"tid"`
		Size   int64  `json:"size"`
		MD5    string `json:"md5"`
		Type   int    `json:"type"`
	}
	if err := json.Unmarshal(a.Data, &task); err != nil || task.ID < 1 || task.Size < 1 {
		return uplink.Package{}, false, fmt.Errorf("onenet: a task that is none: %s", a.Data)
	}
	job := strconv.FormatInt(task.ID, 10)
	if task.Type != whole {
		return uplink.Package{}, false, errors.Join(errors.New("onenet: a difference to another program is refused"), p.step(ctx, job, stepNotTaken))
	}
	pack := uplink.Package{Job: job, Version: task.Target, Size: task.Size, Digest: task.MD5, URL: p.base + "/" + job + "/download", Header: map[string]string{"Authorization": p.authorization(tokenVersion)}}
	pack.Good = func(header func(string) string) error {
		if errno := header("Ota-Errno"); errno != "" && errno != "0" {
			return fmt.Errorf("onenet: Ota-Errno %s", errno)
		}
		return nil
	}
	return pack, true, nil
}

// step tells how far a package is, or what came of it.
func (p *Puller) step(ctx context.Context, job string, n int) error {
	a, err := p.ask(ctx, http.MethodPost, "/"+job+"/status", map[string]int{"step": n})
	if err != nil {
		return err
	}
	return refused(a)
}

// Tell tells how far it is. A download has to be told whole before anything
// else is.
func (p *Puller) Tell(ctx context.Context, at uplink.Progress) error {
	if id, err := strconv.ParseInt(at.Job, 10, 64); err != nil || id < 1 {
		return fmt.Errorf("onenet: %q is no task", at.Job)
	}
	switch at.Stage {
	case uplink.Fetching:
		return p.step(ctx, at.Job, min(at.Percent, 99))
	case uplink.Installing:
		return errors.Join(p.step(ctx, at.Job, 100), p.step(ctx, at.Job, stepDownloaded))
	case uplink.Installed:
		err := p.step(ctx, at.Job, stepDone)
		if errors.Is(err, errCode) { // the report of its version has ended the task
			err = nil
		}
		return err
	case uplink.Failed:
		return p.step(ctx, at.Job, map[uplink.Failure]int{uplink.NoRoom: stepNoRoom, uplink.Broken: stepNotCome, uplink.BadDigest: stepDigest, uplink.NotTaken: stepNotTaken, uplink.TakenBack: stepNotTaken}[at.Failure])
	}
	return nil
}
